"""How the derivative with respect to one operand of a Keras operation follows from what a backward pass gives.

Three kinds of operations are known. The derivative with respect to a term of a sum is the gradient at the output. An
operand of another elementwise operation may be replaced by a copy of it for each sample: its derivatives are the
gradients at the copies. A contraction, which any product of matrices is, is linear in each of its operands: the
derivative with respect to one is the contraction of the others with the gradient at the output.
"""

from __future__ import annotations

import dataclasses
import string
from typing import Any

import keras
from keras import ops

SUMS = {"Add": (1.0, 1.0), "Subtract": (1.0, -1.0)}
"""Factors of the arguments, which are broadcast. Copies would not do: on TensorFlow `keras.ops.add` (3.15) takes an
operand of shape ``(n, 1, 1)`` for a bias of the second axis where that has the size n, too."""

ELEMENTWISE = frozenset({"Multiply", "Divide", "TrueDivide", "Power", "Maximum", "Minimum", "Where"})
"""Other operations that broadcast all of their positional arguments."""

CONTRACTIONS = frozenset({"Matmul", "Einsum", "Take"})


@dataclasses.dataclass(frozen=True)
class Contraction:
    """A sum of products in the notation of `einsum`.

    Attributes:
        inputs: One letter for each axis of each operand.
        output: One letter for each axis of the result.
    """

    inputs: tuple[str, ...]
    output: str

    def of_samples(self, shapes: list[tuple], constant: list[bool]) -> bool:
        """Whether the first axis of the result is that of the operands that are not constant, and of these alone.

        Also refused is what the rules below do not hold for: a letter that an operand repeats, and an axis of length
        one that is broadcast.
        """
        if not self.output or any(len(set(letters)) < len(letters) for letters in (*self.inputs, self.output)):
            return False
        sizes: dict[str, int] = {}
        for letters, shape in zip(self.inputs, shapes, strict=True):
            if any(sizes.setdefault(letter, size) != size for letter, size in zip(letters, shape, strict=True)):
                return False
        batch = self.output[0]
        return all(
            batch not in letters if fixed else letters.startswith(batch)
            for letters, fixed in zip(self.inputs, constant, strict=True)
        )

    def derivative(self, index: int) -> str | None:
        """Equation for the derivative of each sample with respect to operand ``index``.

        Of the other operands, in their order, and the gradient at the output. None if an axis of the operand is merely
        summed over.
        """
        others = [letters for position, letters in enumerate(self.inputs) if position != index]
        operand = self.inputs[index]
        if not set(operand) <= set("".join(others) + self.output):
            return None
        return f"{','.join([*others, self.output])}->{self.output[0]}{operand}"

    def roles(self, index: int) -> Roles | None:
        """What the axes are to operand ``index`` of a product of two; None if there are more."""
        if len(self.inputs) != 2 or self.derivative(index) is None:
            return None
        operand, other, output = self.inputs[index], self.inputs[1 - index], self.output
        tokens = "".join(x for x in other[1:] if x in output and x not in operand)
        stack = "".join(x for x in other if x in output and x in operand)
        inputs = "".join(x for x in other if x in operand and x not in output)
        outputs = "".join(x for x in output if x in operand and x not in other)
        return Roles(operand, other, output, stack, tokens, inputs, outputs)


@dataclasses.dataclass(frozen=True)
class Roles:
    """A product of two as a stack of products of matrices, for each sample: outputs = inputs x operand, token by token.

    Attributes:
        operand, other, output: The letters of the operand in question, of the other one, and of the result.
        stack: Letters that all three have; each value of them has matrices of its own.
        tokens: Letters of the other operand and the result, the sample apart: the operand is the same for all.
        inputs: Letters of both operands, which are summed over.
        outputs: Letters of the operand and the result.
    """

    operand: str
    other: str
    output: str
    stack: str
    tokens: str
    inputs: str
    outputs: str

    @property
    def of_other(self) -> str:
        """The role of each axis of the other operand, in which letters do not matter; ``.`` is summed over at once."""
        kinds = (("b", self.output[0]), ("s", self.stack), ("t", self.tokens), ("i", self.inputs))
        return "".join(next((kind for kind, letters in kinds if letter in letters), ".") for letter in self.other)

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes of the operand in the order stack, inputs, outputs."""
        return tuple(self.operand.index(letter) for letter in self.stack + self.inputs + self.outputs)

    @property
    def sort_other(self) -> str:
        """Equation that sorts the axes of the other operand: stack, tokens, sample, inputs."""
        return f"{self.other}->{self.stack}{self.tokens}{self.output[0]}{self.inputs}"

    @property
    def sort_output(self) -> str:
        """Equation that sorts those of the result: stack, tokens, sample, outputs."""
        return f"{self.output}->{self.stack}{self.tokens}{self.output[0]}{self.outputs}"


def contraction(operation: keras.Operation, arguments: tuple) -> tuple[Contraction, list] | None:
    """An operation as a contraction, and its operands; None if it is not one of those known."""
    kind = type(operation).__name__
    if kind == "Matmul":
        first, second = (len(x.shape) for x in arguments)
        product = _matmul(first, second)
        return None if product is None else (product, list(arguments))
    if kind == "Einsum":
        product = _einsum(operation.subscripts, [len(x.shape) for x in arguments])
        return None if product is None else (product, list(arguments))
    if kind == "Take":
        return _take(operation, *arguments)
    return None


def _matmul(first: int, second: int) -> Contraction | None:
    """Matrices in the last two axes, as `numpy.matmul`; the leading axes are aligned from the right."""
    if min(first, second) == 0:
        return None
    stack = string.ascii_lowercase[: max(first, second, 2) - 2]
    left = stack[len(stack) - (first - 2) :] if first > 2 else ""
    right = stack[len(stack) - (second - 2) :] if second > 2 else ""
    rows, columns = ("Y" if first > 1 else ""), ("Z" if second > 1 else "")
    return Contraction((left + rows + "X", right + "X" + columns), stack + rows + columns)


def _einsum(subscripts: str, ranks: list[int]) -> Contraction | None:
    subscripts = subscripts.replace(" ", "")
    if "->" not in subscripts:
        return None
    left, output = subscripts.split("->")
    terms = left.split(",")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    # An ellipsis stands for the axes that have no letter, aligned from the right.
    unnamed = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    dots = "".join(free[: max(unnamed)])
    inputs = [term.replace("...", dots[len(dots) - count :]) for term, count in zip(terms, unnamed, strict=True)]
    return Contraction(tuple(inputs), output.replace("...", dots))


def _take(operation: keras.Operation, table: Any, indices: Any) -> tuple[Contraction, list] | None:
    """Rows of a table, as the product of one-hot rows with it."""
    rank = len(table.shape)
    if operation.axis not in (0, -rank) or "int" not in keras.backend.standardize_dtype(indices.dtype):
        return None
    count, indices = table.shape[0], ops.cast(indices, "int32")
    indices = ops.where(indices < 0, indices + count, indices)
    chosen = ops.cast(
        ops.expand_dims(indices, -1) == ops.arange(count, dtype="int32"),
        keras.backend.standardize_dtype(table.dtype),
    )
    places, rest = string.ascii_lowercase[: len(indices.shape)], string.ascii_uppercase[: rank - 1]
    return Contraction((f"Z{rest}", f"{places}Z"), places + rest), [table, chosen]
