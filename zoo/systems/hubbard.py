"""The Hubbard model: electrons that hop on a lattice and repel where two share a site."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from typing import ClassVar

import numpy as np

from zoo.errors import ZooError
from zoo.systems import lattice as geometry
from zoo.systems.base import LatticeSystem

_QUICK_DIMENSION = 20_000
"""States that are diagonalised within a second."""


@dataclasses.dataclass(frozen=True)
class Hubbard(LatticeSystem):
    r"""H = -t sum_<ij>,s (c+_is c_js + h.c.) - t' sum_<<ij>>,s (c+_is c_js + h.c.) + U sum_i n_i,up n_i,down.

    Energies are in the units in which ``t`` and ``u`` are given. Any two sites share at most one bond: a periodic
    axis of 2 sites has **single** bonds, where some libraries put two (`zoo.systems.lattice.Lattice.pairs`), so P and
    O are the same there, and A is refused.

    Attributes:
        lattice: ``"chain"`` or ``"rectangle"``.
        extent: Sites along each axis, such as ``[6]`` or ``[4,4]``; the last axis is numbered fastest.
        boundary: A letter for each axis: P periodic, A antiperiodic, O open.
        u: Repulsion of two electrons on one site; attraction where negative.
        t: Hopping to the nearest neighbours.
        t_prime: Hopping to the next nearest ones: second neighbours on a chain, diagonals on a rectangle.
        n_up, n_down: Electrons of each spin.
    """

    family: ClassVar[str] = "hubbard"

    lattice: str = "chain"
    extent: tuple[int, ...] = (6,)
    boundary: str = "P"
    u: float = 4.0
    t: float = 1.0
    t_prime: float = 0.0
    n_up: int = 3
    n_down: int = 3

    def __post_init__(self):
        # Whole numbers and tuples whatever YAML or a caller gave, so that equal systems hash alike.
        if isinstance(self.extent, str) or not hasattr(self.extent, "__iter__"):
            raise ZooError(f"system.extent={self.extent!r}: expected a list, such as [6] for a chain of 6 sites")
        object.__setattr__(self, "extent", tuple(_whole("extent", extent) for extent in self.extent))
        for name in ("n_up", "n_down"):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        for name in ("u", "t", "t_prime"):
            object.__setattr__(self, name, _finite(name, getattr(self, name)))
        if not isinstance(self.boundary, str):
            raise ZooError(f"system.boundary={self.boundary!r}: expected letters, such as P for a chain")
        for name in ("n_up", "n_down"):
            count = getattr(self, name)
            if not 0 <= count <= self.geometry.n_sites:
                raise ZooError(f"system.{name}={count}: expected 0 to {self.geometry.n_sites}, the number of sites")
        if self.n_electrons == 0:
            raise ZooError("system.n_up=0, system.n_down=0: expected at least one electron")
        self.bonds  # noqa: B018 - raises where the lattice is too small for the hoppings asked for

    @property
    def geometry(self) -> geometry.Lattice:
        """Sites and boundaries without the Hamiltonian."""
        return geometry.Lattice(self.lattice, self.extent, self.boundary)

    @property
    def n_sites(self) -> int:
        return self.geometry.n_sites

    @property
    def coordinates(self) -> np.ndarray:
        """Position of each site on the grid, integers ``(n_sites, n_axes)``."""
        return self.geometry.coordinates

    @property
    def sublattice(self) -> np.ndarray:
        """+1 or -1 for each site, as on a chessboard, shape ``(n_sites,)``."""
        return 1 - 2 * (self.coordinates.sum(axis=-1) % 2)

    @property
    def bonds(self) -> tuple[tuple[int, int, float], ...]:
        return geometry.bonds(self.geometry, self.t, self.t_prime)

    def displacement_classes(self) -> np.ndarray:
        return self.geometry.displacement_classes()

    @property
    def reference_key(self) -> str | None:
        """Such as ``hubbard/4x4/PP/5-5/U4``; None unless t = 1 and t' = 0.

        Equal Hamiltonians get equal keys: the longer axis and the spin with more electrons come first, an axis of one
        site is left out, and an axis of 2 sites counts as periodic with single bonds (``sgl``).
        """
        if self.t != 1 or self.t_prime != 0:
            return None
        axes = [(n, "P" if n == 2 else letter) for n, letter in zip(self.extent, self.boundary, strict=True) if n > 1]
        axes = sorted(axes, key=lambda axis: (-axis[0], "OPA".index(axis[1]))) or [(1, "O")]
        extents = [extent for extent, _ in axes]
        shape = "x".join(map(str, extents if len(extents) > 1 else [*extents, 1])) + ("sgl" if 2 in extents else "")
        letters = "".join(letter for _, letter in axes)
        n_up, n_down = max(self.n_up, self.n_down), min(self.n_up, self.n_down)
        u = f"{self.u:g}" if float(f"{self.u:g}") == self.u else repr(self.u)
        return f"hubbard/{shape}/{letters}/{n_up}-{n_down}/U{u}"

    @property
    def infinite_temperature_energy(self) -> float:
        """U N_up N_down / N_sites, the mean energy of all configurations: the zero of the V-score.

        Source: Wu et al., Science 386, 296 (2024).
        """
        return self.u * self.n_up * self.n_down / self.n_sites

    def exact_energy(self) -> tuple[float, str] | None:
        from zoo.systems import exact

        if self.u == 0:
            return self.noninteracting_energy(), "sum of one-body levels"
        if exact.dimension(self) <= _QUICK_DIMENSION:
            return _diagonalised_energy(self), "exact diagonalisation"
        return None

    def noninteracting_energy(self) -> float:
        """Ground-state energy with U switched off."""
        levels = np.linalg.eigvalsh(self.hopping_matrix())
        return float(levels[: self.n_up].sum() + levels[: self.n_down].sum())

    def interaction(self, occupations: np.ndarray) -> np.ndarray:
        """The diagonal of H, shape ``(...)``, of occupations ``(..., 2, n_sites)``: U for each doubly occupied site."""
        occupations = np.asarray(occupations, dtype=np.int64)
        return self.u * np.sum(occupations[..., 0, :] * occupations[..., 1, :], axis=-1)

    def connected(self, occupations: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """The hops out of one configuration: every n' with its matrix element <n'|H|n>, without the diagonal.

        The plain form of the Hamiltonian, one configuration at a time; the sign convention is that of
        `zoo.systems.base.LatticeSystem`. H is real and symmetric, so <n'|H|n> = <n|H|n'>.

        Args:
            occupations: One configuration, ``(2, n_sites)``.
        """
        occupations = np.asarray(occupations, dtype=np.int8)
        hops = []
        for spin in (0, 1):
            for i, j, hopping in self.bonds:
                if occupations[spin, i] == occupations[spin, j]:
                    continue
                between = int(occupations[spin, i + 1 : j].sum())
                moved = occupations.copy()
                moved[spin, [i, j]] = moved[spin, [j, i]]
                hops.append((moved, -hopping * (-1) ** between))
        return hops

    def orbitals(self, kind: str = "screened") -> tuple[np.ndarray, np.ndarray]:
        from zoo.systems import mean_field

        solution = mean_field.solve(self, kind)
        return solution.up, solution.down


def _whole(name: str, value) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise ZooError(f"system.{name}={value!r}: expected a whole number") from None


def _finite(name: str, value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise ZooError(f"system.{name}={value!r}: expected a finite number")
    return float(value)


@functools.lru_cache
def _diagonalised_energy(system: Hubbard) -> float:
    from zoo.systems import exact

    return exact.ground_state(system).energy
