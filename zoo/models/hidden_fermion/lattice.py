"""Hidden fermions on a lattice."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.complex_numbers import complex_columns, real_columns
from zoo.layers.determinant import slogdet
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.lattice_network import OccupationNetwork
from zoo.layers.lattice_orbitals import LatticeOrbitals, first_orbitals, occupied_sites, small_numbers, spins_present
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class HiddenFermion(Wavefunction):
    """A determinant of the electrons and of M hidden fermions, whose orbitals a network makes of all occupations.

        Psi(n) = det [[phi, chi], [r(n), 1 + s(n)]] exp J(n)

    with rows of phi (N, N) and chi (N, M) at the occupied sites, up ones first, and r (M, N) and s (M, M) made by a
    network, both zero at first: it starts as the Slater-Jastrow wavefunction.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: ``"screened"``, ``"unrestricted"`` or ``"free"``, as in `SlaterJastrow`.
        hidden_fermions: M.
        hidden: Units of each hidden layer of the network.
        layers: Hidden layers.
    """

    complex_values = True

    def __init__(
        self,
        system: LatticeSystem,
        orbitals: str = "screened",
        hidden_fermions: int = 8,
        hidden: int = 64,
        layers: int = 1,
        name=None,
    ):
        super().__init__(
            system, name=name, orbitals=orbitals, hidden_fermions=hidden_fermions, hidden=hidden, layers=layers
        )
        n, m = system.n_electrons, hidden_fermions
        start = [
            np.concatenate([values, small_numbers((system.n_sites, m), seed=1 + spin)], axis=1)
            for spin, values in enumerate(first_orbitals(system, orbitals, mixed=True))
        ]
        self.orbitals = LatticeOrbitals(start, name="orbitals")
        self.network = OccupationNetwork(spins_present(system), hidden, layers, name="network")
        self.first_rows = np.eye(m, n + m, n)
        if self.orbitals.is_complex:
            self.first_rows = real_columns(self.first_rows)
        self.rows = keras.layers.Dense(self.first_rows.size, kernel_initializer="zeros", name="rows")
        self.jastrow = LatticeJastrow.of(system)
        self.create_weights()

    def call(self, occupations):
        visible = ops.concatenate(self.orbitals(occupied_sites(self.system, occupations)), axis=1)
        rows = ops.reshape(self.rows(self.network(occupations)), (-1, *self.first_rows.shape))
        rows = rows + ops.convert_to_tensor(self.first_rows, dtype=rows.dtype)
        if self.orbitals.is_complex:
            rows = complex_columns(rows)
        sign, log_abs = slogdet(ops.concatenate([visible, rows], axis=1))
        return sign, log_abs + self.jastrow(occupations)
