"""Carrying values of another kind through the operations that a function of Keras tensors makes.

The function is traced with symbolic tensors, which gives a graph whose nodes are Keras operations (`Matmul`, `Tanh`,
...) and layers; an interpreter then visits the nodes in order and says what each does to its own values. Layers can be
opened into the operations that they call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import tree


def interpret(
    call: Callable, values: list[Any], symbols: list[keras.KerasTensor], visit: Callable, **options: Any
) -> Any:
    """Run ``call`` on ``values`` instead of tensors.

    Args:
        call: Function of as many tensors as there are values, and of the options.
        values: What stands for the tensors; may be of any kind.
        symbols: A symbolic tensor for each value, with its shape and type.
        visit: What a node of the graph does: ``visit(node, arguments, named)`` with a tuple and a dictionary of
            arguments, in which values stand for tensors, gives the value or values of ``node.operation``;
            ``node.outputs`` are the symbolic ones.
        options: Further arguments of ``call``.

    Returns:
        What ``call`` returns, with values in the place of tensors.
    """
    outputs = call(*symbols, **options)
    known: dict[int, Any] = {id(symbol): value for symbol, value in zip(symbols, values, strict=True)}
    made = [x for x in tree.flatten(outputs) if isinstance(x, keras.KerasTensor) and id(x) not in known]
    used = [symbol for symbol in symbols if hasattr(symbol, "_keras_history")]  # by some operation
    nodes = keras.Function(used, made)._nodes_by_depth if made else {}
    for depth in sorted(nodes, reverse=True):
        for node in nodes[depth]:
            if node.is_input or any(id(t) in known for t in node.outputs):
                continue
            fill = lambda x: known[id(x)] if isinstance(x, keras.KerasTensor) else x  # noqa: E731
            arguments = tree.map_structure(fill, node.arguments.args)
            named = tree.map_structure(fill, node.arguments.kwargs)
            result = visit(node, arguments, named)
            for symbol, value in zip(node.outputs, _flat(result), strict=True):
                known[id(symbol)] = value
    return tree.map_structure(lambda x: known[id(x)] if isinstance(x, keras.KerasTensor) else x, outputs)


def open_layer(layer: keras.Layer, arguments: tuple, named: dict, symbol_of: Callable, interpret: Callable) -> Any:
    """A layer as the operations that its `call` makes.

    Args:
        layer: The layer.
        arguments, named: Its arguments, in which values stand for tensors.
        symbol_of: Function of any argument: a symbolic tensor of its shape and type if it is a value, None if not.
        interpret: Function of ``(call, values, symbols)`` that runs a function on values.
    """
    values: list[Any] = []
    symbols: list[keras.KerasTensor] = []

    def symbolic(x):
        symbol = symbol_of(x)
        if symbol is None:
            return x
        values.append(x)
        symbols.append(symbol)
        return symbol

    arguments, named = (tree.map_structure(symbolic, x) for x in (arguments, named))
    places = {id(symbol): index for index, symbol in enumerate(symbols)}

    def call(*inputs):
        back = lambda x: inputs[places[id(x)]] if isinstance(x, keras.KerasTensor) else x  # noqa: E731
        return layer.call(*tree.map_structure(back, arguments), **tree.map_structure(back, named))

    return interpret(call, values, symbols)


def _flat(result: Any) -> list[Any]:
    return [x for part in result for x in _flat(part)] if isinstance(result, (list, tuple)) else [result]
