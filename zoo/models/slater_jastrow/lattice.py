"""Slater-Jastrow on a lattice."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.determinant import slogdet
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.occupations import occupied_rows
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class SlaterJastrow(Wavefunction):
    """Psi(n) = det[phi_k(i), i occupied by up] det[phi_k(i), i occupied by down] exp J(n), with trainable orbitals.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: ``"screened"`` starts from the mean field of |U| <= 4 |t|, ``"unrestricted"`` from that of U itself,
            ``"free"`` from the hopping alone.
        train_orbitals: Whether the orbitals are optimised.
    """

    def __init__(self, system: LatticeSystem, orbitals: str = "screened", train_orbitals: bool = True, name=None):
        super().__init__(system, name=name, orbitals=orbitals, train_orbitals=train_orbitals)
        self.orbitals = [
            self.add_weight(
                shape=values.shape,
                initializer=keras.initializers.Constant(values),
                trainable=train_orbitals,
                name=f"orbitals_{spin}",
            )
            if values.size
            else None
            for spin, values in zip(("up", "down"), system.orbitals(orbitals), strict=True)
        ]
        both_move = all(0 < count < system.n_sites for count in (system.n_up, system.n_down))
        self.jastrow = LatticeJastrow(system.displacement_classes(), gutzwiller=both_move, name="jastrow")
        self.create_weights()

    def call(self, occupations):
        sign, log_abs = 1.0, self.jastrow(occupations)
        for spin, (orbitals, count) in enumerate(
            zip(self.orbitals, (self.system.n_up, self.system.n_down), strict=True)
        ):
            if orbitals is not None:
                rows = ops.matmul(occupied_rows(occupations[:, spin], count), orbitals)
                spin_sign, spin_log_abs = slogdet(rows)
                sign, log_abs = spin_sign * sign, log_abs + spin_log_abs
        return sign, log_abs
