"""Wave vectors of a finite lattice, and the zone that holds each of them once."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from zoo.systems.lattice import Lattice
from zoo.systems.lattice_kinds import canonical

_GRIDS = ("chain", "rectangle")


def open_axes(lattice: Lattice) -> np.ndarray:
    """Whether each axis ends, booleans ``(n_axes,)``.

    An axis of a single cell does not, nor does an open one of 2 sites on a grid: bonds are single, so that it is the
    same as a periodic one.
    """
    same_if_closed = np.array(lattice.extent) <= (2 if canonical(lattice.kind) in _GRIDS else 1)
    return lattice.open_axes & ~same_if_closed


@dataclasses.dataclass(frozen=True, eq=False)
class WaveVectors:
    """All wave vectors that tell the sites of a lattice apart, each once and as short as it can be.

    With one site in a cell these are the ones of the first Brillouin zone, as many as there are sites. The honeycomb
    lattice is taken as the triangular lattice of its sites and the middles of its hexagons, whose zone is three times
    as large as its own: there the phases between the two sites of a cell show, and with them the order of Neel, at
    the corners.

    Attributes:
        cartesian: ``(count, n_axes)``, in inverse distances of nearest neighbours, sorted by their components.
        phases: q.r of each site, ``(n_sites, count)``.
    """

    cartesian: np.ndarray
    phases: np.ndarray

    @classmethod
    def of(cls, lattice: Lattice, shifted: bool = False) -> WaveVectors:
        """Those of a lattice without open axes.

        Args:
            lattice: The lattice.
            shifted: By half a step along antiperiodic axes and by the twist along twisted ones, as of a single
                electron; those of densities are not.
        """
        span = lattice.grid_extent
        numbers = np.array(list(np.ndindex(*(2 * span)))).reshape(-1, len(span)) - span
        shift = np.where(lattice.antiperiodic_axes, 0.5, -lattice.fluxes) if shifted else 0.0
        turns = (numbers + shift) / span  # for a step of the fine grid
        keys = _on_sites(lattice, turns)
        cartesian = turns @ _reciprocal(lattice)
        lengths = np.round(np.sum(cartesian**2, axis=1), 9)
        order = np.lexsort((*np.round(-cartesian.T, 9)[::-1], lengths))  # of equal lengths the one with positive parts
        _, first = np.unique(keys[order], axis=0, return_index=True)
        kept = order[first]
        kept = kept[np.lexsort(np.round(cartesian[kept].T, 9)[::-1])]
        return cls(cartesian[kept] + 0.0, 2 * np.pi * lattice.places @ turns[kept].T)

    def __len__(self) -> int:
        return len(self.cartesian)


def reciprocal_vectors(lattice: Lattice) -> np.ndarray:
    """Short vectors G with exp(i G.r) the same on all sites, ``(count, n_axes)``: the zone lies amid them."""
    vectors = _multiples(lattice) / lattice.definition.refinement
    return vectors[np.all(_on_sites(lattice, vectors) == 0, axis=1)] @ _reciprocal(lattice)


def cell_reciprocal_vectors(lattice: Lattice) -> np.ndarray:
    """Short reciprocal vectors of the cells, ``(count, n_axes)``: the first Brillouin zone lies amid them."""
    return _multiples(lattice) / lattice.definition.refinement @ _reciprocal(lattice)


def steps(lattice: Lattice) -> np.ndarray:
    """Short distances between wave vectors, ``(count, n_axes)``: the part of the zone that each stands for."""
    return _multiples(lattice) / lattice.grid_extent @ _reciprocal(lattice)


def _multiples(lattice: Lattice) -> np.ndarray:
    """Small whole numbers along each axis, without the origin, ``(count, n_axes)``."""
    most = 2 * lattice.definition.refinement
    numbers = itertools.product(range(-most, most + 1), repeat=len(lattice.extent))
    return np.array([number for number in numbers if any(number)])


def _reciprocal(lattice: Lattice) -> np.ndarray:
    """Vectors b with b_i . (step of the fine grid)_j = 2 pi delta_ij, as rows."""
    metric = np.array(lattice.definition.metric, dtype=float)
    bond = np.array(lattice.definition.nearest[0])
    return 2 * np.pi * np.linalg.inv(np.linalg.cholesky(metric / (bond @ metric @ bond))).T


def _on_sites(lattice: Lattice, turns: np.ndarray) -> np.ndarray:
    """What tells wave vectors apart on the sites: turns from 0 to 1 along displacements between them."""
    definition = lattice.definition
    cells = definition.refinement * np.eye(len(lattice.extent), dtype=int)
    return np.round(turns @ np.array([*definition.nearest, *cells]).T % 1, 9) % 1
