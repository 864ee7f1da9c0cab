r"""Blocks of columns of the matrix O_b,w = d log|Psi_b| / d theta_w, with what a natural gradient does with them.

Each gives its part of the Gram matrix O O^T, of products O phi and O^T z, and itself, as one matrix. Products are in
the precision of the wavefunction; sums of them over weights and blocks are float64.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from keras import ops

from harness import backend

LARGEST = 2**24
"""Most entries of a temporary tensor, as far as the numbers of samples and inputs allow: 64 MiB in float32."""

OVERHEAD = 32
"""What a product of two entries of (samples x samples) matrices costs, in multiplications of a matrix product."""


class ExplicitBlock:
    """Columns that are stored.

    Args:
        columns: For each weight, by its number, ``(batch, size)``.
    """

    def __init__(self, columns: dict[int, Any]):
        self._columns = columns

    @property
    def batch(self) -> int:
        return next(iter(self._columns.values())).shape[0]

    @property
    def weights(self) -> list[int]:
        return list(self._columns)

    def columns(self) -> dict[int, Any]:
        """For each weight, ``(batch, size)``."""
        return self._columns

    def gram(self, total):
        """``total`` plus the part of these columns, ``(batch, batch)``, float64."""
        return self.products(total, self)

    def products(self, total, others: ExplicitBlock):
        """``total`` plus O O'^T of these columns, ``(batch, batch of the others)``, with those of other samples."""
        mine, theirs = (ops.concatenate(list(block._columns.values()), axis=1) for block in (self, others))
        return backend.ordered_sum(lambda _: ops.cast(ops.matmul(mine, ops.transpose(theirs)), "float64"), 1, total)

    @property
    def tensors(self) -> list:
        """What depends on the samples, which are the first axis."""
        return list(self._columns.values())

    def with_tensors(self, tensors: list) -> ExplicitBlock:
        """The block of other samples."""
        return ExplicitBlock(dict(zip(self._columns, tensors, strict=True)))

    def apply(self, directions: list):
        """O phi, ``(batch,)``, of flat parts of phi for each weight."""
        matrix = ops.concatenate(list(self._columns.values()), axis=1)
        direction = ops.cast(ops.concatenate(directions), matrix.dtype)
        return ops.cast(ops.matmul(matrix, direction), "float64")

    def adjoint(self, vector) -> list:
        """O^T z for each weight, flat, of z ``(batch,)``."""
        return [
            ops.cast(ops.matmul(ops.cast(vector, matrix.dtype), matrix), "float64") for matrix in self._columns.values()
        ]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a weight becomes a stack of matrices ``(stack, inputs, outputs)``.

    Attributes:
        weight: Its number.
        shape: Of the weight.
        axes: Its axes in the order: those of the stack, of the inputs, of the outputs.
        sizes: ``(stack, inputs, outputs)``.
    """

    weight: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    sizes: tuple[int, int, int]

    def matrices(self, flat):
        return ops.reshape(ops.transpose(ops.reshape(flat, self.shape), self.axes), self.sizes)

    def flat(self, matrices, leading: int = 0):
        """The opposite of `matrices`; so many leading axes stay."""
        kept = tuple(matrices.shape[:leading])
        sorted_shape = [self.shape[axis] for axis in self.axes]
        order = [*range(leading), *(leading + int(axis) for axis in np.argsort(self.axes))]
        return ops.reshape(ops.transpose(ops.reshape(matrices, (*kept, *sorted_shape)), order), (*kept, -1))


class FactoredBlock:
    r"""Weights that multiply one input: O_b,(s,i,o) = sum_t a_s,t,b,i g_s,t,b,o over tokens t.

    The Gram matrix is either of explicit columns, made a few at a time, or by

        (O O^T)_bb' = sum_s sum_tt' (a_stb . a_st'b') (g_stb . g_st'b'),

    whichever is estimated to be cheaper. With B samples, T tokens, I inputs and O outputs in all, the explicit way
    takes B^2 I O multiplications after B T I O to make the columns, and the other one B^2 (I + O + 32) for each of
    the T (T + 1) / 2 pairs of tokens. The memory of neither grows with I O.

    Args:
        inputs: a, ``(stack, tokens, batch, inputs)``.
        gradients: g for each weight, ``(stack, tokens, batch, outputs)``.
        layouts: Of each weight.
    """

    def __init__(self, inputs, gradients: list, layouts: list[Layout]):
        self.inputs, self.layouts = inputs, layouts
        self.gradients = ops.concatenate(gradients, axis=-1) if len(gradients) > 1 else gradients[0]
        self.stack, self.tokens, self.batch, self.n_inputs = inputs.shape
        self.n_outputs = self.gradients.shape[-1]

    @property
    def weights(self) -> list[int]:
        return [layout.weight for layout in self.layouts]

    @property
    def entries(self) -> int:
        """Of the explicit columns."""
        return self.batch * self.stack * self.n_inputs * self.n_outputs

    @property
    def explicit_is_cheaper(self) -> bool:
        size = self.n_inputs * self.n_outputs
        explicit = self.batch * size + self.tokens * size
        pairs = self.tokens * (self.tokens + 1) // 2
        return explicit <= self.batch * pairs * (self.n_inputs + self.n_outputs + OVERHEAD)

    def columns(self) -> dict[int, Any]:
        """Explicit columns for each weight, ``(batch, size)``."""
        found, start = {}, 0
        for layout in self.layouts:
            end = start + layout.sizes[2]
            matrices = ops.einsum("stbi,stbo->bsio", self.inputs, self.gradients[..., start:end])
            found[layout.weight], start = layout.flat(matrices, leading=1), end
        return found

    def gram(self, total):
        """``total`` plus the part of these columns, ``(batch, batch)``, float64."""
        return self._products_of_columns(total, self) if self.explicit_is_cheaper else self._gram_of_pairs(total)

    def products(self, total, others: FactoredBlock):
        """``total`` plus O O'^T of these columns, ``(batch, batch of the others)``, with those of other samples."""
        if self.explicit_is_cheaper:
            return self._products_of_columns(total, others)
        return self._products_of_pairs(total, others)

    @property
    def tensors(self) -> list:
        """What depends on the samples, which are the third axis."""
        return [self.inputs, self.gradients]

    def with_tensors(self, tensors: list) -> FactoredBlock:
        """The block of other samples."""
        inputs, gradients = tensors
        return FactoredBlock(inputs, [gradients], self.layouts)

    def _products_of_columns(self, total, others: FactoredBlock):
        largest = max(self.batch, others.batch) * self.stack * self.n_inputs
        at_once = min(self.n_outputs, max(1, LARGEST // largest))
        count = -(-self.n_outputs // at_once)

        def columns_of(block: FactoredBlock):
            padded = ops.pad(block.gradients, [(0, 0)] * 3 + [(0, count * at_once - self.n_outputs)])
            parts = ops.reshape(padded, (*padded.shape[:3], count, at_once))

            def columns(index):
                found = ops.einsum("stbi,stbo->bsio", block.inputs, ops.take(parts, index, axis=3))
                return ops.reshape(found, (block.batch, -1))

            return columns

        mine = columns_of(self)
        theirs = mine if others is self else columns_of(others)

        def part(index):
            columns = mine(index)
            transposed = ops.transpose(columns if theirs is mine else theirs(index))
            return ops.cast(ops.matmul(columns, transposed), "float64")

        return backend.ordered_sum(part, count, total)

    def _products_of_pairs(self, total, others: FactoredBlock):
        """One token of these samples with some tokens of the others at a time."""
        at_once = max(1, LARGEST // (self.batch * others.batch))

        def of_token(stack: int, first: int, start: int, end: int, _):
            products = [
                ops.matmul(
                    ops.reshape(theirs[stack, start:end], (-1, theirs.shape[-1])), ops.transpose(mine[stack, first])
                )
                for mine, theirs in zip(self.tensors, others.tensors, strict=True)
            ]
            product = ops.reshape(products[0] * products[1], (end - start, others.batch, self.batch))
            return ops.transpose(ops.cast(ops.sum(product, axis=0), "float64"))

        for stack, first, start in np.ndindex(self.stack, self.tokens, -(-self.tokens // at_once)):
            start, end = start * at_once, min((start + 1) * at_once, self.tokens)
            total = backend.ordered_sum(functools.partial(of_token, stack, first, start, end), 1, total)
        return total

    def _gram_of_pairs(self, total):
        """One token t with some tokens t' >= t at a time; what is left out is the transpose of what is there."""
        at_once = max(1, LARGEST // self.batch**2)
        for stack, first, second in np.ndindex(self.stack, self.tokens, -(-self.tokens // at_once)):
            start, end = first + second * at_once, min(first + (second + 1) * at_once, self.tokens)
            if start < end:
                total = backend.ordered_sum(functools.partial(self._of_token, stack, first, start, end), 1, total)
        return total

    def _of_token(self, stack: int, first: int, start: int, end: int, _):
        """The part of a token with those from ``start`` to ``end``, and of these with it."""
        products = [
            ops.matmul(ops.reshape(x[stack, start:end], (-1, x.shape[-1])), ops.transpose(x[stack, first]))
            for x in (self.inputs, self.gradients)
        ]
        product = ops.reshape(products[0] * products[1], (end - start, self.batch, self.batch))
        half = ops.sum(product, axis=0)
        if start == first:
            half = half - 0.5 * product[0]
        half = ops.cast(half, "float64")
        return half + ops.transpose(half)

    def _rows(self, x):
        """Tokens and samples on one axis."""
        return ops.reshape(x, (self.stack, self.tokens * self.batch, x.shape[-1]))

    def apply(self, directions: list):
        """O phi, ``(batch,)``, of flat parts of phi for each weight."""
        matrices = [layout.matrices(flat) for layout, flat in zip(self.layouts, directions, strict=True)]
        matrix = ops.cast(ops.concatenate(matrices, axis=-1), self.inputs.dtype)
        moved = ops.reshape(ops.matmul(self._rows(self.inputs), matrix), self.gradients.shape)
        return ops.sum(ops.cast(moved * self.gradients, "float64"), axis=(0, 1, 3))

    def adjoint(self, vector) -> list:
        """O^T z for each weight, flat, of z ``(batch,)``."""
        weighted = self.gradients * ops.cast(vector, self.gradients.dtype)[:, None]
        matrix = ops.matmul(ops.transpose(self._rows(self.inputs), (0, 2, 1)), self._rows(weighted))
        found, start = [], 0
        for layout in self.layouts:
            end = start + layout.sizes[2]
            found.append(ops.cast(layout.flat(matrix[..., start:end]), "float64"))
            start = end
        return found
