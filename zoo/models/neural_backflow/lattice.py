"""Neural backflow on a lattice."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.determinant import product_of_determinants
from zoo.layers.lattice_backflow import LatticeBackflow
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.lattice_network import OccupationNetwork
from zoo.layers.lattice_orbitals import LatticeOrbitals, first_orbitals, mixes_spins, occupied_sites, spins_present
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction

_SHARE = 0.3
"""How strongly, beside the orbitals themselves, the features of the network act together on the corrections.

The natural gradient takes the shortest step in the space of the weights: without this factor it would turn every slope
of the energy with respect to an orbital into one of the many features first, and learn noise.
"""


class NeuralBackflow(Wavefunction):
    """Slater-Jastrow-backflow with orbitals phi_k(i) + a_ki(n), a from a network of all occupations.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: As in `zoo.models.slater_jastrow.lattice.SlaterJastrow`.
        backflow, backflow_range: Form and reach of `zoo.layers.lattice_backflow.LatticeBackflow`.
        hidden: Units of each hidden layer of the network.
        layers: Hidden layers.
    """

    complex_values = True

    def __init__(
        self,
        system: LatticeSystem,
        orbitals: str = "auto",
        backflow: str = "general",
        backflow_range: int = 2,
        hidden: int = 64,
        layers: int = 1,
        name=None,
    ):
        form = {"backflow": backflow, "backflow_range": backflow_range}
        super().__init__(system, name=name, orbitals=orbitals, **form, hidden=hidden, layers=layers)
        self.mixed = mixes_spins(system, orbitals)
        self.orbitals = LatticeOrbitals(first_orbitals(system, orbitals), name="orbitals")
        self.backflow = LatticeBackflow(system, backflow, backflow_range, name="backflow")
        self.network = OccupationNetwork(spins_present(system), hidden, layers, name="network")
        self.shapes = [values.shape for values in self.orbitals.start]
        zeros = {"kernel_initializer": "zeros", "use_bias": False}
        self.corrections = [
            keras.layers.Dense(int(np.prod(shape)), name=f"correction_{number}", **zeros)
            for number, shape in enumerate(self.shapes)
        ]
        self.jastrow = LatticeJastrow.of(system)
        self.create_weights()

    def call(self, occupations):
        features = self.network(occupations)
        features = features * (_SHARE / features.shape[-1] ** 0.5)
        corrections = [
            ops.reshape(correction(features), (-1, *shape))
            for correction, shape in zip(self.corrections, self.shapes, strict=True)
        ]
        sites = self.backflow(occupied_sites(self.system, occupations), occupations)
        matrices = self.orbitals(sites, corrections)
        if self.mixed:
            matrices = [ops.concatenate(matrices, axis=1)]
        sign, log_abs = product_of_determinants(matrices)
        return sign, log_abs + self.jastrow(occupations)
