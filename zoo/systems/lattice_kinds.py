"""Infinite lattices: their bonds, symmetries and cells.

Displacements are whole numbers on a grid that is as fine as the sites of a cell ask for (`LatticeKind.refinement`):
steps of one cell, or of a third of a cell on the honeycomb lattice. A lattice is told apart from others by a row of
`LATTICES`.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

Site = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class LatticeKind:
    """What one unit of the lattice looks like, whatever its size.

    Attributes:
        nearest: Displacements to the nearest neighbours, one of each pair +d and -d: the directions of bonds.
        next_nearest: The same for the next nearest neighbours, those that ``t_prime`` joins.
        next_nearest_name: What they are called, for error messages.
        point_group: Integer matrices, ``(n_axes, n_axes)``, that map the infinite lattice onto itself.
        metric: Squared length of a displacement d as the quadratic form ``d @ metric @ d``, whole numbers.
        refinement: Steps of the grid in a cell, along each axis.
        basis: Places of the sites within a cell, on the grid.
        centre: A place that the point group leaves where it is.
    """

    nearest: tuple[Site, ...]
    next_nearest: tuple[Site, ...]
    next_nearest_name: str
    point_group: tuple[tuple[Site, ...], ...]
    metric: tuple[Site, ...]
    basis: tuple[Site, ...]
    centre: Site
    refinement: int = 1

    @property
    def n_axes(self) -> int:
        return len(self.nearest[0])


def _signed_permutations(n_axes: int) -> tuple[tuple[Site, ...], ...]:
    """Matrices of all reflections and exchanges of the axes: the point group of a hypercubic grid."""
    group = []
    for permutation in itertools.permutations(range(n_axes)):
        for signs in itertools.product((1, -1), repeat=n_axes):
            rows = zip(permutation, signs, strict=True)
            group.append(tuple(tuple(sign * (axis == column) for axis in range(n_axes)) for column, sign in rows))
    return tuple(group)


def _hexagonal_group() -> tuple[tuple[Site, ...], ...]:
    """Matrices of the rotations by 60 degrees, and of reflections, for axes that enclose 60 degrees."""
    rotation, exchange = np.array([[0, -1], [1, 1]]), np.array([[0, 1], [1, 0]])
    turned = [np.linalg.matrix_power(rotation, power) for power in range(6)]
    elements = [*turned, *(matrix @ exchange for matrix in turned)]
    return tuple(tuple(tuple(int(entry) for entry in row) for row in matrix) for matrix in elements)


_GRID = LatticeKind(
    nearest=((1, 0), (0, 1)),
    next_nearest=((1, 1), (1, -1)),
    next_nearest_name="diagonal neighbours",
    point_group=_signed_permutations(2),
    metric=((1, 0), (0, 1)),
    basis=((0, 0),),
    centre=(0, 0),
)

LATTICES = {
    "chain": LatticeKind(
        nearest=((1,),),
        next_nearest=((2,),),
        next_nearest_name="second neighbours",
        point_group=_signed_permutations(1),
        metric=((1,),),
        basis=((0,),),
        centre=(0,),
    ),
    "rectangle": _GRID,
    "square": _GRID,
    "ladder": _GRID,
    "triangular": LatticeKind(
        nearest=((1, 0), (0, 1), (1, -1)),
        next_nearest=((1, 1), (2, -1), (1, -2)),
        next_nearest_name="next nearest neighbours",
        point_group=_hexagonal_group(),
        metric=((2, 1), (1, 2)),
        basis=((0, 0),),
        centre=(0, 0),
    ),
    # In thirds of a cell, its axes 60 degrees apart, bonds lead from (0, 0) to (1, 1); (2, 2) is amid a hexagon.
    "honeycomb": LatticeKind(
        nearest=((1, 1), (-2, 1), (1, -2)),
        next_nearest=((3, 0), (0, 3), (3, -3)),
        next_nearest_name="next nearest neighbours",
        point_group=_hexagonal_group(),
        metric=((2, 1), (1, 2)),
        basis=((0, 0), (1, 1)),
        centre=(2, 2),
        refinement=3,
    ),
}
"""By the name that ``system.lattice`` takes; rectangle, square lattice and ladder (legs x length) are one grid."""


def canonical(name: str) -> str:
    """The first name of `LATTICES` that stands for the same lattice."""
    return next(known for known, kind in LATTICES.items() if kind == LATTICES[name])
