"""From occupation numbers to the matrices of a Slater determinant."""

from __future__ import annotations

import keras
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
    order = ops.cumsum(ops.cast(occupations, "int32"), axis=-1)
    electrons = ops.arange(1, n_electrons + 1, dtype="int32")
    number = ops.expand_dims(order * ops.cast(occupations, "int32"), 1)
    return ops.cast(ops.equal(number, ops.reshape(electrons, (1, n_electrons, 1))), keras.config.floatx())


def charge_and_spin(occupations):
    """n - 1 and m = n_up - n_down on each site: occupations ``(batch, 2, n_sites)`` to two ``(batch, n_sites)``."""
    filled = ops.cast(occupations, keras.config.floatx())
    return filled[:, 0] + filled[:, 1] - 1.0, filled[:, 0] - filled[:, 1]
