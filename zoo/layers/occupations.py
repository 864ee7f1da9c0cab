"""From occupation numbers to the matrices of a Slater determinant."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def occupied_rows(occupations, n_electrons: int):
    """One-hot rows that select the occupied sites in ascending order.

    Args:
        occupations: Of one spin, ``(batch, n_sites)``.
        n_electrons: How many of the sites are occupied.

    Returns:
        ``(batch, n_electrons, n_sites)`` in the working precision. A product with it picks the rows of orbitals, and
        its derivative is a product too, where a gather would scatter.
    """
    filled = ops.cast(occupations, keras.config.floatx())
    up_to = ops.convert_to_tensor(np.triu(np.ones((occupations.shape[-1],) * 2)), dtype=filled.dtype)
    number = ops.expand_dims(ops.matmul(filled, up_to) * filled, 1)  # a running count; ops.cumsum takes longer on CPUs
    electrons = ops.reshape(ops.arange(1, n_electrons + 1, dtype=filled.dtype), (1, n_electrons, 1))
    return ops.cast(ops.equal(number, electrons), filled.dtype)


def charge_and_spin(occupations):
    """n - 1 and m = n_up - n_down on each site: occupations ``(batch, 2, n_sites)`` to two ``(batch, n_sites)``."""
    filled = ops.cast(occupations, keras.config.floatx())
    return filled[:, 0] + filled[:, 1] - 1.0, filled[:, 0] - filled[:, 1]
