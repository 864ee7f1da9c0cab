"""FermiNet in continuous space."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.activations import tanh
from zoo.layers.constants import matrix
from zoo.layers.determinant import sum_of_products
from zoo.layers.distance_features import CentreDistances, ElectronDistances
from zoo.layers.neural_orbitals import NeuralOrbitals
from zoo.systems.base import ContinuumSystem
from zoo.wavefunction import Wavefunction


class FermiLayer(keras.layers.Layer):
    r"""h_i <- h_i + tanh(V [h_i, mean_s h_j, mean_s h_ij] + b), with means over the electrons j of each spin s.

    The product with V is split by what it acts on, so that means are multiplied once a configuration and not once an
    electron. The old h_i is added where it has as many features as the new.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        width: Features of each electron.

    Call: features of electrons ``(batch, n, f)`` and of ordered pairs ``(batch, n^2, p)``, None with one electron, to
    ``(batch, n, width)``.
    """

    def __init__(self, system, width: int, **kwargs):
        super().__init__(**kwargs)
        self.width, self.n_electrons = width, system.n_electrons
        spin_down = np.arange(self.n_electrons) >= system.n_up
        members = np.stack([~spin_down, spin_down]).astype("float64")
        members = members[members.sum(axis=1) > 0]
        self.mean = members / members.sum(axis=1, keepdims=True)  # (spins, n)
        self.pair_mean = np.kron(np.eye(self.n_electrons), self.mean)  # (n spins, n^2)

    def build(self, electrons_shape, pairs_shape=None):
        spins, features = len(self.mean), electrons_shape[-1]
        inputs = [features, spins * features] + ([spins * pairs_shape[-1]] if pairs_shape else [])
        names = ("electron", "means", "pair_means")

        def initializer(count: int):
            return keras.initializers.VarianceScaling(count / sum(inputs), "fan_in", "truncated_normal")

        self.parts = [
            keras.layers.Dense(self.width, use_bias=index == 0, kernel_initializer=initializer(count), name=name)
            for index, (name, count) in enumerate(zip(names, inputs, strict=False))
        ]
        for part, count in zip(self.parts, inputs, strict=True):
            part.build((None, count))

    def call(self, electrons, pairs=None):
        def averaged(weights, values):
            summed = ops.einsum("qp,bpf->bqf", matrix(weights, values.dtype), values)
            return ops.reshape(summed, (-1, len(weights) // len(self.mean), len(self.mean) * values.shape[-1]))

        total = self.parts[0](electrons) + self.parts[1](averaged(self.mean, electrons))
        if pairs is not None:
            total = total + self.parts[2](averaged(self.pair_mean, pairs))
        return residual(electrons, tanh(total))


def residual(old, new):
    """old + new where they have equally many features, else new."""
    return old + new if old.shape[-1] == new.shape[-1] else new


class FermiNet(Wavefunction):
    """Psi = sum_k det[phi^k_m(r_i; R)], orbitals of each electron in the presence of all others.

    Args:
        system: A continuum system.
        layers: Layers of the stream of single electrons; that of pairs has one less.
        width: Features of each electron.
        pair_width: Features of each pair.
        determinants: Determinants, or products of one for each spin.
        full_determinant: Whether one matrix holds the orbitals of both spins.
    """

    needs_pretraining = True
    exact_cusps = frozenset()

    def __init__(
        self,
        system: ContinuumSystem,
        layers: int = 3,
        width: int = 32,
        pair_width: int = 8,
        determinants: int = 4,
        full_determinant: bool = True,
        name=None,
    ):
        sizes = {"layers": layers, "width": width, "pair_width": pair_width}
        super().__init__(system, name=name, **sizes, determinants=determinants, full_determinant=full_determinant)
        self.electron_inputs = CentreDistances(system, name="electron_inputs")
        self.pair_inputs = ElectronDistances(system, name="pair_inputs") if system.n_electrons > 1 else None
        self.electron_layers = [FermiLayer(system, width, name=f"electrons_{index}") for index in range(layers)]
        self.pair_layers = [
            keras.layers.Dense(pair_width, kernel_initializer="lecun_normal", name=f"pairs_{index}")
            for index in range(layers - 1 if system.n_electrons > 1 else 0)
        ]
        self.orbitals = NeuralOrbitals(system, determinants, full_determinant, bias=True, name="orbitals")
        self.create_weights()

    def orbital_matrices(self, positions):
        electrons = self.electron_inputs(positions)
        pairs = self.pair_inputs(positions) if self.pair_inputs else None
        for index, layer in enumerate(self.electron_layers):
            updated = layer(electrons, pairs)
            if index < len(self.pair_layers):
                pairs = residual(pairs, tanh(self.pair_layers[index](pairs)))
            electrons = updated
        return self.orbitals(electrons, positions)

    def call(self, positions):
        return sum_of_products(self.orbital_matrices(positions))
