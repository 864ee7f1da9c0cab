"""The forward Laplacian: value, Jacobian and Laplacian propagated together through the graph of Keras operations.

After Li et al., Nature Machine Intelligence 6, 209 (2024), here for any wavefunction written in Keras. The model is
traced with a symbolic tensor (`harness.tracing`); layers are opened into the primitive operations that they call, each
of which has a rule (`harness.laplacian.rules`); one without a rule is differentiated alone (`fallback`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from harness import backend, tracing
from harness.laplacian import contraction_rules, linear_rules  # noqa: F401 - they register their rules
from harness.laplacian.fallback import differentiate
from harness.laplacian.jet import positions_jet
from harness.laplacian.rules import RULES, is_jet

logger = logging.getLogger(__name__)


def forward_laplacian(model: keras.Model, at_once: int | None = None) -> Callable:
    """Derivatives of log|Psi| of a wavefunction.

    Args:
        model: A `zoo.wavefunction.Wavefunction` of the continuum.
        at_once: Walkers times coordinates in one piece of the batch, by default what suits the backend and the
            device; the pieces are of equal size and follow each other, which bounds the memory too.

    Returns:
        A function of the trainable parameters (a list of tensors) and positions ``(batch, n_electrons, dim)`` that
        gives gradient ``(batch, n_electrons, dim)`` and Laplacian ``(batch,)`` of log|Psi|.
    """

    def of_piece(parameters: list, positions):
        mapping = list(zip(model.trainable_variables, parameters, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            dtype = keras.backend.standardize_dtype(positions.dtype)
            symbol = keras.KerasTensor((None, *positions.shape[1:]), dtype=dtype)
            _, log_abs = interpret(model.call, [positions_jet(positions)], [symbol])
        log_abs = log_abs.dense()
        gradient = ops.reshape(ops.transpose(log_abs.jacobian), positions.shape)
        return gradient, log_abs.laplacian

    def derivatives(parameters: list, positions):
        batch, n_electrons, dim = positions.shape
        size = _piece(batch, (at_once or backend.coordinates_at_once()) // (n_electrons * dim))
        if size == batch:
            return of_piece(parameters, positions)
        pieces = ops.reshape(positions, (batch // size, size, n_electrons, dim))
        gradient, laplacian = backend.in_turn(lambda piece: of_piece(parameters, piece), pieces, results=2)
        return ops.reshape(gradient, positions.shape), ops.reshape(laplacian, (batch,))

    return derivatives


def _piece(batch: int, wanted: int) -> int:
    """The largest divisor of the batch that is at most ``wanted``; the whole batch where that is below a quarter."""
    size = next(size for size in range(max(1, min(batch, wanted)), 0, -1) if batch % size == 0)
    return size if 4 * size >= min(batch, wanted) else batch


def interpret(call: Callable, jets: list[Any], symbols: list[keras.KerasTensor], **options) -> Any:
    """Run ``call`` on jets."""
    return tracing.interpret(call, jets, symbols, lambda node, *arguments: apply(node.operation, *arguments), **options)


def apply(operation, arguments: tuple, named: dict) -> Any:
    """One operation on arguments some of which may be jets."""
    if not any(is_jet(x) for x in tree.flatten((arguments, named))):
        return operation(*arguments, **named)
    name = type(operation).__name__
    if name in RULES:
        result = RULES[name](operation, *arguments, **named)
        if result is not NotImplemented:
            return result
    if isinstance(operation, keras.Layer):
        return tracing.open_layer(operation, arguments, named, _symbol, interpret)
    logger.debug("no rule for %s: it is differentiated by itself", name)
    return differentiate(operation, arguments, named)


def _symbol(x: Any) -> keras.KerasTensor | None:
    if ops.is_tensor(x) and not isinstance(x, keras.KerasTensor):
        # One that depends on no coordinate becomes symbolic too: JAX's tensors refuse to be added to symbolic ones.
        return keras.KerasTensor(tuple(x.shape), dtype=keras.backend.standardize_dtype(x.dtype))
    if not is_jet(x):
        return None
    return keras.KerasTensor((None, *x.value.shape[1:]), dtype=keras.backend.standardize_dtype(x.value.dtype))
