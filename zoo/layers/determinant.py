"""Slater determinants whose derivatives stay finite."""

from __future__ import annotations

from keras import ops


def slogdet(matrices):
    """Sign and log|det| of ``(..., n, n)``; a singular matrix gives sign 0, log -inf and derivative 0, not NaN.

    The inverse that the derivative needs does not exist there, so a singular matrix is replaced by the identity
    before it is differentiated. So is one that is not finite, of which TensorFlow would raise an error instead of
    giving NaN; its value and its derivatives are NaN.
    """
    size = matrices.shape[-1]
    if size == 0:
        nothing = ops.sum(matrices, axis=(-2, -1))  # of no entries: zeros of the shape of the batch
        return ops.ones_like(nothing), nothing
    if size == 1:
        return _of_scalar(matrices[..., 0, 0])
    _, magnitude = ops.slogdet(ops.stop_gradient(matrices))
    regular, singular = ops.isfinite(magnitude), magnitude == -float("inf")
    identity = ops.eye(size, dtype=matrices.dtype)
    sign, log_abs = ops.slogdet(ops.where(regular[..., None, None], matrices, identity))
    poison = ops.where(regular | singular, ops.zeros_like(magnitude), ops.full_like(magnitude, float("nan")))
    log_abs = log_abs + ops.stop_gradient(poison) * ops.sum(matrices, axis=(-2, -1))
    return _mask_singular(~singular, sign, log_abs)


def _of_scalar(values):
    regular = values != 0
    safe = ops.where(regular, values, ops.ones_like(values))
    return _mask_singular(regular, ops.sign(safe), ops.log(ops.abs(safe)))


def _mask_singular(regular, sign, log_abs):
    sign = ops.where(regular, ops.stop_gradient(sign), ops.zeros_like(sign))
    return sign, ops.where(regular, log_abs, ops.full_like(log_abs, -float("inf")))


def spin_determinants(orbitals, n_up: int, n_down: int):
    """det of the spin-up block times det of the spin-down block.

    Args:
        orbitals: Values ``(batch, n_up + n_down, n_orbitals)``, spin up first; each spin uses the first columns.

    Returns:
        ``(sign, log_abs)``, each ``(batch,)``.
    """
    sign_up, log_up = slogdet(orbitals[:, :n_up, :n_up])
    sign_down, log_down = slogdet(orbitals[:, n_up:, :n_down])
    return sign_up * sign_down, log_up + log_down
