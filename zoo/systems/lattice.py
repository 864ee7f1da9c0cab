"""Geometry of finite lattices: sites, boundaries and classes of displacements.

A lattice is a grid of cells counted along one or more axes, from 0 up to the extent of each axis, with one site or
more in a cell. Sites are numbered with the last axis fastest, those of a cell together: with one site in a cell
``index = x * extent_y + y``, so occupations of a rectangle reshape to ``(2, *extent)``.
The infinite lattices are those of `zoo.systems.lattice_kinds`.

Each axis has its own boundary, one letter: ``P`` periodic, ``A`` antiperiodic (a bond across it changes sign),
``O`` open. A periodic axis may be twisted by any other angle too (`Lattice.twist`).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

import numpy as np

from zoo.errors import UnknownNameError, ZooError
from zoo.systems.lattice_kinds import LATTICES, LatticeKind, Site

BOUNDARIES = {"P": "periodic", "A": "antiperiodic", "O": "open"}

MOST_SITES = 4096
"""More do not fit into memory: the classes of displacements are a matrix over the pairs of sites."""

_SAME = 1e-9
"""Difference of phases, and of twists in turns, that is rounding."""


@dataclasses.dataclass(frozen=True)
class Lattice:
    """A finite piece of a lattice.

    Attributes:
        kind: A name of `LATTICES`.
        extent: Cells along each axis.
        boundary: One letter of `BOUNDARIES` for each axis.
        twist: Angle of the boundary of each axis in turns, as `reduced_boundary` gives it; empty where there is none.
    """

    kind: str
    extent: tuple[int, ...]
    boundary: str
    twist: tuple[float, ...] = ()

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
    def definition(self) -> LatticeKind:
        """The infinite lattice."""
        return LATTICES[self.kind]

    @property
    def n_sites(self) -> int:
        return math.prod(self.extent) * len(self.definition.basis)

    @property
    def coordinates(self) -> np.ndarray:
        """Cell of each site, integers ``(n_sites, n_axes)``, in the order of the sites."""
        cells = np.array(list(np.ndindex(*self.extent))).reshape(-1, len(self.extent))
        return np.repeat(cells, len(self.definition.basis), axis=0)

    @property
    def places(self) -> np.ndarray:
        """Place of each site on the fine grid, integers ``(n_sites, n_axes)``."""
        basis = np.array(self.definition.basis)
        cells = len(self.coordinates) // len(basis)
        return self.definition.refinement * self.coordinates + np.tile(basis, (cells, 1))

    @property
    def positions(self) -> np.ndarray:
        """Cartesian positions of the sites, ``(n_sites, n_axes)``; nearest neighbours are at distance 1."""
        metric = np.array(self.definition.metric, dtype=float)
        bond = np.array(self.definition.nearest[0])
        return self.places @ np.linalg.cholesky(metric / (bond @ metric @ bond))

    @property
    def sublattice(self) -> np.ndarray:
        """+1 or -1 for each site, ``(n_sites,)``: by the site of a cell if there are two, else as on a chessboard.

        Neighbours differ wherever the lattice and its boundaries allow it; on a triangular lattice, which does not,
        rows along the third direction of bonds share a sign.
        """
        if len(self.definition.basis) > 1:
            parity = np.arange(self.n_sites) % len(self.definition.basis)
        else:
            parity = self.coordinates.sum(axis=-1) % 2
        return 1 - 2 * parity

    @property
    def open_axes(self) -> np.ndarray:
        """Whether each axis is open, booleans ``(n_axes,)``."""
        return np.array([letter == "O" for letter in self.boundary])

    @property
    def antiperiodic_axes(self) -> np.ndarray:
        """Whether each axis is antiperiodic, booleans ``(n_axes,)``."""
        return np.array([letter == "A" for letter in self.boundary])

    @property
    def grid_extent(self) -> np.ndarray:
        """Steps of the fine grid along each axis."""
        return self.definition.refinement * np.array(self.extent)

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """Number of the site at each place of the fine grid, integers ``grid_extent``; -1 where there is none."""
        numbers = np.full(self.grid_extent, -1)
        numbers[tuple(self.places.T)] = np.arange(self.n_sites)
        return numbers

    def index(self, site: Site) -> int:
        """Number of a site by its place on the grid, within the extents."""
        return int(self.numbers[site])

    def neighbours(self, displacement: Site) -> tuple[np.ndarray, np.ndarray]:
        """Number of the site at that displacement from each site, -1 where there is none, and the boundaries' factor.

        That is the one by which a hop to there is multiplied: a sign, or, if there is a twist, a complex number of
        modulus one, exp(i theta) for each boundary crossed in the positive direction.
        An axis of a single cell leads nowhere: a bond across its boundary would join the cell to itself.
        """
        windings, places = np.divmod(self.places + displacement, self.grid_extent)
        leaves = np.any((windings != 0) & (self.open_axes | (np.array(self.extent) == 1)), axis=1)
        numbers = np.where(leaves, -1, self.numbers[tuple(places.T)])
        signs = 1 - 2 * (windings[:, self.antiperiodic_axes].sum(axis=1) % 2)
        if not self.twist:
            return numbers, signs
        return numbers, signs * np.exp(2j * np.pi * (windings @ np.array(self.twist)))

    def pairs(self, displacements: tuple[Site, ...]) -> dict[tuple[int, int], int | complex]:
        """Pairs of sites ``(i, j)``, i < j, at one of the displacements, each once, with the factor of the boundary.

        That is a sign, or, if there is a twist, the complex factor of a hop from j to i, of c+_i c_j.

        Two sites are joined by at most one bond, also where a periodic axis is so short that they are neighbours both
        ways round: an axis of 2 sites has single bonds, and so has the chain of 4 between second neighbours.

        Raises:
            ZooError: The two ways round have different factors (an antiperiodic or twisted axis as short as that), so
                that which of the two is kept would decide the Hamiltonian.
        """
        pairs: dict[tuple[int, int], int | complex] = {}
        for displacement in displacements:
            for here, (there, found) in enumerate(zip(*self.neighbours(displacement), strict=True)):
                if there < 0 or there == here:
                    continue
                pair = (min(here, int(there)), max(here, int(there)))
                factor = int(found) if not self.twist else complex(found if there < here else np.conj(found))
                if abs(pairs.setdefault(pair, factor) - factor) > _SAME:
                    where = f"on extent {list(self.extent)} the bonds of sites {pair} each way round have"
                    if self.twist:
                        raise ZooError(
                            f"system.twist={list(self.twist)}: {where} different phases; expected a longer twisted axis"
                        )
                    raise ZooError(
                        f"system.boundary={self.boundary!r}: {where} opposite signs; expected a longer antiperiodic "
                        "axis, or P or O"
                    )
        return pairs

    @property
    def fluxes(self) -> np.ndarray:
        """The angle of the boundary of each axis in turns, ``(n_axes,)``: the twist, or 0.5 where antiperiodic."""
        return np.where(self.antiperiodic_axes, 0.5, np.array(self.twist or (0.0,) * len(self.extent)))

    @property
    def uniform_gauge(self) -> np.ndarray:
        """Phases g_i of the sites, ``(n_sites,)``, that spread the twist evenly over its axis.

        With hoppings t_ij g_i g_j* in place of t_ij, translations are symmetries of the twisted lattice too.
        """
        turns = self.coordinates / np.array(self.extent) @ np.array(self.twist or (0.0,) * len(self.extent))
        return np.exp(2j * np.pi * turns)

    def point_group(self) -> list[np.ndarray]:
        """Matrices of the point group that keep the extents and the boundaries.

        An open axis has to become an open axis of equal extent. The way once around a closed axis has to become a way
        around closed axes that crosses antiperiodic boundaries as often, but for an even number. A twist has to become
        itself, or the opposite one, whose Hamiltonian is the complex conjugate.
        """
        matrices = map(np.array, self.definition.point_group)
        return [matrix for matrix in matrices if self._keeps(matrix, 1) or self._keeps(matrix, -1)]

    def _keeps(self, matrix: np.ndarray, sense: int) -> bool:
        is_open, fluxes, extent = self.open_axes, self.fluxes, np.array(self.extent)
        for axis in range(len(extent)):
            if is_open[axis]:
                sources = np.flatnonzero(matrix[axis])
                if len(sources) != 1 or not is_open[sources[0]] or extent[sources[0]] != extent[axis]:
                    return False
            else:
                loop = matrix[:, axis] * extent[axis]
                if np.any(loop[is_open]) or np.any(loop % extent):
                    return False
                change = loop // extent @ fluxes - sense * fluxes[axis]
                if abs(change - round(change)) > _SAME:
                    return False
        return True

    def map_sites(self, matrix: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Where ``place -> matrix @ place + shift`` takes each site, and the sign of the boundaries it crosses.

        Returns:
            Integers and +1 or -1, each ``(n_sites,)``; None where a site would leave the lattice or hit no site.
        """
        windings, places = np.divmod(self.places @ matrix.T + shift, self.grid_extent)
        numbers = self.numbers[tuple(places.T)]
        if np.any(windings[:, self.open_axes]) or np.any(numbers < 0):
            return None
        return numbers, 1 - 2 * (windings[:, self.antiperiodic_axes].sum(axis=1) % 2)

    def reduce(self, displacements: np.ndarray) -> np.ndarray:
        """Displacements ``(..., n_axes)`` with the components along closed axes brought to (-extent/2, extent/2]."""
        extent = self.grid_extent
        wrapped = (displacements + (extent - 1) // 2) % extent - (extent - 1) // 2
        return np.where(self.open_axes, displacements, wrapped)

    def squared_lengths(self, displacements: np.ndarray) -> np.ndarray:
        """Squared length of displacements ``(..., n_axes)``, the shortest way round, as `LatticeKind.metric` has it."""
        closed = [(0,) if is_open else (-1, 0, 1) for is_open in self.open_axes]
        metric, reduced = np.array(self.definition.metric), self.reduce(displacements)
        ways = [reduced + np.array(turns) * self.grid_extent for turns in itertools.product(*closed)]
        return np.min([np.sum((way @ metric) * way, axis=-1) for way in ways], axis=0)

    def displacement_classes(self) -> np.ndarray:
        """See `zoo.systems.base.LatticeSystem.displacement_classes`; classes are numbered by distance.

        Two pairs of sites share a class when a translation along the closed axes and an element of the point group
        (such as reflections; the exchange of axes of equal extent and boundary) map one displacement into the other.
        Along an open axis the absolute displacement stands for the pair, wherever it lies: coarser than the symmetry
        there. Antiperiodic axes count as closed, since the sign moves with a gauge transformation.
        """
        sites = self.places
        displacements = self.reduce(sites[None, :] - sites[:, None])
        matrices = self.point_group()
        # The pairs (i, j) and (j, i) are one, also where no symmetry exchanges them.
        images = np.stack([self.reduce(sign * displacements @ matrix.T) for matrix in matrices for sign in (1, -1)])
        largest = int(self.grid_extent.max())
        base = 2 * largest + 1
        place = base ** np.arange(len(self.extent))
        # A number for each image that sorts by length, then by components; the least stands for the orbit.
        components = ((images + largest) @ place).min(axis=0)
        orbit = self.squared_lengths(displacements) * base ** len(self.extent) + components
        return np.unique(orbit, return_inverse=True)[1].reshape(self.n_sites, self.n_sites)


def reduced_boundary(lattice: Lattice, twist: tuple[float, ...]) -> tuple[str, tuple[float, ...]]:
    """The boundary letters and the twist that stand for twisting the axes of a lattice, brought to one form.

    Angles are in turns and reduced to (-0.5, 0.5]. Half a turn is the letter A, and a twist of zeros is empty: these
    Hamiltonians stay real.

    Raises:
        ZooError: There is not one angle for each axis, or one is not zero where there is no periodic boundary to twist.
    """
    where, letters = f"system.twist={list(twist)}", list(lattice.boundary)
    if twist and len(twist) != len(letters):
        raise ZooError(f"{where}: a {lattice.kind} has {len(letters)} axes, expected an angle for each, or []")
    angles = []
    for axis, turns in enumerate(twist):
        angle = turns - round(turns)
        if abs(angle) < _SAME:
            angles.append(0.0)
            continue
        if letters[axis] == "O":
            raise ZooError(
                f"{where}: boundary {lattice.boundary!r} leaves axis {axis + 1} open; expected 0 there, or P"
            )
        if letters[axis] == "A":
            raise ZooError(
                f"{where}: axis {axis + 1} is antiperiodic in boundary {lattice.boundary!r}, which is a twist of 0.5 "
                "itself; expected 0 there, or P"
            )
        if lattice.extent[axis] == 1:
            raise ZooError(f"{where}: no bond crosses the boundary of axis {axis + 1}, of a single cell; expected 0")
        if abs(abs(angle) - 0.5) < _SAME:
            letters[axis], angle = "A", 0.0
        angles.append(angle)
    return "".join(letters), tuple(angles) if any(angles) else ()
