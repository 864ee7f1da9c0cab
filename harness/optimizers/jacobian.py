"""The derivatives of log|Psi| of each sample with respect to all weights, without the matrix of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from harness.optimizers.blocks import ExplicitBlock, FactoredBlock


@dataclasses.dataclass(frozen=True)
class Rows:
    """What the rows of derivatives are: those of each device in turn, of its samples all parts one after the other.

    Attributes:
        count: Of all rows.
        parts: 1, or 2 if Psi is complex: log|Psi| and the phase.
        devices: That share the samples equally.
    """

    count: int
    parts: int = 1
    devices: int = 1

    @property
    def samples(self) -> int:
        return self.count // self.parts

    def centred(self, values, axis: int):
        """Values minus their mean over an axis of rows, for each part.

        Not by `ops.mean`, which computes in float32 on JAX for any precision.
        """
        if self.parts == 1:
            return values - ops.sum(values, axis=axis, keepdims=True) / self.count
        shape = tuple(values.shape)
        apart = ops.reshape(values, (*shape[:axis], self.devices, self.parts, -1, *shape[axis + 1 :]))
        means = ops.sum(apart, axis=(axis, axis + 2), keepdims=True) / self.samples
        return ops.reshape(apart - means, shape)

    def in_order(self, values):
        """Numbers ``(count,)`` of all samples, one part after the other, in the order of the rows."""
        if self.parts == 1 or self.devices == 1:
            return values
        apart = ops.reshape(values, (self.parts, self.devices, -1))
        return ops.reshape(ops.transpose(apart, (1, 0, 2)), (self.count,))


class Jacobian:
    """O_b,w = d log|Psi_b| / d theta_w for B samples, with the weights flat and one after another.

    If Psi is complex, O has two parts, one below the other: derivatives of log|Psi| and of the phase. With the real and
    the imaginary part of local energies likewise, sums over rows are real parts of sums over samples, such as
    Re <conj(O) E>.

    Args:
        blocks: Which have some of the weights each; weights that are in none have derivatives of zero.
        sizes: Of all weights.
        batch: Rows, B for each part.
        precision: Of the derivatives.
        parts: 1, or 2 if Psi is complex.
    """

    def __init__(
        self, blocks: list[ExplicitBlock | FactoredBlock], sizes: list[int], batch: int, precision: str, parts: int = 1
    ):
        self.blocks, self.sizes, self.batch, self.precision = blocks, sizes, batch, precision
        self.rows = Rows(batch, parts)

    @property
    def n_parameters(self) -> int:
        return sum(self.sizes)

    def gram(self):
        """O O^T, ``(batch, batch)``, float64."""
        total = ops.zeros((self.batch, self.batch), dtype="float64")
        for block in self.blocks:
            total = block.gram(total)
        return total

    def products(self, others: Jacobian):
        """O O'^T, ``(batch, batch of the others)``, float64, with the derivatives of other samples."""
        total = ops.zeros((self.batch, others.batch), dtype="float64")
        for block, other in zip(self.blocks, others.blocks, strict=True):
            total = block.products(total, other)  # type: ignore[arg-type]  # blocks of one kind
        return total

    @property
    def tensors(self) -> tuple[list, list]:
        """What depends on the samples: of stored columns, which have them first; of factors, which have them third."""
        kinds = ExplicitBlock, FactoredBlock
        stored, factors = ([block.tensors for block in self.blocks if isinstance(block, kind)] for kind in kinds)
        return stored, factors

    def with_tensors(self, tensors: tuple[list, list]) -> Jacobian:
        """The derivatives of other samples."""
        stored, factors = map(iter, tensors)
        blocks = [
            block.with_tensors(next(stored if isinstance(block, ExplicitBlock) else factors)) for block in self.blocks
        ]
        batch = blocks[0].batch if blocks else self.batch
        return Jacobian(blocks, self.sizes, batch, self.precision, self.rows.parts)

    def apply(self, direction):
        """O phi, ``(batch,)``, of phi ``(n_parameters,)``; float64."""
        ends = np.cumsum(self.sizes)
        parts = [direction[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]
        total = ops.zeros((self.batch,), dtype="float64")
        for block in self.blocks:
            total = total + block.apply([parts[weight] for weight in block.weights])
        return total

    def adjoint(self, vector):
        """O^T z, ``(n_parameters,)``, of z ``(batch,)``; float64."""
        parts = {w: part for block in self.blocks for w, part in zip(block.weights, block.adjoint(vector), strict=True)}
        return ops.concatenate([
            parts[weight] if weight in parts else ops.zeros((size,), dtype="float64")
            for weight, size in enumerate(self.sizes)
        ])  # fmt: skip

    def dense(self):
        """O itself, ``(batch, n_parameters)``, float64."""
        columns: dict[int, Any] = {}
        for block in self.blocks:
            columns |= block.columns()
        return ops.concatenate([
            ops.cast(columns[weight], "float64") if weight in columns else ops.zeros((self.batch, size), "float64")
            for weight, size in enumerate(self.sizes)
        ], axis=1)  # fmt: skip
