"""Laplacian by nested differentiation: one directional second derivative for each coordinate."""

from __future__ import annotations

from collections.abc import Callable

from keras import ops

from harness import backend


def gradient_and_laplacian(log_abs: Callable, positions):
    """Gradient and Laplacian of log|Psi|.

    Args:
        log_abs: Function from positions ``(batch, n_electrons, dim)`` to ``(batch,)`` that does not mix samples.
        positions: Where to differentiate.

    Returns:
        Gradient ``(batch, n_electrons, dim)`` and Laplacian ``(batch,)``. The cost is that of n_electrons * dim
        gradients of the whole batch.
    """
    _, gradient, diagonal = backend.derivatives(log_abs, positions)
    return gradient, ops.sum(diagonal, axis=(1, 2))
