"""Orbitals that depend on all electrons through features of each."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.pairs import electron_nucleus_distances


class OrbitalCorrections(keras.layers.Layer):
    r"""K sets of orbitals phi_k(r_i) (1 + f_k(h_i)) + g_k(h_i) chi(r_i), with f and g linear in the features h_i.

    In the first set f and g start at zero. In further sets g (without additive terms: f) starts at random, so that
    determinants of different sets differ from the beginning.

    Args:
        multiplets: Number of the multiplet of each orbital: orbitals of one have the same factor 1 + f.
        sets: K.
        envelope: The layer chi, from positions to ``(batch, n, 1)``; None leaves the additive term out.

    Call: orbitals ``(batch, n, n_orbitals)``, features ``(batch, n, width)`` and positions ``(batch, n, dim)`` to
    ``(batch, sets, n, n_orbitals)``.
    """

    def __init__(self, multiplets: np.ndarray, sets: int = 1, envelope: keras.layers.Layer | None = None, **kwargs):
        super().__init__(**kwargs)
        self.sets, self.envelope, self.n_orbitals = sets, envelope, len(multiplets)
        self.members = np.eye(1 + max(multiplets))[multiplets].T  # (multiplets, orbitals)
        start = first_set_zero(sets)
        self.factor = keras.layers.Dense(
            sets * len(self.members), kernel_initializer="zeros" if envelope else start, name="factor"
        )
        if envelope:
            self.term = keras.layers.Dense(sets * self.n_orbitals, kernel_initializer=start, name="term")

    def build(self, orbitals_shape, features_shape, positions_shape=None):
        self.factor.build(features_shape)
        if self.envelope:
            self.term.build(features_shape)
            self.envelope.build(positions_shape)

    def call(self, orbitals, features, positions):
        shape = (-1, features.shape[1], self.sets)
        factor = ops.reshape(self.factor(features), (*shape, len(self.members)))
        factor = ops.matmul(factor, ops.convert_to_tensor(self.members, dtype=factor.dtype))
        corrected = ops.expand_dims(orbitals, 2) * (1.0 + factor)
        if self.envelope:
            chi = ops.expand_dims(self.envelope(positions), -1)
            corrected = corrected + ops.reshape(self.term(features), (*shape, self.n_orbitals)) * chi
        return ops.transpose(corrected, (0, 2, 1, 3))


def first_set_zero(sets: int):
    """Initialiser of kernels whose outputs are ``sets`` equal parts: the first part zero, the others random."""
    random = keras.initializers.LecunNormal()

    def initialise(shape, dtype=None):
        first = ops.cast(ops.arange(shape[1]) < shape[1] // sets, dtype)
        return random(shape, dtype=dtype) * (1.0 - first)

    return initialise


class SmoothEnvelope(keras.layers.Layer):
    r"""How orbitals decay: one smooth function chi(r) for all.

    About nuclei chi = sum_A exp(-zeta_A (sqrt(r_A^2 + 1/Z_A^2) - 1/Z_A)) with trainable zeta_A, one at first; in a trap
    exp(-zeta r^2 / (2 l^2)) with l the system's length scale.

    Call: positions ``(batch, n, dim)`` to ``(batch, n, 1)``.
    """

    def __init__(self, system, **kwargs):
        super().__init__(**kwargs)
        self.nuclei, self.charges = system.nuclei, system.charges
        self.length = system.length_scale

    def build(self, input_shape):
        self.log_rate = self.add_weight(shape=(max(1, len(self.charges)),), initializer="zeros", name="log_rate")

    def call(self, positions):
        rates = ops.exp(self.log_rate)
        if not len(self.charges):
            squares = ops.sum(ops.square(positions / self.length), axis=-1, keepdims=True)
            return ops.exp(squares * (-0.5 * rates))
        distances = electron_nucleus_distances(positions, self.nuclei)
        cores = ops.convert_to_tensor(1.0 / self.charges, dtype=positions.dtype)
        shifted = ops.sqrt(ops.square(distances) + ops.square(cores)) - cores
        return ops.sum(ops.exp(-shifted * rates), axis=-1, keepdims=True)
