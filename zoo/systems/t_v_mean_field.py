"""Single-determinant states of the t-V model: free fermions and Hartree-Fock.

The energy of a determinant with the density matrix P is

    E = Tr[K P] + sum_<ij> V (P_ii P_jj - P_ij^2),   K the hopping matrix.

It is minimised over mixtures of determinants, where it is quadratic along any line, by optimal damping (E. Cances and
C. Le Bris, Int. J. Quantum Chem. 79, 82 (2000)): the energy never rises.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from zoo.errors import UnknownNameError
from zoo.systems.mean_field import KINDS, largest_hopping, lowest_orbitals, tilt

if TYPE_CHECKING:
    from zoo.systems.t_v import TV

SCREENED_REPULSION = 2.0
"""Largest |V| / |t| in the mean field of the ``screened`` orbitals, t the largest hopping."""

_RANDOM_STARTS = 8
_MOST_STEPS = 500
_SELF_CONSISTENT = 1e-11


@dataclasses.dataclass(frozen=True, eq=False)
class Determinant:
    """Orbitals ``(n_sites, n_up)``, orthonormal columns, lowest level first; and the energy of their determinant."""

    orbitals: np.ndarray
    energy: float


@functools.lru_cache(maxsize=64)
@threadpool_limits.wrap(limits=1, user_api="blas")  # as in `zoo.systems.mean_field`
def solve(system: TV, kind: str = "unrestricted") -> Determinant:
    """The free or the self-consistent determinant; deterministic.

    Args:
        system: The t-V model.
        kind: ``"free"``, the ground state of the hopping alone; ``"unrestricted"``, Hartree-Fock, the lowest of several
            starts, so an upper bound to the true Hartree-Fock energy; ``"screened"``, that of a |V| of at most
            2 |t|, for use with a Jastrow factor, with its energy at the full V.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of orbitals", kind, KINDS)
    kinetic, order = system.hopping_matrix(), tilt(system)
    free = lowest_orbitals(kinetic, system.n_up, order)
    if kind == "free":
        return Determinant(free, _energy(kinetic, system.repulsion_matrix(), free @ free.T))
    largest = SCREENED_REPULSION * largest_hopping(system)
    if kind == "screened" and abs(system.v) > largest:
        screened = solve(dataclasses.replace(system, v=math.copysign(largest, system.v)), "unrestricted").orbitals
        return Determinant(screened, _energy(kinetic, system.repulsion_matrix(), screened @ screened.T))
    found = [_relax(system, start) for start in _starts(system, free)]
    return min(found, key=lambda state: round(state.energy, 7))


def _starts(system: TV, free: np.ndarray) -> Iterator[np.ndarray]:
    """Orbitals to start from: free ones, those of a charge density wave, and in random potentials of a fixed seed."""
    yield free
    random = np.random.default_rng(0)
    for potential in [tilt(system), *random.uniform(-2, 2, (_RANDOM_STARTS, system.n_sites))]:
        yield lowest_orbitals(system.hopping_matrix() + np.diag(potential), system.n_up, tilt(system))


def _relax(system: TV, start: np.ndarray) -> Determinant:
    """The best determinant on the way, as the end of it may be a mixture: where a level is partly filled."""
    kinetic, repulsion, order = system.hopping_matrix(), system.repulsion_matrix(), tilt(system)
    density = start @ start.T
    best = Determinant(start, _energy(kinetic, repulsion, density))
    for _ in range(_MOST_STEPS):
        mean_field = kinetic + np.diag(repulsion @ np.diag(density)) - repulsion * density
        orbitals = lowest_orbitals(mean_field, system.n_up, order)
        determinant = orbitals @ orbitals.T
        energy = _energy(kinetic, repulsion, determinant)
        if energy < best.energy - 1e-9:
            best = Determinant(orbitals, energy)
        change = determinant - density
        slope = np.sum(mean_field * change)
        if slope > -_SELF_CONSISTENT:
            break
        curvature = _repelled(repulsion, change)
        density = density + change * (1.0 if 2 * curvature <= -slope else -slope / (2 * curvature))
    return best


def _energy(kinetic: np.ndarray, repulsion: np.ndarray, density: np.ndarray) -> float:
    return float(np.sum(kinetic * density) + _repelled(repulsion, density))


def _repelled(repulsion: np.ndarray, density: np.ndarray) -> float:
    """sum_<ij> V (P_ii P_jj - P_ij^2)."""
    filled = np.diag(density)
    return float(0.5 * (filled @ repulsion @ filled - np.sum(repulsion * density**2)))
