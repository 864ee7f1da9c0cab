"""Operations without a rule: their directional derivatives, one for each column of the Jacobian."""

from __future__ import annotations

from typing import Any

from keras import ops, tree

from harness import backend
from harness.laplacian.jet import Jet
from harness.laplacian.rules import is_jet


def differentiate(operation, arguments: tuple, named: dict) -> Any:
    """Value, Jacobian and Laplacian of one operation by nested forward derivatives of it alone.

    Along every column c of its inputs' Jacobians the operation gives a first and a second directional derivative;
    J' is the former, and L' the sum of the latter plus the first derivative along the inputs' Laplacians. The
    operation must treat samples one by one along the first axis.
    """
    jets: list[Jet] = [x.dense() for x in tree.flatten((arguments, named)) if is_jet(x)]
    columns, batch = int(jets[0].jacobian.shape[0]), int(jets[0].value.shape[0])

    def function(*inputs):
        ready = iter(inputs)
        fill = lambda x: next(ready) if is_jet(x) else x  # noqa: E731
        filled = tree.map_structure(fill, (arguments, named))
        return operation(*filled[0], **filled[1])

    def repeated(x):
        return ops.tile(x, (columns, *([1] * (len(x.shape) - 1))))

    def merged(x):
        return ops.reshape(x, (columns * batch, *x.shape[2:]))

    _, first, second = backend.directional_derivatives(
        function, [repeated(jet.value) for jet in jets], [merged(jet.jacobian) for jet in jets]
    )
    value, along, _ = backend.directional_derivatives(
        function, [jet.value for jet in jets], [jet.laplacian for jet in jets]
    )

    def assemble(value, first, second, along):
        shape = (columns, *value.shape)
        second = ops.sum(ops.reshape(second, shape), axis=0)
        return Jet(value, ops.reshape(first, shape), second + along, jets[0].space)

    return tree.map_structure(assemble, value, first, second, along)
