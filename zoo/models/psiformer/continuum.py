"""PsiFormer in continuous space."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.activations import tanh
from zoo.layers.determinant import sum_of_products
from zoo.layers.distance_features import CentreDistances
from zoo.layers.neural_orbitals import NeuralOrbitals
from zoo.layers.pairs import norm, separations, spin_pairs
from zoo.layers.self_attention import SelfAttention
from zoo.systems.base import ContinuumSystem
from zoo.wavefunction import Wavefunction


class RationalJastrow(keras.layers.Layer):
    """sum_{i<j} -c a^2 / (a + r_ij), of slope c at r = 0 for every a; one c and one a for each type of spin pair.

    Electrons without repulsion have no cusp, and no such factor.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch,)``.
    """

    def __init__(self, system, **kwargs):
        super().__init__(**kwargs)
        self.cell = system.cell
        groups = [(system.electron_cusp(group.same_spin), group) for group in spin_pairs(system.n_up, system.n_down)]
        self.groups = [(cusp, group) for cusp, group in groups if cusp]

    def build(self, input_shape):
        self.ranges = [
            self.add_weight(shape=(), initializer="ones", name=f"range_{group.name}") for _, group in self.groups
        ]

    def call(self, positions):
        total = ops.zeros_like(positions[:, 0, 0])
        for (cusp, group), length in zip(self.groups, self.ranges, strict=True):
            distances = norm(separations(group.differences(positions), self.cell))
            total = total - ops.sum(1.0 / (distances + length), axis=-1) * (cusp * ops.square(length))
        return total


class PsiFormer(Wavefunction):
    """Psi = exp J sum_k det[phi^k_m(r_i; R)], the orbitals from self-attention between the electrons.

    Args:
        system: A continuum system.
        layers: Layers of attention, each followed by a layer with tanh.
        width: Features of each electron.
        heads: Heads of the attention; divides ``width``.
        determinants: Determinants of all electrons.
    """

    needs_pretraining = True
    exact_cusps = frozenset({"opposite_spin", "same_spin"})

    def __init__(
        self,
        system: ContinuumSystem,
        layers: int = 2,
        width: int = 32,
        heads: int = 4,
        determinants: int = 4,
        name=None,
    ):
        super().__init__(system, name=name, layers=layers, width=width, heads=heads, determinants=determinants)
        self.inputs_of_electrons = CentreDistances(system, rescaled=True, name="electron_inputs")
        self.spins = np.where(np.arange(system.n_electrons) < system.n_up, 1.0, -1.0)[:, None]
        self.embedding = keras.layers.Dense(width, use_bias=False, kernel_initializer="lecun_normal", name="embedding")
        alone = system.n_electrons == 1
        self.attention = [SelfAttention(width, heads, alone, name=f"attention_{index}") for index in range(layers)]
        self.updates = [
            keras.layers.Dense(width, kernel_initializer="lecun_normal", name=f"update_{index}")
            for index in range(layers)
        ]
        self.orbitals = NeuralOrbitals(system, determinants, dense=True, bias=False, name="orbitals")
        self.jastrow = RationalJastrow(system, name="jastrow")
        self.create_weights()

    def orbital_matrices(self, positions):
        inputs = self.inputs_of_electrons(positions)
        spins = ops.zeros_like(inputs[..., :1]) + ops.convert_to_tensor(self.spins, dtype=positions.dtype)
        features = self.embedding(ops.concatenate([inputs, spins], axis=-1))
        for attention, update in zip(self.attention, self.updates, strict=True):
            features = features + attention(features)
            features = features + tanh(update(features))
        return self.orbitals(features, positions)

    def call(self, positions):
        sign, log_abs = sum_of_products(self.orbital_matrices(positions))
        return sign, log_abs + self.jastrow(positions)
