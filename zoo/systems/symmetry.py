"""Symmetries of lattice systems: translations, the point group, the exchange of the spins.

An element acts as a unitary U with U c+_i,s U^-1 = sign_i c+_p(i),s' and U |0> = |0>: a permutation of the sites, and a
sign where a site is carried across antiperiodic boundaries. Only elements that leave every hopping and every repulsion
of the Hamiltonian as they are are symmetries; open boundaries, anisotropic hopping and flux rule others out. So does a
twist, which stands at one place of its axis, for all that would move it (but see `Lattice.uniform_gauge`).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from zoo.errors import UnknownNameError
from zoo.systems.base import LatticeSystem
from zoo.systems.bonds import Bond
from zoo.systems.lattice import Lattice

KINDS = ("translations", "point_group", "spin_flip")

_SAME = 1e-9
"""Relative difference of complex hoppings that is rounding."""


@dataclasses.dataclass(frozen=True, eq=False)
class Symmetry:
    """One element.

    Attributes:
        permutation: The new site of each site, integers ``(n_sites,)``.
        signs: +1 or -1 for each site, ``(n_sites,)``: that of the antiperiodic boundaries it crosses on its way.
        flips_spin: Whether spin up becomes spin down and the other way round.
    """

    permutation: np.ndarray
    signs: np.ndarray
    flips_spin: bool = False

    @functools.cached_property
    def crossings(self) -> np.ndarray:
        """1 for each pair of sites i < j whose order is reversed, else 0, integers ``(n_sites, n_sites)``.

        Two electrons of one spin on such a pair exchange their places among the creation operators, and cost a sign.
        """
        return np.triu(self.permutation[:, None] > self.permutation[None, :], 1).astype(np.int64)

    def after(self, first: Symmetry) -> Symmetry:
        """The element that does what ``first`` does, then what this one does."""
        return Symmetry(
            self.permutation[first.permutation],
            first.signs * self.signs[first.permutation],
            self.flips_spin != first.flips_spin,
        )

    def apply(self, occupations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """U |n> = sign |n'>, in the order of operators of `zoo.systems.base.LatticeSystem`.

        Args:
            occupations: Configurations n, ``(..., 2, n_sites)``.

        Returns:
            n', of the same shape, and the signs, +1 or -1, ``(...)``: of the boundaries, of the order in which the
            operators of each spin arrive, and of the exchange of both spins.
        """
        occupations = np.asarray(occupations)
        filled = occupations.astype(np.int64)
        crossed = np.sum((filled @ self.crossings) * filled, axis=(-2, -1))
        crossed += np.sum(filled * (self.signs < 0), axis=(-2, -1))
        if self.flips_spin:
            crossed += filled[..., 0, :].sum(axis=-1) * filled[..., 1, :].sum(axis=-1)
            occupations = occupations[..., ::-1, :]
        image = np.empty_like(occupations)
        image[..., self.permutation] = occupations
        return image, 1 - 2 * (crossed % 2)


def symmetries(system: LatticeSystem, kind: str) -> tuple[Symmetry, ...]:
    """The elements of one kind that a system has, the identity first; see `LatticeSystem.symmetries`."""
    if kind not in KINDS:
        raise UnknownNameError("kind of symmetry", kind, KINDS)
    if kind == "spin_flip":
        identity = Symmetry(np.arange(system.n_sites), np.ones(system.n_sites, dtype=int))
        flips = system.n_up == system.n_down
        return (identity, dataclasses.replace(identity, flips_spin=True)) if flips else (identity,)
    if kind == "translations":
        return translations(system, system.bonds)
    return _kept(_point_group(system.geometry), system.bonds, system.repulsions)


def translations(system: LatticeSystem, bonds: tuple[Bond, ...]) -> tuple[Symmetry, ...]:
    """The translations of the lattice that leave these bonds as they are, and the repulsions; the identity first."""
    return _kept(_translations(system.geometry), bonds, system.repulsions)


def _kept(elements: Iterable[list[Symmetry]], bonds: tuple[Bond, ...], repulsions: tuple) -> tuple[Symmetry, ...]:
    found: dict[bytes, Symmetry] = {}  # on short axes two elements may move the sites alike
    for candidates in elements:
        kept = [candidate for candidate in candidates if _keeps_hamiltonian(bonds, repulsions, candidate)]
        for element in kept[:1]:
            found.setdefault(element.permutation.tobytes() + element.signs.tobytes(), element)
    return tuple(found.values())


def _translations(lattice: Lattice) -> Iterator[list[Symmetry]]:
    """By every number of cells along the closed axes."""
    extents = [1 if is_open else extent for extent, is_open in zip(lattice.extent, lattice.open_axes, strict=True)]
    identity = np.eye(len(extents), dtype=int)
    for cells in np.ndindex(*extents):
        yield _elements(lattice, identity, [lattice.definition.refinement * np.array(cells)])


def _point_group(lattice: Lattice) -> Iterator[list[Symmetry]]:
    """About the middle of open axes, and a centre of symmetry along closed ones.

    Where the two do not go together, the centre is moved along the closed axes, within a cell; the elements are then a
    group only together with the translations.
    """
    places, is_open = lattice.places, lattice.open_axes
    twice_centre = np.where(is_open, places.min(axis=0) + places.max(axis=0), 2 * np.array(lattice.definition.centre))
    moves = [range(1 if fixed else lattice.definition.refinement) for fixed in is_open]
    for matrix in lattice.point_group():
        shift = (twice_centre - matrix @ twice_centre) // 2
        yield _elements(lattice, matrix, [shift + np.array(move) for move in itertools.product(*moves)])


def _elements(lattice: Lattice, matrix: np.ndarray, shifts: list[np.ndarray]) -> list[Symmetry]:
    maps = [lattice.map_sites(matrix, shift) for shift in shifts]
    return [Symmetry(*found) for found in maps if found is not None]


def _keeps_hamiltonian(bonds: tuple[Bond, ...], repulsions: tuple, element: Symmetry) -> bool:
    """Whether every hopping and every repulsion reappears where the element takes it."""
    place, signs = element.permutation, element.signs
    for pairs, changes_sign in ((bonds, True), (repulsions, False)):
        strength = {(i, j): value for i, j, value in pairs}
        for i, j, value in pairs:
            image = (min(place[i], place[j]), max(place[i], place[j]))
            found, wanted = strength.get(image), value * signs[i] * signs[j] if changes_sign else value
            if isinstance(wanted, complex):
                wanted = wanted if place[i] < place[j] else wanted.conjugate()
                if found is None or abs(found - wanted) > _SAME * abs(wanted):
                    return False
            elif found != wanted:
                return False
    return True
