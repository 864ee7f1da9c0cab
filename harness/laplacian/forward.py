"""The forward Laplacian: value, Jacobian and Laplacian propagated together through the graph of Keras operations.

After Li et al., Nature Machine Intelligence 6, 209 (2024), here for any wavefunction written in Keras. The model is
traced with a symbolic tensor; layers are opened into the primitive operations that they call, each of which has a rule
(`harness.laplacian.rules`); one without a rule is differentiated alone (`fallback`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from harness.laplacian import linear_rules  # noqa: F401 - registers its rules
from harness.laplacian.fallback import differentiate
from harness.laplacian.jet import Jet, positions_jet
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
    """Run ``call`` on jets: trace it with symbolic tensors, then carry the jets through its operations."""
    outputs = call(*symbols, **options)
    values: dict[int, Any] = {id(symbol): jet for symbol, jet in zip(symbols, jets, strict=True)}
    made = [x for x in tree.flatten(outputs) if isinstance(x, keras.KerasTensor) and id(x) not in values]
    nodes = keras.Function(symbols, made)._nodes_by_depth if made else {}
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            if node.is_input or any(id(t) in values for t in node.outputs):
                continue
            fill = lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x  # noqa: E731
            arguments = tree.map_structure(fill, node.arguments.args)
            named = tree.map_structure(fill, node.arguments.kwargs)
            result = apply(node.operation, arguments, named)
            for symbol, value in zip(node.outputs, _flat(result), strict=True):
                values[id(symbol)] = value
    return tree.map_structure(lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x, outputs)


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
        return _open(operation, arguments, named)
    logger.debug("no rule for %s: it is differentiated by itself", name)
    return differentiate(operation, arguments, named)


def _open(layer: keras.Layer, arguments: tuple, named: dict) -> Any:
    """A layer as the operations that its `call` makes."""
    jets: list[Any] = []
    symbols: list[keras.KerasTensor] = []

    def symbolic(x):
        if is_jet(x):
            jets.append(x)
            dtype = keras.backend.standardize_dtype(x.value.dtype)
            symbols.append(keras.KerasTensor((None, *x.value.shape[1:]), dtype=dtype))
            return symbols[-1]
        return x

    arguments, named = (tree.map_structure(symbolic, x) for x in (arguments, named))
    places = {id(symbol): index for index, symbol in enumerate(symbols)}

    def call(*inputs):
        back = lambda x: inputs[places[id(x)]] if isinstance(x, keras.KerasTensor) else x  # noqa: E731
        return layer.call(*tree.map_structure(back, arguments), **tree.map_structure(back, named))

    return interpret(call, jets, symbols)


def _flat(result: Any) -> list[Any]:
    if isinstance(result, Jet):
        return [result]
    return [x for part in result for x in _flat(part)] if isinstance(result, (list, tuple)) else [result]
