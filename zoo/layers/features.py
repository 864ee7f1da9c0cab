"""Inputs of the networks of backflow: smooth functions of the coordinates of one electron and of two.

All are analytic in the coordinates, also where particles meet. A determinant made from them leaves every cusp as it
is: an even function of a vector has no slope in its length, and an antisymmetric one starts linearly with no quadratic
term. So the cusps are those of the Jastrow factor, for all values of the weights.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.pairs import directions, electron_nucleus_differences, ordered_pairs, separations

_NEAR = 3.0
"""Inverse of the shorter of the two lengths, in length scales, that features of a pair resolve."""


class OneElectronFeatures(keras.layers.Layer):
    """Where one electron is, and its spin where there are more electrons of one spin than of the other.

    For every centre (`zoo.systems.base.ContinuumSystem.centres`), with d = (r - R) / length scale:
    d / sqrt(1 + d^2), log(1 + d^2), 1 / (1 + d^2), and 1 / (1 + Z^2 |r - R|^2) at a nucleus of charge Z. Without
    centres the electrons are known by their distances from each other alone, as translational symmetry asks for.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch, n_electrons, size)``.

    Attributes:
        size: Features of an electron.
        alike: Whether all electrons have the same, wherever they are.
    """

    def __init__(self, system, **kwargs):
        super().__init__(**kwargs)
        self.centres, self.charges, self.scale = system.centres, system.charges, system.length_scale
        signs = np.ones(system.n_electrons)
        if system.n_up != system.n_down:
            signs[system.n_up :] = -1.0
        self.spins = signs[:, None]
        self.size = 1 + len(self.centres) * (system.dim + 2) + len(self.charges)
        self.alike = not len(self.centres) and np.ptp(signs) == 0

    def call(self, positions):
        spins = ops.convert_to_tensor(self.spins, dtype=positions.dtype)
        parts = [ops.zeros_like(positions[..., :1]) + spins]
        if len(self.centres):
            differences = electron_nucleus_differences(positions, self.centres) / self.scale
            squares = ops.sum(ops.square(differences), axis=-1)
            bounded = differences / ops.expand_dims(ops.sqrt(1.0 + squares), -1)
            parts.append(ops.reshape(bounded, (-1, positions.shape[1], len(self.centres) * positions.shape[2])))
            parts += [ops.log(1.0 + squares), 1.0 / (1.0 + squares)]
            if len(self.charges):
                cores = ops.convert_to_tensor(np.square(self.charges * self.scale), dtype=positions.dtype)
                parts.append(1.0 / (1.0 + squares * cores))
        return ops.concatenate(parts, axis=-1)


class PairFeatures(keras.layers.Layer):
    """How electron j is seen from electron i, for all N^2 ordered pairs: the pair (i, j) is number i N + j.

    With d = (r_i - r_j) / length scale, periodic where the system is: d / sqrt(1 + d^2), log(1 + d^2), 1 / (1 + d^2),
    1 / (1 + 9 d^2), and +1 or -1 for equal or opposite spins.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch, n_electrons^2, size)``; the first ``dim`` are the
    direction.
    """

    def __init__(self, system, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.cell = system.length_scale, system.cell
        self.group = ordered_pairs(system.n_electrons)
        up = np.arange(system.n_electrons) < system.n_up
        self.same_spin = (up[:, None] == up).reshape(-1, 1)
        self.size = system.dim + 4

    def call(self, positions):
        differences = self.group.differences(positions)
        vectors = directions(differences, self.cell) / self.scale
        squares = ops.sum(ops.square(separations(differences, self.cell) / self.scale), axis=-1, keepdims=True)
        spins = ops.convert_to_tensor(np.where(self.same_spin, 1.0, -1.0), dtype=positions.dtype)
        return ops.concatenate(
            [
                vectors / ops.sqrt(1.0 + squares),
                ops.log(1.0 + squares),
                1.0 / (1.0 + squares),
                1.0 / (1.0 + _NEAR**2 * squares),
                ops.zeros_like(squares) + spins,
            ],
            axis=-1,
        )
