"""Constants of layers whose entries others may look at."""

from __future__ import annotations

import keras
import numpy as np


def matrix(entries, dtype) -> np.ndarray:
    """A constant factor of a product of tensors of type ``dtype``, left a NumPy array.

    So whoever traces a layer knows which entries are zero: the forward Laplacian keeps to the two electrons of a pair.
    A tensor does not tell: on JAX one that is made while a function is compiled has no values yet.
    """
    return np.asarray(entries, dtype=keras.backend.standardize_dtype(dtype))
