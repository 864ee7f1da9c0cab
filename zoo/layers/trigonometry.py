"""Sine and cosine in the precision of their argument.

Keras 3.15 computes them in float32 on JAX, also for float64. Where it would, their Taylor series does the work, after
the argument has been brought to [-pi/2, pi/2].
"""

from __future__ import annotations

import math

import keras
from keras import ops

_TERMS = 12
"""(pi/2)^25 / 25! is below the rounding of float64."""


def sin(x):
    """sin(x), elementwise."""
    if _keeps_precision(x.dtype):
        return ops.sin(x)
    turns = ops.stop_gradient(ops.round(x / math.pi))
    reduced = x - turns * math.pi
    odd = turns - 2.0 * ops.stop_gradient(ops.round(0.5 * turns))  # 0, or 1 or -1 for odd numbers of half turns
    square = ops.square(reduced)
    series = ops.ones_like(square)
    for order in range(_TERMS - 1, 0, -1):
        series = 1.0 - square * series / (2 * order * (2 * order + 1))
    return reduced * series * (1.0 - 2.0 * ops.square(odd))


def cos(x):
    """cos(x), elementwise."""
    if _keeps_precision(x.dtype):
        return ops.cos(x)
    return sin(x + 0.5 * math.pi)


def _keeps_precision(dtype) -> bool:
    """Whether Keras computes sines of that type in that type, asked of its own shape and type inference."""
    dtype = keras.backend.standardize_dtype(dtype)
    return ops.sin(keras.KerasTensor((1,), dtype=dtype)).dtype == dtype
