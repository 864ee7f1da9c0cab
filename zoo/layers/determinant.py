"""Slater determinants whose derivatives stay finite."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import keras
from keras import ops

from zoo.layers.complex_numbers import as_type_of, from_parts, is_complex

_derivatives_wanted = contextvars.ContextVar("derivatives_wanted", default=True)


@contextlib.contextmanager
def values_only() -> Iterator[None]:
    """While this holds, what layers build needs no derivatives, and costs less. Also a decorator."""
    token = _derivatives_wanted.set(False)
    try:
        yield
    finally:
        _derivatives_wanted.reset(token)


def derivatives_wanted() -> bool:
    """False within `values_only`."""
    return _derivatives_wanted.get()


def slogdet(matrices):
    """Sign and log|det| of ``(..., n, n)``; a singular matrix gives sign 0, log -inf and derivative 0, not NaN.

    The inverse that the derivative needs does not exist there, so a singular matrix is replaced by the identity
    before it is differentiated. So is one that is not finite, of which TensorFlow would raise an error instead of
    giving NaN; its value and its derivatives are NaN.

    Of complex matrices the sign is det/|det|, with derivatives as well; only first ones.
    """
    size = matrices.shape[-1]
    if is_complex(matrices):
        return _of_complex(matrices)
    if size == 0:
        nothing = ops.sum(matrices, axis=(-2, -1))  # of no entries: zeros of the shape of the batch
        return ops.ones_like(nothing), nothing
    if size == 1:
        return _of_scalar(matrices[..., 0, 0])
    if not derivatives_wanted():
        sign, log_abs = ops.slogdet(matrices)
        return sign * ops.ones_like(log_abs), log_abs
    fixed = ops.stop_gradient(matrices)
    sign, magnitude = ops.slogdet(fixed)
    _, of_transpose = ops.slogdet(ops.swapaxes(fixed, -1, -2))  # that one is inverted: rounding may differ
    regular = ops.isfinite(magnitude) & ops.isfinite(of_transpose)
    identity = ops.eye(size, dtype=matrices.dtype)
    _, log_abs = ops.slogdet(ops.where(regular[..., None, None], matrices, identity))
    valid = ops.isfinite(magnitude) | ops.equal(magnitude, -float("inf"))
    poison = ops.where(valid, ops.zeros_like(magnitude), ops.full_like(magnitude, float("nan")))
    log_abs = ops.where(regular, log_abs, magnitude) + poison * ops.sum(matrices, axis=(-2, -1))
    return sign * ops.ones_like(log_abs), log_abs  # Keras's inference of shapes takes the sign for a scalar


def _of_complex(matrices):
    """The derivatives are those of tr(M^-1 dM) = d log|det M| + i d phase: TensorFlow has none of the sign's."""
    fixed = ops.stop_gradient(matrices)
    sign, log_abs = ops.slogdet(fixed)
    sign, log_abs = sign * ops.ones_like(ops.sum(fixed, axis=(-2, -1))), ops.real(log_abs)
    sign = ops.where(ops.equal(log_abs, -float("inf")), ops.zeros_like(sign), sign)
    if not derivatives_wanted():
        return sign, log_abs
    regular = ops.isfinite(log_abs)
    identity = as_type_of(ops.eye(matrices.shape[-1], dtype=keras.config.floatx()), matrices)
    inverse = ops.inv(ops.where(regular[..., None, None], fixed, identity))
    trace = ops.sum(ops.swapaxes(inverse, -1, -2) * matrices, axis=(-2, -1))
    trace = ops.where(regular, trace, ops.zeros_like(trace))
    change = trace - ops.stop_gradient(trace)
    angle = ops.imag(change)
    return sign * from_parts(ops.cos(angle), ops.sin(angle)), log_abs + ops.real(change)


def _of_scalar(values):
    regular = ops.not_equal(values, 0.0)
    safe = ops.where(regular, values, ops.ones_like(values))
    return _mask_singular(regular, ops.sign(safe), ops.log(ops.abs(safe)))


