"""Exact diagonalisation of lattice systems small enough for it.

The basis of the sector with n_up and n_down electrons is the product of the configurations of each spin, spin down
fastest: a vector of length ``dim_up * dim_down`` reshapes to ``(dim_up, dim_down)``. The configurations of one spin
are the combinations of occupied sites in lexicographic order. With the sign convention of
`zoo.systems.base.LatticeSystem` a hop of one spin does not see the other, so

    H = H_up x 1 + 1 x H_down + diag(U for each doubly occupied site, V for each repelling pair).

H is real and symmetric, or complex and Hermitian where hoppings are complex.

SciPy is imported when a function needs it.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ZooError
from zoo.systems.base import LatticeSystem

if TYPE_CHECKING:
    import scipy.sparse

    from zoo.systems.bonds import Bond

MOST_STATES = 3_000_000
MOST_SITES = 62
"""Sites of one spin are the digits of a 64-bit whole number."""
_DENSE_STATES = 400


@dataclasses.dataclass(frozen=True, eq=False)
class GroundState:
    """The lowest eigenstate of a sector; where it is degenerate, one vector of the lowest level.

    Attributes:
        system: Whose ground state it is.
        energy: The eigenvalue, in the system's units.
        vector: Normalised amplitudes ``(dim,)``, real if the Hamiltonian is; the first of the large ones positive.
        occupations: The basis, ``(dim, 2, n_sites)``, int8; see `basis`.
        double_occupancy: Expected number of doubly occupied sites on the whole lattice.
    """

    system: LatticeSystem
    energy: float
    vector: np.ndarray
    occupations: np.ndarray
    double_occupancy: float

    def amplitudes(self, occupations: np.ndarray) -> np.ndarray:
        """Amplitudes, shape ``(...)``, of configurations ``(..., 2, n_sites)`` of this sector."""
        return self.vector[index(self.system, occupations)]


def dimension(system: LatticeSystem) -> int:
    """Number of basis states."""
    return math.comb(system.n_sites, system.n_up) * math.comb(system.n_sites, system.n_down)


def basis(system: LatticeSystem) -> np.ndarray:
    """Occupations of every basis state, ``(dim, 2, n_sites)``, int8."""
    _require_small(system)
    up, down = (combinations(system.n_sites, count) for count in (system.n_up, system.n_down))
    occupations = np.empty((len(up), len(down), 2, system.n_sites), dtype=np.int8)
    occupations[:, :, 0], occupations[:, :, 1] = up[:, None], down[None, :]
    return occupations.reshape(-1, 2, system.n_sites)


def index(system: LatticeSystem, occupations: np.ndarray) -> np.ndarray:
    """Places in the basis, integers ``(...)``, of configurations ``(..., 2, n_sites)``.

    Raises:
        ZooError: A configuration does not have the system's electron numbers.
    """
    _require_small(system)
    occupations = np.asarray(occupations)
    ranks = []
    for spin, count in enumerate((system.n_up, system.n_down)):
        known = codes(combinations(system.n_sites, count))
        wanted = codes(occupations[..., spin, :])
        # Lexicographic combinations have falling codes.
        rank = len(known) - 1 - np.searchsorted(known[::-1], wanted)
        if np.any(known[rank] != wanted):
            raise ZooError(f"occupations: expected {system.n_up} electrons of spin up and {system.n_down} of spin down")
        ranks.append(rank)
    return ranks[0] * math.comb(system.n_sites, system.n_down) + ranks[1]


def hamiltonian(system: LatticeSystem) -> scipy.sparse.csr_array:
    """The sector's Hamiltonian as a symmetric or Hermitian sparse matrix, ``(dim, dim)``."""
    import scipy.sparse

    _require_small(system)
    hops = [one_spin_hopping(system, count) for count in (system.n_up, system.n_down)]
    ones = [scipy.sparse.eye_array(hop.shape[0], format="csr") for hop in hops]
    diagonal = scipy.sparse.diags_array(_diagonal(system).ravel())
    kinetic = scipy.sparse.kron(hops[0], ones[1]) + scipy.sparse.kron(ones[0], hops[1])
    return scipy.sparse.csr_array(kinetic + diagonal)


