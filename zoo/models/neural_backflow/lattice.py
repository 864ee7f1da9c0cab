"""Neural backflow on a lattice."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.activations import tanh
from zoo.layers.determinant import slogdet
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.lattice_orbitals import LatticeOrbitals, first_orbitals, mixes_spins, occupied_sites
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction

_SHARE = 0.3
"""How strongly, beside the orbitals themselves, the features of the network act together on the corrections.

The natural gradient takes the shortest step in the space of the weights: without this factor it would turn every slope
of the energy with respect to an orbital into one of the many features first, and learn noise.
"""


class NeuralBackflow(Wavefunction):
    """Slater-Jastrow with orbitals phi_k(i) + a_ki(n), a from a network of all occupations.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: As in `zoo.models.slater_jastrow.lattice.SlaterJastrow`.
        hidden: Units of each hidden layer of the network.
        layers: Hidden layers.
    """

    def __init__(self, system: LatticeSystem, orbitals: str = "auto", hidden: int = 64, layers: int = 1, name=None):
        super().__init__(system, name=name, orbitals=orbitals, hidden=hidden, layers=layers)
        self.mixed = mixes_spins(system, orbitals)
        start = first_orbitals(system, orbitals)
        self.orbitals = LatticeOrbitals(start, name="orbitals")
        dense = keras.layers.Dense
        self.hidden = [dense(hidden, name=f"hidden_{number}") for number in range(layers)]
        self.shapes = [values.shape for values in start]
        zeros = {"kernel_initializer": "zeros", "use_bias": False}
        self.corrections = [
            dense(int(np.prod(shape)), name=f"correction_{number}", **zeros) for number, shape in enumerate(self.shapes)
        ]
        self.jastrow = LatticeJastrow.of(system)
        self.create_weights()

    def call(self, occupations):
        features = 2.0 * ops.cast(occupations, keras.config.floatx()) - 1.0  # +1 for an electron, -1 for none
        features = ops.reshape(features, (-1, 2 * self.system.n_sites))
        for layer in self.hidden:
            features = tanh(layer(features))
        features = features * (_SHARE / features.shape[-1] ** 0.5)
        sites = occupied_sites(self.system, occupations)
        matrices = [
            matrix + ops.matmul(rows, ops.reshape(correction(features), (-1, *shape)))
            for matrix, rows, correction, shape in zip(
                self.orbitals(sites), sites, self.corrections, self.shapes, strict=True
            )
        ]
        if self.mixed:
            matrices = [ops.concatenate(matrices, axis=1)]
        sign, log_abs = 1.0, self.jastrow(occupations)
        for matrix in matrices:
            spin_sign, spin_log_abs = slogdet(matrix)
            sign, log_abs = spin_sign * sign, log_abs + spin_log_abs
        return sign, log_abs
