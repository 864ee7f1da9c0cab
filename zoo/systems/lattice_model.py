"""What the models on lattices share: the checks of their parameters, hopping, geometry, and the plain Hamiltonian."""

from __future__ import annotations

import dataclasses
import functools
import math
import operator
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.systems.base import LatticeSystem
from zoo.systems.bonds import Bond, bonds
from zoo.systems.lattice import Lattice, reduced_boundary
from zoo.systems.lattice_kinds import canonical

_QUICK_DIMENSION = 20_000
"""States that are diagonalised within a second."""


class LatticeModel(LatticeSystem):
    """Electrons that hop on one of the lattices of `zoo.systems.lattice_kinds`; a subclass is a frozen dataclass.

    Its fields are at least those annotated here, with ``n_up`` and whatever else its Hamiltonian needs.
    """

    lattice: str
    extent: tuple[int, ...]
    boundary: str
    t: float
    t_prime: float
    anisotropy: tuple[float, ...]
    twist: tuple[float, ...] = ()  # a field of the systems that can be twisted

    def __post_init__(self):
        # Whole numbers and tuples whatever YAML or a caller gave, so that equal systems hash alike.
        if isinstance(self.extent, str) or not hasattr(self.extent, "__iter__"):
            raise ZooError(f"system.extent={self.extent!r}: expected a list, such as [6] for a chain of 6 sites")
        if isinstance(self.anisotropy, str) or not hasattr(self.anisotropy, "__iter__"):
            raise ZooError(f"system.anisotropy={self.anisotropy!r}: expected a list, such as [1,0.5]")
        object.__setattr__(self, "extent", tuple(_whole("extent", extent) for extent in self.extent))
        object.__setattr__(self, "anisotropy", tuple(_finite("anisotropy", factor) for factor in self.anisotropy))
        for field in dataclasses.fields(self):
            if isinstance(field.default, int | float):
                check = _whole if isinstance(field.default, int) else _finite
                object.__setattr__(self, field.name, check(field.name, getattr(self, field.name)))
        if not isinstance(self.boundary, str):
            raise ZooError(f"system.boundary={self.boundary!r}: expected letters, such as P for a chain")
        if isinstance(self.twist, str) or not hasattr(self.twist, "__iter__"):
            raise ZooError(
                f"system.twist={self.twist!r}: expected a list, such as [0.25] for a quarter turn on a chain"
            )
        twist = tuple(_finite("twist", turns) for turns in self.twist)
        boundary, twist = reduced_boundary(Lattice(self.lattice, self.extent, self.boundary), twist)
        if self.twist:
            object.__setattr__(self, "boundary", boundary)
            object.__setattr__(self, "twist", twist)
        for name in ("n_up", "n_down"):
            count = getattr(self, name)
            if not 0 <= count <= self.geometry.n_sites:
                raise ZooError(f"system.{name}={count}: expected 0 to {self.geometry.n_sites}, the number of sites")
        if self.n_electrons == 0:
            raise ZooError("system.n_up=0, system.n_down=0: expected at least one electron")
        self.bonds  # noqa: B018 - raises where the lattice is too small for the hoppings asked for

    @property
    def geometry(self) -> Lattice:
        return Lattice(self.lattice, self.extent, self.boundary, self.twist)

    def parameters(self) -> dict[str, Any]:
        """The fields; anisotropy and twist only where there are some, so that older configurations hash alike."""
        parameters = super().parameters()
        for name in ("anisotropy", "twist"):
            if not getattr(self, name):
                parameters.pop(name, None)
        return parameters

    def hamiltonian(self) -> dict[str, Any]:
        """The parameters; names of one lattice are brought to one name, and isotropic hopping is left out."""
        parameters = {"anisotropy": [], **self.parameters(), "lattice": canonical(self.lattice)}
        if all(factor == 1 for factor in self.anisotropy):
            parameters.pop("anisotropy")
        return parameters

    @property
    def coordinates(self) -> np.ndarray:
        """Cell of each site, integers ``(n_sites, n_axes)``: its position on the grid where a cell is one site."""
        return self.geometry.coordinates

    @property
    def sublattice(self) -> np.ndarray:
        """+1 or -1 for each site, shape ``(n_sites,)``; see `zoo.systems.lattice.Lattice.sublattice`."""
        return self.geometry.sublattice

    @property
    def bonds(self) -> tuple[Bond, ...]:
        return bonds(self.geometry, self.t, self.t_prime, self.anisotropy)

    def displacement_classes(self) -> np.ndarray:
        return self.geometry.displacement_classes()

    def exact_energy(self) -> tuple[float, str] | None:
        from zoo.systems import exact

        if self.u == 0 and not self.repulsions:
            return self.noninteracting_energy(), "sum of one-body levels"
        if exact.dimension(self) <= _QUICK_DIMENSION:
            return _diagonalised_energy(self), "exact diagonalisation"
        return None

    def mean_field_energy(self) -> tuple[float, str] | None:
        from zoo.systems import free_determinant

        energy = free_determinant.restricted_energy(self)
        return None if energy is None else (energy, free_determinant.METHOD)

    def noninteracting_energy(self) -> float:
        """Ground-state energy with the interaction switched off."""
        levels = np.linalg.eigvalsh(self.hopping_matrix())
        return float(levels[: self.n_up].sum() + levels[: self.n_down].sum())

    def interaction(self, occupations: np.ndarray) -> np.ndarray:
        """The diagonal of H, shape ``(...)``, of occupations ``(..., 2, n_sites)``, in NumPy; see `diagonal`."""
        occupations = np.asarray(occupations, dtype=np.int64)
        energies = self.u * np.sum(occupations[..., 0, :] * occupations[..., 1, :], axis=-1)
        if self.repulsions:
            density = occupations.sum(axis=-2)
            energies = energies + 0.5 * np.sum((density @ self.repulsion_matrix()) * density, axis=-1)
        return energies

    def connected(self, occupations: np.ndarray) -> list[tuple[np.ndarray, float | complex]]:
        """The hops out of one configuration: every n' with its matrix element <n'|H|n>, without the diagonal.

        The plain form of the Hamiltonian, one configuration at a time; the sign convention is that of
        `zoo.systems.base.LatticeSystem`. <n|H|n'> is its complex conjugate.

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
                # c+_i c_j takes an electron from j to i, its conjugate back.
                element = hopping if occupations[spin, j] else hopping.conjugate()
                hops.append((moved, -element * (-1) ** between))
        return hops


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
def _diagonalised_energy(system: LatticeModel) -> float:
    from zoo.systems import exact

    return exact.ground_state(system).energy