def ground_state(system: LatticeSystem) -> GroundState:
    """The ground state of the sector, by Lanczos iteration to machine precision from a fixed random start.

    The start is random and not symmetric, as a symmetric one could be orthogonal to the ground state.

    Raises:
        ZooError: The sector has more than `MOST_STATES` states, or the lattice more than `MOST_SITES` sites.
    """
    _require_small(system)
    up, down = one_spin_hopping(system, system.n_up), one_spin_hopping(system, system.n_down)
    diagonal = _diagonal(system)
    if dimension(system) <= _DENSE_STATES:
        energies, vectors = np.linalg.eigh(hamiltonian(system).toarray())
    else:
        import scipy.sparse.linalg

        def apply(vector):
            matrix = vector.reshape(diagonal.shape)
            return (up @ matrix + (down @ matrix.T).T + diagonal * matrix).ravel()

        size = (dimension(system),) * 2
        operator = scipy.sparse.linalg.LinearOperator(size, matvec=apply, dtype=up.dtype)
        start = np.random.default_rng(0).standard_normal(size[0]).astype(up.dtype)
        energies, vectors = scipy.sparse.linalg.eigsh(operator, k=1, which="SA", v0=start, tol=0)
    vector = vectors[:, 0]
    first = np.argmax(np.abs(vector) > 0.9 * np.max(np.abs(vector)))
    vector = vector * np.conj(np.sign(vector[first]))
    return GroundState(
        system=system,
        energy=float(energies[0]),
        vector=vector,
        occupations=basis(system),
        double_occupancy=float(np.abs(vector) ** 2 @ _doubly_occupied(system).ravel()),
    )


def _require_small(system: LatticeSystem) -> None:
    if system.n_sites > MOST_SITES:
        raise ZooError(f"exact diagonalisation of {system.n_sites} sites: expected at most {MOST_SITES}")
    if dimension(system) > MOST_STATES:
        raise ZooError(
            f"exact diagonalisation of {system.n_up}+{system.n_down} electrons on {system.n_sites} sites needs "
            f"{dimension(system):,} states; expected at most {MOST_STATES:,}"
        )


@functools.lru_cache(maxsize=32)
def combinations(n_sites: int, count: int) -> np.ndarray:
    """Occupations of one spin, ``(dim, n_sites)``, int8."""
    chosen = list(itertools.combinations(range(n_sites), count))
    sites = np.array(chosen, dtype=np.int64).reshape(len(chosen), count)
    occupations = np.zeros((len(sites), n_sites), dtype=np.int8)
    np.put_along_axis(occupations, sites, 1, axis=1)
    occupations.flags.writeable = False
    return occupations


def codes(occupations: np.ndarray) -> np.ndarray:
    """Occupations of one spin as binary numbers, site 0 the highest digit."""
    return occupations.astype(np.int64) @ (1 << np.arange(occupations.shape[-1] - 1, -1, -1, dtype=np.int64))


def one_spin_hopping(
    system: LatticeSystem, count: int, bonds: tuple[Bond, ...] | None = None
) -> scipy.sparse.csr_array:
    """The hopping of one spin over its configurations, with the fermionic signs.

    Args:
        system: The system.
        count: Electrons of the spin.
        bonds: Those of the system unless given.
    """
    import scipy.sparse

    occupations = combinations(system.n_sites, count)
    known = codes(occupations)
    size = len(known)
    rows, columns, elements = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)]
    for i, j, hopping in system.bonds if bonds is None else bonds:
        start = np.flatnonzero((occupations[:, i] == 1) & (occupations[:, j] == 0))
        between = occupations[start, i + 1 : j].sum(axis=1, dtype=np.int64)
        digits = system.n_sites - 1 - np.array([i, j])
        moved = known[start] - (1 << digits[0]) + (1 << digits[1])
        end = size - 1 - np.searchsorted(known[::-1], moved)
        sign = 1 - 2 * (between % 2)
        rows += [start, end]
        columns += [end, start]
        elements += [-hopping * sign, -hopping.conjugate() * sign]  # c+_i c_j leads from end to start
    pairs = (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.csr_array((np.concatenate(elements), pairs), shape=(size, size))


def _diagonal(system: LatticeSystem) -> np.ndarray:
    """The interaction of each basis state, ``(dim_up, dim_down)``."""
    up, down = (combinations(system.n_sites, count).astype(np.float64) for count in (system.n_up, system.n_down))
    if not system.repulsions:
        return system.u * _doubly_occupied(system)
    repulsion = system.repulsion_matrix()
    alone = [0.5 * np.sum((spin @ repulsion) * spin, axis=1) for spin in (up, down)]
    return alone[0][:, None] + alone[1][None, :] + up @ (repulsion + system.u * np.eye(system.n_sites)) @ down.T


def _doubly_occupied(system: LatticeSystem) -> np.ndarray:
    """Doubly occupied sites of each basis state, ``(dim_up, dim_down)``."""
    up, down = (combinations(system.n_sites, count).astype(np.float64) for count in (system.n_up, system.n_down))
    return up @ down.T
