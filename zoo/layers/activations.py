"""Activations in the precision of their argument."""

from __future__ import annotations

import keras
from keras import ops


def tanh(x):
    """tanh(x), by the logistic function where `keras.ops.tanh` would round to float32 (Keras 3.15 on JAX)."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    if ops.tanh(keras.KerasTensor((1,), dtype=dtype)).dtype == dtype:
        return ops.tanh(x)
    return 2.0 * ops.sigmoid(2.0 * x) - 1.0
