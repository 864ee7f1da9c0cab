"""Single-determinant states of the Hubbard model: free electrons and collinear unrestricted Hartree-Fock.

Both are real unless the hopping is complex, deterministic and cached for each system. The energy of a pair of
determinants with density matrices P_up and P_down is

    E = Tr[K (P_up + P_down)] + U sum_i P_up[i, i] P_down[i, i],   K the hopping matrix.

**Degenerate levels.** Where a level is degenerate, its orbitals are made to diagonalise a fixed potential that
tells the sites apart, chiefly the two sublattices; spin up fills a partly occupied level from below, spin down from
above. So the choice does not hang on the linear-algebra library, and the two spins keep out of each other's way.
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

if TYPE_CHECKING:
    from zoo.systems.hubbard import Hubbard
    from zoo.systems.lattice_model import LatticeModel

KINDS = ("free", "unrestricted", "screened")
SCREENED_REPULSION = 2.0
"""Largest |U| / |t| in the mean field of the ``screened`` orbitals, t the largest hopping."""

_MOST_WALLS = 8
_SCREENING_STEPS = 40
_FINALISTS = 4
_MOST_STEPS = 2000
_SELF_CONSISTENT = 1e-7
_SAME_LEVEL = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class MeanField:
    """A determinant of each spin.

    Attributes:
        up, down: Orthonormal orbitals, ``(n_sites, n_up)`` and ``(n_sites, n_down)``, lowest level first; read-only.
        energy: Expectation value of the whole Hamiltonian in the determinants.
    """

    up: np.ndarray
    down: np.ndarray
    energy: float


def solve(system: Hubbard, kind: str = "unrestricted") -> MeanField:
    """The free or the self-consistent determinant of a system.

    Args:
        system: The Hubbard model.
        kind: ``"free"``, the ground state of the hopping alone, or ``"unrestricted"``, collinear unrestricted
            Hartree-Fock: the lowest of several starts, so an upper bound to the true Hartree-Fock energy.
            ``"screened"``, the same with |U| of at most 2 |t|: at strong repulsion the Hartree-Fock state is a
            spin density wave from which no optimisation returns, while a Jastrow factor, which keeps electrons
            apart, needs orbitals of a weaker mean field.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of orbitals", kind, KINDS)
    if kind == "free":
        return _free(system)
    largest = SCREENED_REPULSION * largest_hopping(system)
    if kind == "screened" and abs(system.u) > largest:
        screened = _unrestricted(dataclasses.replace(system, u=math.copysign(largest, system.u)))
        double = float(np.sum(_density(screened.up) * _density(screened.down)))
        excess = system.u - math.copysign(largest, system.u)
        return dataclasses.replace(screened, energy=screened.energy + excess * double)
    return _unrestricted(system)


def mean_field_energy(system: Hubbard, kind: str = "unrestricted") -> float:
    """Energy of `solve`'s determinant: for ``"unrestricted"`` the Hartree-Fock energy."""
    return solve(system, kind).energy


@functools.lru_cache(maxsize=64)
def _free(system: Hubbard) -> MeanField:
    return _Functional(system).free()


@functools.lru_cache(maxsize=64)
@threadpool_limits.wrap(limits=1, user_api="blas")  # threads at matrices as small as these only wait for each other
def _unrestricted(system: Hubbard) -> MeanField:
    """All starts take a few steps; so do the best of them with spins flipped; the most promising are then finished.

    Energies are compared with a tolerance, so that among states that a symmetry makes equal the earlier start wins.
    """
    functional = _Functional(system)
    screened = [functional.relax(start, _SCREENING_STEPS) for start in _starts(system)]
    screened.sort(key=_rounded_energy)
    for flipped in _random_boxes(system):
        leader = screened[0]
        start = np.where(flipped, _density(leader.up), _density(leader.down))
        screened.append(functional.relax(start, _SCREENING_STEPS))
        screened.sort(key=_rounded_energy)
    finished = [functional.relax(_density(state.down), _MOST_STEPS) for state in screened[:_FINALISTS]]
    return min(finished, key=_rounded_energy)


def largest_hopping(system: LatticeModel) -> float:
    """The largest |hopping| of a bond; |t| where there are no bonds."""
    return max((abs(hopping) for _, _, hopping in system.bonds), default=abs(system.t))


def tilt(system: LatticeModel) -> np.ndarray:
    """The potential that orders degenerate levels, ``(n_sites,)``.

    The sublattices, and a smaller irregular part for what they leave open.
    """
    irregular = ((np.sqrt(5) - 1) / 2 * np.arange(1, system.n_sites + 1)) % 1 - 0.5
    return system.sublattice + 0.1 * irregular


def _rounded_energy(state: MeanField) -> float:
    return round(state.energy, 7)


