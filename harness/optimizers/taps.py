"""Derivatives of log|Psi| of each sample where the weights enter a wavefunction, by one backward pass of the batch.

Samples do not mix, so the gradient of sum_b log|Psi_b| at a value with a row for each sample holds the gradient of each
sample. What a model does to its walkers is a graph of Keras operations (`harness.tracing`); weights enter as operands
that do not depend on the walkers: weights themselves, or constants that are made of them, such as the exponential of
one. Where an operation is one of those in `harness.optimizers.operands`, the operand is held fixed and a tap is read:
the gradient at the output of a contraction, or at a copy of the operand for each sample.

Nothing is assumed about what was not recognised: all other uses of the weights see a second set of tensors, and a
weight whose second tensor log|Psi| still depends on is reported as hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from harness import backend, stateless, tracing
from harness.optimizers.operands import CONTRACTIONS, ELEMENTWISE, SUMS, Contraction, Roles, contraction

KNOWN = CONTRACTIONS | ELEMENTWISE | set(SUMS) | {"LayerNorm"}


@dataclasses.dataclass(frozen=True)
class Use:
    """One operand of one operation, and the gradient that was tapped there.

    Attributes:
        constant: Number of the operand among those that do not depend on the walkers.
        gradient: At the output ``(batch, ...)``; of an elementwise operation that is no sum, at the copies of the
            operand.
        factor: What the gradient is to be multiplied by.
        contraction: The operation, or None where it is elementwise.
        position: Of the operand in the contraction.
        others: Its other operands, by their number among `Taps.inputs`.
    """

    constant: int
    gradient: Any
    factor: float = 1.0
    contraction: Contraction | None = None
    position: int = 0
    others: tuple[int, ...] = ()

    @property
    def roles(self) -> Roles | None:
        """What the axes of a product of two are to the operand; None for other operations."""
        return None if self.contraction is None else self.contraction.roles(self.position)

    @property
    def product(self) -> Roles:
        """The roles in what is known to be a product of two."""
        roles = self.roles
        assert roles is not None
        return roles


@dataclasses.dataclass(frozen=True)
class Taps:
    """What one backward pass found.

    Attributes:
        uses: In the order of the operations.
        inputs: Tensors that the uses refer to.
        shapes: Of each operand that does not depend on the walkers, by its number.
        weight_of: For each of those, the number of the weight that it is, or None.
        depends: For each of those, whether it depends on each weight.
        pull_back: From derivatives with respect to those to derivatives with respect to weights; see
            `harness.backend.dependence`.
        hidden: Whether log|Psi| depends on each weight by other ways than the uses.
    """

    uses: list[Use]
    inputs: list
    shapes: list[tuple[int, ...]]
    weight_of: list[int | None]
    depends: list[list[bool]]
    pull_back: Callable
    hidden: list[bool]


def tap(model: keras.Model, parameters: list, walkers) -> Taps:
    """Run ``model`` on walkers ``(batch, ...)`` forward and backward, with the given trainable weights.

    Of a complex model they are there `harness.stateless.twice`.
    """
    variables = model.trainable_variables
    symbol = keras.KerasTensor((None, *walkers.shape[1:]), dtype=keras.backend.standardize_dtype(walkers.dtype))
    weight_of: list[int | None] = []

    def constants(values: list) -> list:
        collect = _Collect(variables)
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            collect.run(model.call, [_Value(symbol)], [symbol])
        weight_of[:] = collect.weight_of
        return collect.constants

    values, depends, pull_back = backend.dependence(constants, parameters)
    walk: _Tap

    def log_abs(others: list, tap: Callable) -> tuple[Any, list]:
        nonlocal walk
        walk = _Tap(values, depends, tap, walkers.shape[0])
        with keras.StatelessScope(state_mapping=zip(variables, others, strict=True)):
            sign, result = walk.run(model.call, [_Value(symbol, walkers, 0)], [symbol])
        return stateless.derived(model, _plain(sign), result.tensor), walk.inputs

    gradients, inputs, hidden = backend.tapped_gradients(log_abs, parameters)
    uses = [dataclasses.replace(use, gradient=gradients[use.gradient]) for use in walk.uses]
    shapes = [tuple(value.shape) for value in values]
    return Taps(uses, inputs, shapes, weight_of, depends, pull_back, hidden)


@dataclasses.dataclass(frozen=True)
class _Value:
    """Something that depends on the walkers.

    Attributes:
        symbol: Its shape, with an unknown size of the batch, and its type.
        tensor: Its value, where there is one.
        axis: The axis of samples of the tensor; None where samples are not one whole axis.
    """

    symbol: keras.KerasTensor
    tensor: Any = None
    axis: int | None = None


class _Walk:
    """Goes through the operations of a model, layers opened, and numbers the operands that are constant."""

    def __init__(self) -> None:
        self.count = 0

    def run(self, call: Callable, values: list, symbols: list) -> Any:
        return tracing.interpret(call, values, symbols, self.visit)

    def visit(self, node, arguments: tuple, named: dict) -> Any:
        operation = node.operation
        if isinstance(operation, keras.Layer):
            return tracing.open_layer(operation, arguments, named, _symbol, self.run)
        numbers = {}
        if type(operation).__name__ in KNOWN and not named:
            for position, argument in enumerate(arguments):
                if isinstance(argument, keras.Variable) or ops.is_tensor(argument):
                    numbers[position] = self.count
                    self.count += 1
        return self.operate(node, arguments, named, numbers)

    def operate(self, node, arguments: tuple, named: dict, numbers: dict[int, int]) -> list[_Value]:
        """Values of the outputs of an operation, some of whose arguments are constants with a number."""
        raise NotImplementedError


def _symbol(x: Any) -> keras.KerasTensor | None:
    return keras.KerasTensor(x.symbol.shape, x.symbol.dtype) if isinstance(x, _Value) else None


def _outputs(node, arguments: tuple, named: dict) -> list[keras.KerasTensor]:
    """The symbolic results of an operation, inferred anew where Keras 3.15 takes them for what they are not."""
    kind = type(node.operation).__name__
    if kind == "Slogdet":  # the sign for a scalar
        return [node.outputs[1]] * 2
    if kind == "DotProductAttention":  # the number of queries for unknown
        query, _, value = (x.symbol for x in arguments[:3])
        return [keras.KerasTensor((*query.shape[:-1], value.shape[-1]), query.dtype)]
    assumed = tree.flatten((node.arguments.args, node.arguments.kwargs))
    known = tree.flatten((arguments, named))
    if any(isinstance(x, _Value) and x.symbol.shape != y.shape for x, y in zip(known, assumed, strict=True)):
        symbolic = lambda x: x.symbol if isinstance(x, _Value) else x  # noqa: E731
        arguments, named = (tree.map_structure(symbolic, x) for x in (arguments, named))
        return tree.flatten(node.operation.compute_output_spec(*arguments, **named))
    return node.outputs


def _plain(x: Any) -> Any:
    return x.tensor if isinstance(x, _Value) else x


def _tensor(constant: Any) -> Any:
    return constant.value if isinstance(constant, keras.Variable) else ops.convert_to_tensor(constant)


class _Collect(_Walk):
    """Lists the constant operands."""

    def __init__(self, variables: list):
        super().__init__()
        self.places = {id(variable): index for index, variable in enumerate(variables)}
        self.constants: list = []
        self.weight_of: list[int | None] = []

    def operate(self, node, arguments: tuple, named: dict, numbers: dict[int, int]) -> list[_Value]:
        for position in numbers:
            argument = arguments[position]
            self.constants.append(_tensor(argument))
            self.weight_of.append(self.places.get(id(argument)))
        return [_Value(symbol) for symbol in _outputs(node, arguments, named)]


class _Tap(_Walk):
    """Computes the wavefunction with a tap at each operand that is known how to treat."""

    def __init__(self, values: list, depends: list[list[bool]], tap: Callable, batch: int):
        super().__init__()
        self.values, self.depends, self.tap, self.batch = values, depends, tap, batch
        self.uses: list[Use] = []
        self.inputs: list = []
        self.taps = 0
        self.numbers_of_inputs: dict[int, int] = {}
        self._rules = {
            **dict.fromkeys(SUMS, self._sum),
            **dict.fromkeys(ELEMENTWISE, self._elementwise),
            **dict.fromkeys(CONTRACTIONS, self._contraction),
            "LayerNorm": self._layer_normalisation,
        }

    def operate(self, node, arguments: tuple, named: dict, numbers: dict[int, int]) -> list[_Value]:
        kind = type(node.operation).__name__
        numbers = {position: number for position, number in numbers.items() if any(self.depends[number])}
        result = None
        if numbers and self._keeps_samples(node, arguments):
            result = self._rules[kind](node, arguments, numbers)
        if result is None:
            result = node.operation(*tree.map_structure(_plain, arguments), **tree.map_structure(_plain, named))
        traced = [x for x in tree.flatten((arguments, named)) if isinstance(x, _Value)]
        results = tree.flatten(result)
        return [
            _Value(s, r, self._axis(kind, traced, s, r))
            for r, s in zip(results, _outputs(node, arguments, named), strict=True)
        ]

    def _axis(self, kind: str, traced: list[_Value], symbol: keras.KerasTensor, tensor) -> int | None:
        """The axis of samples of an output: where its symbol, which was traced with a batch of any size, has one."""
        unknown = [axis for axis, size in enumerate(symbol.shape) if size is None]
        if len(unknown) != 1 or any(x.axis is None for x in traced) or tensor.shape[unknown[0]] != self.batch:
            return None
        if kind == "Reshape" and (unknown != [0] or traced[0].axis != 0):
            return None  # of the right size, but perhaps in another order
        return unknown[0]

    def _keeps_samples(self, node, arguments: tuple) -> bool:
        """Whether samples are the first axis of every argument that depends on the walkers, and of the result."""
        shape = node.outputs[0].shape
        if len(node.outputs) > 1 or not shape or shape[0] is not None or None in shape[1:]:
            return False
        return all(x.axis == 0 for x in tree.flatten(arguments) if isinstance(x, _Value))

    def _tapped(self, tensor, uses: list[dict]) -> Any:
        self.uses += [Use(gradient=self.taps, **details) for details in uses]
        self.taps += 1
        return self.tap(tensor)

    def _sum(self, node, arguments: tuple, numbers: dict[int, int]) -> Any:
        rank = len(node.outputs[0].shape)
        if not self._aligned(rank, arguments, numbers):
            return None
        filled = [self.values[numbers[i]] if i in numbers else _plain(x) for i, x in enumerate(arguments)]
        factors = SUMS[type(node.operation).__name__]
        return self._tapped(
            node.operation(*filled), [{"constant": n, "factor": factors[i]} for i, n in numbers.items()]
        )

    def _elementwise(self, node, arguments: tuple, numbers: dict[int, int]) -> Any:
        rank = len(node.outputs[0].shape)
        if not self._aligned(rank, arguments, numbers):
            return None
        copies = {position: self._copies(number, rank) for position, number in numbers.items()}
        return node.operation(*(copies[i] if i in copies else _plain(x) for i, x in enumerate(arguments)))

    def _aligned(self, rank: int, arguments: tuple, numbers: dict[int, int]) -> bool:
        """Whether in a result of so many axes the first one is that of the samples, and of no constant."""
        shapes = [self.values[number].shape for number in numbers.values()]
        return all(len(x.tensor.shape) == rank for x in arguments if isinstance(x, _Value)) and all(
            len(shape) < rank or (len(shape) == rank and shape[0] == 1) for shape in shapes
        )

    def _copies(self, number: int, rank: int) -> Any:
        """A copy of an operand for each sample, of ``rank`` axes."""
        value = self.values[number]
        shape = (1,) * (rank - len(value.shape)) + tuple(value.shape)
        copies = ops.broadcast_to(ops.reshape(value, shape), (self.batch, *shape[1:]))
        return self._tapped(copies, [{"constant": number}])

    def _layer_normalisation(self, node, arguments: tuple, numbers: dict[int, int]) -> Any:
        """As the operations that it fuses: the scale and the shift come last."""
        values, scale, shift = arguments
        rank = len(values.tensor.shape)
        if node.operation.rms_scaling or list(node.operation.axis) not in ([-1], [rank - 1]):
            return None
        result = node.operation(values.tensor, None, None)
        if scale is not None:
            result = result * (self._copies(numbers[1], rank) if 1 in numbers else scale)
        if shift is not None:
            result = result + (self.values[numbers[2]] if 2 in numbers else shift)
        return self._tapped(result, [{"constant": numbers[2]}]) if 2 in numbers else result

    def _contraction(self, node, arguments: tuple, numbers: dict[int, int]) -> Any:
        filled = [x.tensor if isinstance(x, _Value) else _tensor(x) for x in arguments]
        for position, number in numbers.items():
            filled[position] = self.values[number]
        found = contraction(node.operation, tuple(filled))
        if found is None:
            return None
        rule, operands = found
        constant = [not isinstance(x, _Value) for x in arguments]
        kinds = {keras.backend.standardize_dtype(x.dtype) for x in operands}
        equations = {position: rule.derivative(position) for position in numbers}
        if len(kinds) > 1 or not rule.of_samples([tuple(x.shape) for x in operands], constant):
            return None
        if None in equations.values():
            return None
        uses = []
        for position, number in numbers.items():
            others = tuple(self._input(x) for index, x in enumerate(operands) if index != position)
            uses.append({"constant": number, "contraction": rule, "position": position, "others": others})
        return self._tapped(node.operation(*filled), uses)

    def _input(self, tensor) -> int:
        """The number of a tensor among the inputs, the same for the same tensor."""
        number = self.numbers_of_inputs.setdefault(id(tensor), len(self.inputs))
        if number == len(self.inputs):
            self.inputs.append(tensor)
        return number
