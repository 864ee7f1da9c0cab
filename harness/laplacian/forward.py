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

from harness import tracing
from harness.laplacian import linear_rules  # noqa: F401 - registers its rules
from harness.laplacian.fallback import differentiate
from harness.laplacian.jet import positions_jet
from harness.laplacian.rules import RULES, is_jet

logger = logging.getLogger(__name__)


def forward_laplacian(model: keras.Model) -> Callable:
    """Derivatives of log|Psi| of a wavefunction.

    Args:
        model: A `zoo.wavefunction.Wavefunction` of the continuum.

    Returns:
        A function of the trainable parameters (a list of tensors) and positions ``(batch, n_electrons, dim)`` that
        gives gradient ``(batch, n_electrons, dim)`` and Laplacian ``(batch,)`` of log|Psi|.
    """

    def derivatives(parameters: list, positions):
        mapping = list(zip(model.trainable_variables, parameters, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            dtype = keras.backend.standardize_dtype(positions.dtype)
            symbol = keras.KerasTensor((None, *positions.shape[1:]), dtype=dtype)
            _, log_abs = interpret(model.call, [positions_jet(positions)], [symbol])
        log_abs = log_abs.dense()
        gradient = ops.reshape(ops.transpose(log_abs.jacobian), positions.shape)
        return gradient, log_abs.laplacian

    return derivatives


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
    if not is_jet(x):
        return None
    return keras.KerasTensor((None, *x.value.shape[1:]), dtype=keras.backend.standardize_dtype(x.value.dtype))
