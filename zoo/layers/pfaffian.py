"""Pfaffians of antisymmetric matrices."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.determinant import slogdet


def slog_pfaffian(matrices):
    """Sign and log|Pf| of antisymmetric matrices ``(..., n, n)``, n even; a singular matrix is treated as in `slogdet`.

    Pf^2 = det gives log|Pf| = log|det| / 2, with its derivatives, and leaves the sign open, which an elimination
    without derivatives finds.

    Returns:
        ``(sign, log_abs)``, each ``(...)``.
    """
    nonzero, log_abs = slogdet(matrices)
    return _sign(ops.stop_gradient(matrices)) * ops.abs(nonzero), 0.5 * log_abs


def _sign(matrices):
    """Sign of Pf, -1 or 1, by elimination with pivoting; arbitrary where a matrix is singular.

    Each round brings the largest entry of the first row to its second place by exchanging two rows and the same two
    columns, which changes the sign of Pf. Then Pf is this entry a_12 times Pf of what remains after

        a_ij <- a_ij - (a_1i a_2j - a_2i a_1j) / a_12,     i, j > 2.

    Source: M. Wimmer, ACM Trans. Math. Softw. 38, 30 (2012).
    """
    sign = ops.ones_like(matrices[..., 0, 0])
    for size in range(matrices.shape[-1], 0, -2):
        place = ops.argmax(ops.abs(matrices[..., 0, 1:]), axis=-1)
        exchange = _exchange(place + 1, matrices)
        matrices = ops.matmul(ops.matmul(exchange, matrices), exchange)
        pivot = matrices[..., 0, 1]
        sign = ops.where(ops.logical_xor(ops.not_equal(place, 0), ops.less(pivot, 0.0)), -sign, sign)
        if size > 2:
            pivot = ops.where(ops.equal(pivot, 0.0), ops.ones_like(pivot), pivot)
            first = matrices[..., 0, 2:] / ops.expand_dims(pivot, -1)
            products = ops.expand_dims(first, -1) * ops.expand_dims(matrices[..., 1, 2:], -2)
            matrices = matrices[..., 2:, 2:] - products + ops.swapaxes(products, -1, -2)
    return sign


def _exchange(place, matrices):
    """The permutation matrices ``(..., n, n)`` that exchange number 1 with number ``place``."""
    size, dtype = matrices.shape[-1], keras.backend.standardize_dtype(matrices.dtype)
    difference = ops.one_hot(place, size, dtype=dtype) - ops.one_hot(ops.ones_like(place), size, dtype=dtype)
    return ops.eye(size, dtype=dtype) - ops.expand_dims(difference, -1) * ops.expand_dims(difference, -2)
