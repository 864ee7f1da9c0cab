"""Geometry of finite lattices: sites, bonds and classes of displacements.

A lattice is a grid of sites counted along one or more axes, so a site is a tuple of whole numbers, from 0 up to the
extent of each axis. Sites are numbered with the last axis fastest (``index = x * extent_y + y``): occupations of a
rectangle reshape to ``(2, *extent)``. What sets one lattice apart from another is a row of `LATTICES`.

Each axis has its own boundary, one letter: ``P`` periodic, ``A`` antiperiodic (a bond across it changes sign),
``O`` open.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

import numpy as np

from zoo.errors import UnknownNameError, ZooError

BOUNDARIES = {"P": "periodic", "A": "antiperiodic", "O": "open"}

MOST_SITES = 4096
"""More do not fit into memory: the classes of displacements are a matrix over the pairs of sites."""

Site = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class LatticeKind:
    """What one unit of the lattice looks like, whatever its size.

    Attributes:
        nearest: Displacements to the nearest neighbours, one of each pair +d and -d.
        next_nearest: The same for the next nearest neighbours, those that ``t_prime`` joins.
        next_nearest_name: What they are called, for error messages.
        point_group: Integer matrices, ``(n_axes, n_axes)``, that map the infinite lattice onto itself.
    """

    nearest: tuple[Site, ...]
    next_nearest: tuple[Site, ...]
    next_nearest_name: str
    point_group: tuple[tuple[Site, ...], ...]

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


LATTICES = {
    "chain": LatticeKind(
        nearest=((1,),),
        next_nearest=((2,),),
        next_nearest_name="second neighbours",
        point_group=_signed_permutations(1),
    ),
    "rectangle": LatticeKind(
        nearest=((1, 0), (0, 1)),
        next_nearest=((1, 1), (1, -1)),
        next_nearest_name="diagonal neighbours",
        point_group=_signed_permutations(2),
    ),
}


@dataclasses.dataclass(frozen=True)
class Lattice:
    """A finite piece of a lattice.

    Attributes:
        kind: A name of `LATTICES`.
        extent: Sites along each axis.
        boundary: One letter of `BOUNDARIES` for each axis.
    """

    kind: str
    extent: tuple[int, ...]
    boundary: str

    def __post_init__(self):
        if self.kind not in LATTICES:
            raise UnknownNameError("system.lattice", self.kind, LATTICES)
        n_axes = LATTICES[self.kind].n_axes
        axes = "1 axis" if n_axes == 1 else f"{n_axes} axes"
        if len(self.extent) != n_axes:
            raise ZooError(f"system.extent={list(self.extent)}: a {self.kind} has {axes}, so {n_axes} extent(s)")
        if any(extent < 1 for extent in self.extent):
            raise ZooError(f"system.extent={list(self.extent)}: expected 1 or more sites along each axis")
        if self.n_sites > MOST_SITES:
            raise ZooError(f"system.extent={list(self.extent)}: expected at most {MOST_SITES} sites in all")
        if len(self.boundary) != n_axes or any(letter not in BOUNDARIES for letter in self.boundary):
            letters = ", ".join(f"{letter} ({name})" for letter, name in BOUNDARIES.items())
            raise ZooError(f"system.boundary={self.boundary!r}: a {self.kind} has {axes}, one letter each of {letters}")

    @property
    def n_sites(self) -> int:
        return math.prod(self.extent)

    @property
    def coordinates(self) -> np.ndarray:
        """Position of each site on the grid, integers ``(n_sites, n_axes)``, in the order of the sites."""
        return np.array(list(np.ndindex(*self.extent))).reshape(self.n_sites, len(self.extent))

    def index(self, site: Site) -> int:
        """Number of a site that lies within the extents."""
        return int(np.ravel_multi_index(site, self.extent))

    def neighbour(self, site: Site, displacement: Site) -> tuple[int, int] | None:
        """Number of the site at that displacement and the sign of the boundaries crossed; None where there is none.

        An axis of a single site leads nowhere: a bond would join the site to itself.
        """
        target, sign = [], 1
        for start, step, extent, letter in zip(site, displacement, self.extent, self.boundary, strict=True):
            windings, end = divmod(start + step, extent)
            if step and (extent == 1 or (windings and letter == "O")):
                return None
            sign *= -1 if letter == "A" and windings % 2 else 1
            target.append(end)
        return self.index(tuple(target)), sign

    def pairs(self, displacements: tuple[Site, ...]) -> dict[tuple[int, int], int]:
        """Pairs of sites ``(i, j)``, i < j, at one of the displacements, each once, with the sign of the boundary.

        Two sites are joined by at most one bond, also where a periodic axis is so short that they are neighbours both
        ways round: an axis of 2 sites has single bonds, and so has the chain of 4 between second neighbours.

        Raises:
            ZooError: The two ways round have opposite signs (an antiperiodic axis as short as that), so that which
                of the two is kept would decide the Hamiltonian.
        """
        pairs: dict[tuple[int, int], int] = {}
        for site in np.ndindex(*self.extent):
            for displacement in displacements:
                found = self.neighbour(site, displacement)
                here = self.index(site)
                if found is None or found[0] == here:
                    continue
                there, sign = found
                pair = (min(here, there), max(here, there))
                if pairs.setdefault(pair, sign) != sign:
                    raise ZooError(
                        f"system.boundary={self.boundary!r}: on extent {list(self.extent)} the bonds of sites {pair} "
                        "each way round have opposite signs; expected a longer antiperiodic axis, or P or O"
                    )
        return pairs

    def symmetries(self) -> list[np.ndarray]:
        """Matrices of the point group that keep the extents and the boundaries."""
        kept = []
        for matrix in map(np.array, LATTICES[self.kind].point_group):
            images = [np.flatnonzero(column) for column in matrix.T]
            if all(
                self.extent[axis] == self.extent[image] and self.boundary[axis] == self.boundary[image]
                for axis, column in enumerate(images)
                for image in column
            ):
                kept.append(matrix)
        return kept

    def reduce(self, displacements: np.ndarray) -> np.ndarray:
        """Displacements ``(..., n_axes)`` with the components along closed axes brought to (-extent/2, extent/2]."""
        extent = np.array(self.extent)
        wrapped = (displacements + (extent - 1) // 2) % extent - (extent - 1) // 2
        return np.where([letter == "O" for letter in self.boundary], displacements, wrapped)

    def displacement_classes(self) -> np.ndarray:
        """See `zoo.systems.base.LatticeSystem.displacement_classes`; classes are numbered by distance.

        Two pairs of sites share a class when a translation along the closed axes and an element of the point group
        (reflections; exchange of axes of equal extent and boundary) map one displacement into the other. Along an
        open axis the absolute displacement stands for the pair, wherever it lies: coarser than the symmetry there.
        Antiperiodic axes count as closed, since the sign moves with a gauge transformation.
        """
        sites = self.coordinates
        displacements = self.reduce(sites[None, :] - sites[:, None])
        images = np.stack([self.reduce(displacements @ matrix.T) for matrix in self.symmetries()])
        squared = np.sum(images**2, axis=-1)
        base = 2 * max(self.extent) + 1
        place = base ** np.arange(len(self.extent))
        # A number for each image that sorts by length, then by components; the least stands for the orbit.
        codes = squared * base ** len(self.extent) + (images + max(self.extent)) @ place
        orbit = codes.min(axis=0)
        return np.unique(orbit, return_inverse=True)[1].reshape(self.n_sites, self.n_sites)


@functools.lru_cache(maxsize=128)
def bonds(lattice: Lattice, t: float, t_prime: float) -> tuple[tuple[int, int, float], ...]:
    """Every bond once, ``(i, j, hopping)`` with i < j, sorted; a hopping of zero gives no bonds.

    Args:
        lattice: Sites and boundaries; `Lattice.pairs` says what becomes of very short axes.
        t: Hopping to the nearest neighbours.
        t_prime: Hopping to the next nearest neighbours.

    Raises:
        ZooError: ``t_prime`` is not zero, but the lattice is so small that next nearest neighbours do not exist or
            are nearest neighbours as well; or bonds of opposite sign meet (`Lattice.pairs`).
    """
    kind = LATTICES[lattice.kind]
    nearest = lattice.pairs(kind.nearest)
    found = {pair: sign * t for pair, sign in nearest.items() if t}
    if t_prime:
        where = f"system.t_prime={t_prime:g}: {lattice.kind} {list(lattice.extent)} with boundary {lattice.boundary!r}"
        distant = lattice.pairs(kind.next_nearest)
        if not distant:
            raise ZooError(f"{where} has no {kind.next_nearest_name}; expected t_prime=0 or a larger lattice")
        if not nearest.keys().isdisjoint(distant):
            raise ZooError(f"{where}: its {kind.next_nearest_name} are nearest neighbours too; expected t_prime=0")
        found |= {pair: sign * t_prime for pair, sign in distant.items()}
    return tuple((i, j, hopping) for (i, j), hopping in sorted(found.items()))
