"""The four states of a site."""

from __future__ import annotations

import keras
from keras import ops


def site_states(first, second):
    """Which of its states each site is in: one-hot, in the order 00, 01, 10, 11 of (first, second).

    Args:
        first, second: Occupations of one spin and of the other, each ``(batch, n_sites)``.

    Returns:
        ``(batch, n_sites, 4)`` in the working precision.
    """
    first, second = (ops.cast(values, keras.config.floatx()) for values in (first, second))
    no_first, no_second = 1.0 - first, 1.0 - second
    return ops.stack([no_first * no_second, no_first * second, first * no_second, first * second], axis=-1)
