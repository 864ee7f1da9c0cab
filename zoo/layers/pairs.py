"""Distances between particles, and the bookkeeping of pairs.

Differences are products with constant incidence matrices: exact, and their derivatives are matrix products too,
where gathers would scatter.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from keras import ops

from zoo.layers.constants import matrix
from zoo.layers.trigonometry import sin


@dataclasses.dataclass(frozen=True)
class PairGroup:
    """Pairs of one type, by constant selection matrices.

    Attributes:
        same_spin: Whether the two electrons have one spin; None for all pairs together.
        first, second: ``(n_pairs, n_electrons)``, one in each row at the pair's first and at its second electron.
    """

    same_spin: bool | None
    first: np.ndarray
    second: np.ndarray

    @property
    def name(self) -> str:
        return {None: "all", True: "same_spin", False: "opposite_spin"}[self.same_spin]

    @property
    def incidence(self) -> np.ndarray:
        """+1 at the first electron of each pair, -1 at the second."""
        return self.first - self.second

    def differences(self, positions):
        """``r_i - r_j``: positions ``(batch, n, dim)`` to ``(batch, n_pairs, dim)``."""
        return ops.einsum("pn,bnd->bpd", matrix(self.incidence, positions.dtype), positions)

    def distances(self, positions):
        """``|r_i - r_j|``: positions ``(batch, n, dim)`` to ``(batch, n_pairs)``."""
        return norm(self.differences(positions))


def all_pairs(n_electrons: int) -> PairGroup:
    """Every pair i < j, in the order of `numpy.triu_indices`."""
    return _group(None, *np.triu_indices(n_electrons, 1), n_electrons)


def ordered_pairs(n_electrons: int) -> PairGroup:
    """Every (i, j), an electron with itself as well: number i N + j."""
    return _group(None, *np.divmod(np.arange(n_electrons**2), n_electrons), n_electrons)


def spin_pairs(n_up: int, n_down: int) -> list[PairGroup]:
    """Pairs of opposite and of equal spin, as far as there are any; electrons are ordered spin up first."""
    first, second = np.triu_indices(n_up + n_down, 1)
    same = (first < n_up) == (second < n_up)
    groups = [(kind, same == kind) for kind in (False, True)]
    return [_group(kind, first[m], second[m], n_up + n_down) for kind, m in groups if m.any()]


def _group(same_spin: bool | None, first: np.ndarray, second: np.ndarray, n_electrons: int) -> PairGroup:
    identity = np.eye(n_electrons)
    return PairGroup(same_spin, identity[first], identity[second])


def norm(vectors):
    """Euclidean length over the last axis; its derivative at zero length is zero instead of NaN."""
    squares = ops.sum(ops.square(vectors), axis=-1)
    zero = ops.equal(squares, 0.0)  # `==` of a symbolic tensor would be that of Python objects
    return ops.where(zero, ops.zeros_like(squares), ops.sqrt(ops.where(zero, ops.ones_like(squares), squares)))


def separations(differences, cell: float | None = None):
    """Vectors that the differences of positions are known by: the differences themselves, or their periodic image.

    In a periodic cell of side L each component d becomes (L / pi) sin(pi d / L): equal to d up to the third order, of
    period L but for its sign, and with the periodic length |s|^2 = (L / pi)^2 sum_k sin^2(pi d_k / L). Functions of
    that length are smooth in the whole cell, and have the slope of functions of |d| at contact.
    """
    if cell is None:
        return differences
    return sin(differences * (np.pi / cell)) * (cell / np.pi)


def directions(differences, cell: float | None = None):
    """Vectors of odd functions of the differences: themselves, or (L / 2 pi) sin(2 pi d / L) in a periodic cell."""
    if cell is None:
        return differences
    return sin(differences * (2 * np.pi / cell)) * (cell / (2 * np.pi))


def pair_distances(positions):
    """``|r_i - r_j|`` for all i < j: positions ``(batch, n, dim)`` to ``(batch, n_pairs)``."""
    return all_pairs(positions.shape[1]).distances(positions)


def electron_nucleus_differences(positions, nuclei: np.ndarray):
    """``r_i - R_A``: positions ``(batch, n, dim)`` to ``(batch, n, n_nuclei, dim)``."""
    return ops.expand_dims(positions, 2) - ops.convert_to_tensor(nuclei, dtype=positions.dtype)


def electron_nucleus_distances(positions, nuclei: np.ndarray):
    """``|r_i - R_A|``: positions ``(batch, n, dim)`` to ``(batch, n, n_nuclei)``."""
    return norm(electron_nucleus_differences(positions, nuclei))
