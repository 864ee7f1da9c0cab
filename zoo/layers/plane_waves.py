"""Real plane waves of a periodic cell."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.trigonometry import sin


class PlaneWaves(keras.layers.Layer):
    """sqrt(2) cos(G.r) and sqrt(2) sin(G.r) for each wave vector G = 2 pi n / L, and 1 for n = 0: no weights.

    Their squares have the mean 1 over the cell, and different ones are orthogonal, if of n and -n one is given.

    Args:
        vectors: Integer vectors n.
        cell: Side L of the cell in bohr.
        count: How many of the functions, from the first; by default all.

    Call: positions ``(batch, m, dim)`` to values ``(batch, m, count)``, in the order of the vectors, a cosine before
    its sine.
    """

    def __init__(self, vectors, cell: float, count: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.vectors = [tuple(vector) for vector in vectors]
        self.cell = cell
        # A cosine is a sine a quarter of a turn ahead: one operation for all.
        waves = [(n, quarter) for n in self.vectors for quarter in ((1, 0) if any(n) else (1,))]
        self.count = len(waves) if count is None else count
        waves = waves[: self.count]
        self.wave_vectors = 2 * np.pi / cell * np.array([n for n, _ in waves], dtype="float64").T
        self.phases = 0.5 * np.pi * np.array([quarter for _, quarter in waves])
        self.amplitudes = np.array([2**0.5 if any(n) else 1.0 for n, _ in waves])

    def call(self, positions):
        def constant(array):
            return ops.convert_to_tensor(array, dtype=positions.dtype)

        angles = ops.matmul(positions, constant(self.wave_vectors)) + constant(self.phases)
        return sin(angles) * constant(self.amplitudes)

    def get_config(self):
        return {**super().get_config(), "vectors": self.vectors, "cell": self.cell, "count": self.count}
