"""Values that carry their first derivatives and their Laplacian with respect to the electron coordinates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

NOBODY = -1
"""Padding in `Support.electrons`."""


@dataclasses.dataclass(frozen=True)
class Support:
    """Which electrons each entry along one axis depends on.

    A feature of electron i before any mixing depends on electron i alone, one of a pair on two electrons: the
    Jacobian then has as many columns as that, not one for every electron.

    Attributes:
        axis: The axis, counted from the end (negative).
        electrons: ``(size of the axis, K)``: electrons that an entry depends on, padded with `NOBODY`.
    """

    axis: int
    electrons: np.ndarray

    def equals(self, other: Support | None) -> bool:
        return other is not None and self.axis == other.axis and np.array_equal(self.electrons, other.electrons)


@dataclasses.dataclass(frozen=True)
class Space:
    """The coordinates differentiated: ``n_electrons`` times ``dim``."""

    n_electrons: int
    dim: int


@dataclasses.dataclass
class Jet:
    """A value with derivatives.

    Attributes:
        value: ``(batch, ...)``.
        jacobian: ``(columns, batch, ...)``. Without support the columns are all coordinates, electron by electron;
            with it, ``dim`` for each of the K electrons that an entry depends on.
        laplacian: ``(batch, ...)``.
        space: The coordinates.
        support: Locality, or None where every entry may depend on every electron.
    """

    value: Any
    jacobian: Any
    laplacian: Any
    space: Space
    support: Support | None = None

    @property
    def rank(self) -> int:
        return len(self.value.shape)

    def replace(self, **changes) -> Jet:
        return dataclasses.replace(self, **changes)

    def mapped(self, function: Callable, support: Support | None) -> Jet:
        """A linear function, which finds its axes from the end, of value, Jacobian and Laplacian alike."""
        return self.replace(
            value=function(self.value),
            jacobian=function(self.jacobian),
            laplacian=function(self.laplacian),
            support=support,
        )

    def dense(self) -> Jet:
        """The same jet without support."""
        if self.support is None:
            return self
        n_electrons = self.space.n_electrons
        every = np.broadcast_to(np.arange(n_electrons), (len(self.support.electrons), n_electrons))
        return self.widened(every).replace(support=None)

    def widened(self, electrons: np.ndarray) -> Jet:
        """The same jet with columns for ``electrons`` ``(size, K')``, which must hold those it has."""
        support = self.support
        assert support is not None
        if np.array_equal(electrons, support.electrons):
            return self
        places = (support.electrons[:, :, None] == electrons[:, None, :]) & (support.electrons[:, :, None] != NOBODY)
        old, new = support.electrons.shape[1], electrons.shape[1]
        before, size, after, shape = self._split(support.axis)
        dim = self.space.dim
        columns = ops.reshape(self.jacobian, (old, dim * before, size, after))
        if old <= 2:  # a few masks, over one long axis, are faster than products of thin matrices
            columns = ops.reshape(columns, (old, dim * before, size * after))
            masks = _constant(np.repeat(places.transpose(1, 2, 0), after, axis=-1)[:, :, None, :], self.value.dtype)
            moved = sum(masks[k] * columns[k] for k in range(old))
        else:
            moved = ops.einsum("kxmy,mkl->lxmy", columns, _constant(places, self.value.dtype))
        jacobian = ops.reshape(moved, (new * dim, *shape))
        return self.replace(jacobian=jacobian, support=Support(support.axis, electrons))

    def summed_jacobian(self, jacobian) -> Any:
        """Columns of all coordinates of ``jacobian`` (like `self.jacobian`) summed over the axis of the support."""
        support = self.support
        assert support is not None
        before, size, after, shape = self._split(support.axis)
        dim, n_electrons = self.space.dim, self.space.n_electrons
        member = support.electrons[:, :, None] == np.arange(n_electrons)
        columns = ops.reshape(jacobian, (support.electrons.shape[1], dim * before, size, after))
        moved = ops.einsum("kxmy,mke->exy", columns, _constant(member, self.value.dtype))
        rest = [length for axis, length in enumerate(shape) if axis != len(shape) + support.axis]
        return ops.reshape(moved, (n_electrons * dim, *rest))

    def _split(self, axis: int) -> tuple[int, int, int, list[int]]:
        """Sizes before, of and after an axis of the value, and its shape, all static."""
        shape = [int(length) for length in self.value.shape]
        place = len(shape) + axis
        return int(np.prod(shape[:place])), shape[place], int(np.prod(shape[place + 1 :])), shape


def positions_jet(positions) -> Jet:
    """The coordinates themselves: each electron depends on itself."""
    batch, n_electrons, dim = (int(length) for length in positions.shape)
    identity = ops.reshape(ops.eye(dim, dtype=positions.dtype), (dim, 1, 1, dim))
    jacobian = ops.broadcast_to(identity, (dim, batch, n_electrons, dim))
    support = Support(-2, np.arange(n_electrons)[:, None])
    return Jet(positions, jacobian, ops.zeros_like(positions), Space(n_electrons, dim), support)


def union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """For each row the electrons of both, ``(size, K')``, padded with `NOBODY`."""
    return padded([{*a, *b} for a, b in zip(first.tolist(), second.tolist(), strict=True)])


def padded(rows: list[set[int]]) -> np.ndarray:
    """Sets of electrons as sorted rows of one length, padded with `NOBODY`."""
    ordered = [sorted(row - {NOBODY}) for row in rows]
    width = max(1, *map(len, ordered))
    return np.array([row + [NOBODY] * (width - len(row)) for row in ordered])


def aligned(first: Jet, second: Jet) -> tuple[Jet, Jet]:
    """Both jets with the same columns: those of both supports if they lie on one axis of one size, else all."""
    one, two = first.support, second.support
    if one is not None and two is not None and one.axis == two.axis and len(one.electrons) == len(two.electrons):
        electrons = union(one.electrons, two.electrons)
        if electrons.shape[1] < first.space.n_electrons:
            return first.widened(electrons), second.widened(electrons)
    return first.dense(), second.dense()


def _constant(array: np.ndarray, dtype):
    return ops.convert_to_tensor(np.asarray(array, dtype="float64"), dtype=dtype)