def _mask_singular(regular, sign, log_abs):
    sign = ops.where(regular, ops.stop_gradient(sign), ops.zeros_like(sign))
    return sign, ops.where(regular, log_abs, ops.full_like(log_abs, -float("inf")))


def spin_determinants(orbitals, n_up: int, n_down: int):
    """det of the spin-up block times det of the spin-down block.

    Args:
        orbitals: Values ``(..., n_up + n_down, n_orbitals)``, spin up first; each spin uses the first columns.

    Returns:
        ``(sign, log_abs)``, each ``(...)``.
    """
    return product_of_determinants([orbitals[..., :n_up, :n_up], orbitals[..., n_up:, :n_down]])


def product_of_determinants(matrices: list):
    """Sign and log|prod_s det M_s| of one or more matrices M_s ``(..., n_s, n_s)``, each of shape ``(...)``."""
    sign, log_abs = slogdet(matrices[0])
    for matrix in matrices[1:]:
        next_sign, next_log = slogdet(matrix)
        sign, log_abs = sign * next_sign, log_abs + next_log
    return sign, log_abs


def sum_of_determinants(signs, logs, coefficients=None):
    """Sign and log|sum_k c_k s_k exp(l_k)| of determinants given by their signs and logarithms.

    The largest logarithm is taken out before the exponential, so no term overflows. A term of sign 0 counts for
    nothing; a sum that is exactly zero gives sign 0, log -inf and derivative 0, as a singular matrix does in
    `slogdet`. What is not finite otherwise stays visible.

    Args:
        signs, logs: s_k and l_k, ``(batch, K)``, as `slogdet` gives them, also of complex matrices.
        coefficients: c_k, ``(K,)``, of any sign; 1 if not given.

    Returns:
        ``(sign, log_abs)``, each ``(batch,)``.
    """
    if is_complex(signs):
        return _sum_of_complex(signs, logs, coefficients)
    signs = ops.stop_gradient(signs)
    if coefficients is not None:
        signs = signs * coefficients
    fixed = ops.stop_gradient(logs)
    counted = ops.where(ops.not_equal(ops.stop_gradient(signs), 0.0), fixed, ops.full_like(fixed, -float("inf")))
    largest = ops.max(counted, axis=-1)
    largest = ops.where(ops.isfinite(largest), largest, ops.zeros_like(largest))
    total = ops.sum(signs * ops.exp(logs - largest[:, None]), axis=-1)
    sign, log_abs = _of_scalar(total)
    return sign, log_abs + largest


def _sum_of_complex(signs, logs, coefficients):
    """`sum_of_determinants` for signs that are complex numbers of modulus one."""
    fixed = ops.stop_gradient(logs)
    largest = ops.max(fixed, axis=-1)
    largest = ops.where(ops.isfinite(largest), largest, ops.zeros_like(largest))
    weights = ops.exp(logs - largest[:, None])
    if coefficients is not None:
        weights = weights * coefficients
    real, imaginary = (ops.sum(part * weights, axis=-1) for part in (ops.real(signs), ops.imag(signs)))
    square = ops.square(real) + ops.square(imaginary)
    regular = ops.not_equal(square, 0.0)
    size = ops.sqrt(ops.where(regular, square, ops.ones_like(square)))
    sign = from_parts(real / size, imaginary / size)  # zero where the sum is
    return sign, ops.where(regular, ops.log(size), ops.full_like(size, -float("inf"))) + largest


def sum_of_products(matrices: list, coefficients=None):
    """Sign and log|sum_k c_k prod_s det M_sk| of orbital matrices M_s ``(batch, K, n_s, n_s)``, one for each s.

    Args:
        matrices: One for each spin, or a single one for all electrons together.
        coefficients: As in `sum_of_determinants`.

    Returns:
        ``(sign, log_abs)``, each ``(batch,)``.
    """
    sign, log_abs = product_of_determinants(matrices)
    return sum_of_determinants(sign, log_abs, coefficients)
