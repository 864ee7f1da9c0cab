"""Orbitals of the isotropic harmonic oscillator."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


class OscillatorOrbitals(keras.layers.Layer):
    r"""Harmonic-oscillator orbitals with a trainable trap frequency and trainable mixing with higher shells.

    phi_k(r) = b_k(r) + sum_v mixing_vk b_v(r) over the levels v above the occupied ones, b_n the Cartesian
    oscillator states of frequency scale * omega. At the start scale = 1 and mixing = 0: the exact orbitals of the
    trap. Mixing with other occupied orbitals would leave the determinant unchanged, so it is no parameter.

    Args:
        levels: Quantum numbers ``(n_x, n_y[, n_z])`` of the occupied orbitals.
        omega: Trap frequency.
        virtual_levels: Quantum numbers of the levels that may mix in.

    Call: positions ``(batch, m, dim)`` to orbitals ``(batch, m, len(levels))``.
    """

    def __init__(self, levels, omega: float, virtual_levels=(), **kwargs):
        super().__init__(**kwargs)
        self.levels = [tuple(level) for level in levels]
        self.virtual_levels = [tuple(level) for level in virtual_levels]
        self.omega = omega

    def build(self, input_shape):
        self.log_scale = self.add_weight(shape=(), initializer="zeros", name="log_scale")
        if self.virtual_levels:
            shape = (len(self.virtual_levels), len(self.levels))
            self.mixing = self.add_weight(shape=shape, initializer="zeros", name="mixing")

    def call(self, positions):
        scaled = positions * ops.exp(0.5 * self.log_scale) * self.omega**0.5
        levels = self.levels + self.virtual_levels
        highest = max(max(level) for level in levels)
        hermite = _normalised_hermite(scaled, highest)  # (batch, m, dim, highest + 1)
        values = None
        for axis in range(positions.shape[-1]):
            chosen = np.zeros((highest + 1, len(levels)))
            chosen[[level[axis] for level in levels], range(len(levels))] = 1.0
            factor = ops.matmul(hermite[:, :, axis], ops.convert_to_tensor(chosen, dtype=positions.dtype))
            values = factor if values is None else values * factor
        envelope = ops.exp(-0.5 * ops.sum(ops.square(scaled), axis=-1, keepdims=True))
        values = values * envelope
        occupied = values[..., : len(self.levels)]
        if self.virtual_levels:
            occupied = occupied + ops.matmul(values[..., len(self.levels) :], self.mixing)
        return occupied

    def get_config(self):
        return {
            **super().get_config(),
            "levels": self.levels,
            "omega": self.omega,
            "virtual_levels": self.virtual_levels,
        }


def _normalised_hermite(x, highest: int):
    """H_n(x) / sqrt(2^n n!) for n = 0 ... highest, on a new last axis."""
    values = [ops.ones_like(x), x * 2**0.5]
    for n in range(1, highest):
        values.append(x * (2.0 / (n + 1)) ** 0.5 * values[n] - (n / (n + 1)) ** 0.5 * values[n - 1])
    return ops.stack(values[: highest + 1], axis=-1)
