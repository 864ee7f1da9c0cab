"""Orbitals that are linear in features of the electrons, K sets of them."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.envelopes import Envelopes


class NeuralOrbitals(keras.layers.Layer):
    r"""Orbital matrices phi^k_m(i) = (w^k_m . h_i + g^k_m) chi^k_m(r_i), with weights and envelopes chi of each spin.

    ``dense`` matrices hold all electrons and all orbitals, (n_up + n_down) square, and their determinant is that of one
    matrix with orbitals of both spins. Otherwise each spin has a matrix of its own.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        sets: K.
        dense: One matrix for both spins instead of one for each.
        bias: Whether there are constants g.

    Call: features ``(batch, n_electrons, width)``, positions ``(batch, n_electrons, dim)`` to a list of matrices
    ``(batch, K, n, n)``: a single one, or one for each spin that has electrons.
    """

    def __init__(self, system, sets: int, dense: bool, bias: bool, **kwargs):
        super().__init__(**kwargs)
        self.sets, self.dense = sets, dense
        n_up, n_down = system.n_up, system.n_down
        spins = [("up", 0, n_up), ("down", n_up, n_up + n_down)]
        self.spins = [(name, first, last) for name, first, last in spins if last > first]
        self.sizes = [n_up + n_down if dense else last - first for _, first, last in self.spins]
        self.weights_of = [
            keras.layers.Dense(sets * size, use_bias=bias, kernel_initializer="lecun_normal", name=f"weights_{name}")
            for (name, _, _), size in zip(self.spins, self.sizes, strict=True)
        ]
        self.envelopes = [
            Envelopes(system, sets * size, name=f"envelopes_{name}")
            for (name, _, _), size in zip(self.spins, self.sizes, strict=True)
        ]

    def call(self, features, positions):
        rows = []
        for index, (_, first, last) in enumerate(self.spins):
            values = self.weights_of[index](features[:, first:last])
            if len(self.envelopes[index].centres):  # a periodic cell has none, and no envelopes
                values = values * self.envelopes[index](positions[:, first:last])
            rows.append(ops.reshape(values, (-1, last - first, self.sets, self.sizes[index])))
        if self.dense and len(rows) > 1:
            rows = [ops.concatenate(rows, axis=1)]
        return [ops.transpose(values, (0, 2, 1, 3)) for values in rows]