def _random_count(system: Hubbard) -> int:
    """How many random starts of one sort: fewer on large lattices, where each takes longer."""
    return int(np.clip(1500 // system.n_sites, 4, 24))


def _starts(system: Hubbard) -> np.ndarray:
    """Densities of spin down to start from, shape ``(starts, n_sites)``.

    Uniform; that of the free electrons; antiferromagnetic with 0, 1, 2 ... domain walls across each axis, where the
    holes of a doped lattice gather (J. Zaanen and O. Gunnarsson, Phys. Rev. B 40, 7391 (1989)). Then, from a fixed
    seed: antiferromagnets of uneven moment, nearly uniform densities, electrons on random sites.
    """
    uniform, sublattice = np.full(system.n_sites, system.n_down / system.n_sites), system.sublattice
    moments = [np.ones(system.n_sites)]
    for axis, extent in enumerate(system.extent):
        phase = np.pi * (system.coordinates[:, axis] + 0.5) / extent
        moments += [np.cos(walls * phase) for walls in range(1, min(extent - 1, _MOST_WALLS) + 1)]

    random, shape = np.random.default_rng(0), (_random_count(system), system.n_sites)
    moments += list(random.random(shape))
    uneven = uniform * random.uniform(0.8, 1.2, shape)
    placed = random.random(shape).argsort(axis=-1) < system.n_down
    ordered = uniform * (1 - sublattice * np.array(moments))
    return np.vstack([uniform, _density(_free(system).down), ordered, uneven, placed])


def _random_boxes(system: Hubbard) -> Iterator[np.ndarray]:
    """Sites within random boxes, which may reach across the boundary, booleans ``(n_sites,)``; from a fixed seed."""
    random, extent = np.random.default_rng(1), np.array(system.extent)
    for _ in range(_random_count(system)):
        corner, size = random.integers(extent), random.integers(1, extent + 1)
        yield np.all((system.coordinates - corner) % extent < size, axis=-1)


class _Functional:
    """The energy of a system as a functional of its determinants, and how it is minimised."""

    def __init__(self, system: Hubbard):
        self.kinetic, self.u = system.hopping_matrix(), system.u
        self.n_up, self.n_down = system.n_up, system.n_down
        self.tilt = tilt(system)

    def free(self) -> MeanField:
        """The lowest orbitals of the hopping alone."""
        nothing = np.zeros(len(self.kinetic))
        return self._state(self._fill_up(nothing), self._fill_down(nothing))

    def relax(self, down: np.ndarray, steps: int) -> MeanField:
        """Self-consistency from a density of spin down, in at most that many steps.

        A step fills the lowest levels of K + U n_down with spin up, then those of K + U n_up with spin down. With
        one spin held fixed the energy is linear in the density matrix of the other, so each half is the exact
        minimum over one spin, and the energy never rises. Anderson's extrapolation of the densities speeds this up;
        where it would raise the energy it is dropped.
        """
        history: list[tuple[np.ndarray, np.ndarray]] = []
        start, state = down, self._step(down)
        for _ in range(steps):
            result = _density(state.down)
            if np.max(np.abs(result - start)) < _SELF_CONSISTENT:
                break
            history = [*history[-5:], (start, result)]
            start = _extrapolate(history)
            found = self._step(start)
            if found.energy > state.energy:
                history, start = [], result
                found = self._step(start)
            state = found
        return state

    def _step(self, down: np.ndarray) -> MeanField:
        up = self._fill_up(down)
        return self._state(up, self._fill_down(_density(up)))

    def _fill_up(self, beside: np.ndarray) -> np.ndarray:
        return lowest_orbitals(self.kinetic + self.u * np.diag(beside), self.n_up, self.tilt)

    def _fill_down(self, beside: np.ndarray) -> np.ndarray:
        return lowest_orbitals(self.kinetic + self.u * np.diag(beside), self.n_down, -self.tilt)

    def _state(self, up: np.ndarray, down: np.ndarray) -> MeanField:
        hopping = sum(np.sum(np.conj(orbitals) * (self.kinetic @ orbitals)) for orbitals in (up, down)).real
        up.flags.writeable = down.flags.writeable = False
        return MeanField(up, down, float(hopping + self.u * np.sum(_density(up) * _density(down))))


def _density(orbitals: np.ndarray) -> np.ndarray:
    return np.sum(np.abs(orbitals) ** 2, axis=1)


def _extrapolate(history: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Anderson's next guess for a fixed point from pairs (x, g(x)): the combination of g with least g - x."""
    points, results = (np.array(column) for column in zip(*history, strict=True))
    residuals = results - points
    if len(history) == 1:
        return results[-1]
    steps = np.diff(residuals, axis=0)
    weights = np.linalg.lstsq(steps.T, residuals[-1], rcond=1e-10)[0]
    return results[-1] - weights @ np.diff(results, axis=0)


def lowest_orbitals(hamiltonian: np.ndarray, count: int, tilt: np.ndarray) -> np.ndarray:
    """The ``count`` lowest eigenvectors as columns, degenerate ones ordered by ``tilt``, their phases fixed."""
    values, vectors = np.linalg.eigh(hamiltonian)
    edges = np.flatnonzero(np.diff(values) > _SAME_LEVEL * max(1.0, np.max(np.abs(values)))) + 1
    for level in np.split(np.arange(len(values)), edges):
        if len(level) > 1 and level[0] < count:
            space = vectors[:, level]
            vectors[:, level] = space @ np.linalg.eigh(space.conj().T @ (tilt[:, None] * space))[1]
    lowest = vectors[:, :count]
    # The first component near the largest is positive: "the largest" alone could be a tie.
    size = np.abs(lowest)
    first = np.argmax(size > 0.9 * size.max(axis=0), axis=0)
    return lowest * np.conj(np.sign(lowest[first, np.arange(count)]))
