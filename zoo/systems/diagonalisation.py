"""Exact ground states of lattice systems of up to some hundred million states, by sectors of momentum.

`zoo.systems.exact` has whole vectors of small systems. Here only the energy and the double occupancy are wanted, and a
sector of a 4x4 torus takes a sixteenth of the memory and of the time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from zoo.errors import ZooError
from zoo.systems import exact, lanczos, momentum
from zoo.systems.base import LatticeSystem
from zoo.systems.momentum import Sector, Translated
from zoo.systems.symmetry import Symmetry

MOST_IN_SECTOR = 30_000_000
"""States of a sector: three vectors of half a gigabyte each, where the momentum makes them complex."""
MOST_CONFIGURATIONS = 1_000_000
"""Configurations of one spin: all of them, and their images under all translations, are listed."""

_COARSE, _FINE = 0.05, 1e-8
"""Residuals of energies by which sectors are told apart, and of the ground state."""


@dataclasses.dataclass(frozen=True)
class Solution:
    """The ground state of a system.

    Attributes:
        energy: In the system's units.
        double_occupancy: Expected number of doubly occupied sites on the whole lattice.
        dimension: States of the whole basis.
        method: How it was obtained.
    """

    energy: float
    double_occupancy: float
    dimension: int
    method: str


def solve(system: LatticeSystem, report: Callable[[str], None] = lambda line: None) -> Solution:
    """The ground state, in the sectors of all momenta that can hold it.

    Args:
        system: The system.
        report: Is told about progress, a line at a time.

    Raises:
        ZooError: The sectors have too many states; the message says how many.
    """
    translations = momentum.translations(system)
    _require_room(system, len(translations))
    report(f"{exact.dimension(system):,} states in {len(translations)} sectors of momentum")
    basis = Translated(system, translations)
    phases = momenta(system, translations)
    sectors: list[tuple[float, int]] = []
    coarse = 0.0
    for index in range(len(phases)):
        sector = Sector(basis, phases[index])
        if np.linalg.norm(sector.start()) < 1e-8:  # no state has this momentum
            continue
        if len(phases) > 1:
            coarse = lanczos.lowest(sector, _COARSE).value
            report(f"momentum {index + 1} of {len(phases)}: {coarse:.3f}")
        sectors.append((coarse, index))
    margin = min(sectors)[0] + 2 * _COARSE  # an eigenvalue is no farther off than the residual
    best = None
    for coarse, index in sectors:
        if coarse <= margin:
            sector = Sector(basis, phases[index])
            found = lanczos.lowest(sector, _FINE)
            if best is None or found.value < best[0].value - 1e-9:
                best = (found, sector)
    assert best is not None
    found, sector = best
    report(f"energy {found.value:.10f} after {len(found.coefficients)} Lanczos steps; double occupancy")
    state = lanczos.vector(sector, found)
    rows, columns = basis.shape
    method = "exact diagonalisation"
    if len(translations) > 1:
        method += f", {len(phases)} momenta, {rows * columns:,} states each"
    return Solution(found.value, sector.double_occupancy(state), exact.dimension(system), method)


def _require_room(system: LatticeSystem, translations: int) -> None:
    states = exact.dimension(system)
    electrons = f"{system.n_up}+{system.n_down} electrons on {system.n_sites} sites"
    where = f"exact diagonalisation of {electrons}: {states:,} states"
    largest = max(math.comb(system.n_sites, count) for count in (system.n_up, system.n_down))
    if system.n_sites > exact.MOST_SITES or largest > MOST_CONFIGURATIONS:
        raise ZooError(f"{where}, {largest:,} of one spin; expected at most {MOST_CONFIGURATIONS:,} of one spin")
    if states > MOST_IN_SECTOR * translations:
        each = f" in {translations} sectors of momentum" if translations > 1 else ""
        raise ZooError(f"{where}{each}; expected at most {MOST_IN_SECTOR * translations:,}")


def momenta(system: LatticeSystem, translations: tuple[Symmetry, ...]) -> list[np.ndarray]:
    """Momenta that can be the ground state's, one out of each star: exp(i k.T) for every translation T, ``(count,)``.

    The point group and complex conjugation make the momenta of a star equal. Where the ground state is known to be
    unique, its momentum is a star by itself. A complex Hamiltonian has neither symmetry in general: each momentum
    counts.
    """
    lattice = system.geometry
    closed = [1 if is_open else extent for extent, is_open in zip(lattice.extent, lattice.open_axes, strict=True)]
    cells = np.array([lattice.coordinates[translation.permutation[0]] for translation in translations])
    stars = [] if system.is_complex else _stars(system, translations)
    seen: set[bytes] = set()
    found = []
    for quanta in np.ndindex(*closed):
        # Around an antiperiodic axis each electron changes its sign.
        wave_vector = np.pi * (2 * np.array(quanta) + lattice.antiperiodic_axes * system.n_electrons) / closed
        phases = np.exp(1j * cells @ wave_vector)
        star = {_rounded(turn * phases[order]) for order, turn in stars}
        star |= {_rounded(np.conj(turn * phases[order])) for order, turn in stars}
        if _rounded(phases) not in seen and not (len(star) > 1 and _is_unique(system)):
            found.append(phases)
        seen |= star
    return found


def _stars(system: LatticeSystem, translations: tuple[Symmetry, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """What each element P of the point group makes of phases: ``signs * phases[order]``, for P T P^-1 = T'."""
    place = {translation.permutation.tobytes(): index for index, translation in enumerate(translations)}
    changes = []
    for element in system.symmetries("point_group"):
        order, turn = np.empty(len(translations), dtype=int), np.empty(len(translations))
        back = np.argsort(element.permutation)
        for index, translation in enumerate(translations):
            moved = translation.permutation[back]
            image = place[element.permutation[moved].tobytes()]
            sign = (element.signs[back] * translation.signs[back] * element.signs[moved])[0]
            order[image] = index
            turn[image] = (sign * translations[image].signs[0]) ** system.n_electrons
        changes.append((order, turn))
    return changes


def _rounded(phases: np.ndarray) -> bytes:
    return (np.round(phases, 6) + 0.0).tobytes()  # -0 becomes 0


def _is_unique(system: LatticeSystem) -> bool:
    """Whether Lieb's theorems say that the ground state is not degenerate (Phys. Rev. Lett. 62, 1201 (1989)).

    For attraction and equally many electrons of each spin; for repulsion at half filling, on a connected bipartite
    lattice with equally many sites of each kind.
    """
    if system.is_complex or system.repulsions or system.u == 0 or system.n_up != system.n_down:
        return False
    halves = _halves(system)
    if system.u < 0:
        return halves is not None
    return halves is not None and 2 * system.n_up == system.n_sites and halves == (system.n_up, system.n_up)


def _halves(system: LatticeSystem) -> tuple[int, int] | None:
    """Sites of each sublattice, (0, 0) where neighbours share one; None where the bonds do not connect all sites."""
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    hopping = system.hopping_matrix() != 0
    if connected_components(hopping)[0] != 1:
        return None
    order, previous = breadth_first_order(hopping, 0, directed=False)
    colour = np.zeros(system.n_sites, dtype=int)
    for site in order[1:]:
        colour[site] = 1 - colour[previous[site]]
    if np.any(hopping & (colour[:, None] == colour)):
        return 0, 0
    return int(np.sum(colour == 0)), int(np.sum(colour))
