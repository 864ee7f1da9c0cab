"""Which observables there are, and which of them a system has. Light: known before a backend is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from harness.observables.wave_vectors import open_axes
from harness.statistics import LEAST_DRAWS
from zoo.errors import UnknownNameError, ZooError

ALL = "all"
"""Stands for every observable that the system has."""

DESCRIPTIONS = {
    "spin_structure_factor": "S(q) of the spins along z",
    "charge_structure_factor": "N(q) of the deviations from the mean density",
    "momentum_distribution": "n(k) of each spin",
    "spin_correlation": "<Sz_i Sz_j> by distance",
    "charge_correlation": "<(n_i - n)(n_j - n)> by distance",
    "pair_correlation": "<D+(R + r) D(R)> of singlet pairs by distance: s, extended s, d",
}
NAMES = tuple(DESCRIPTIONS)

_BY_WAVE_VECTOR = ("spin_structure_factor", "charge_structure_factor", "momentum_distribution")
_OF_BOTH_SPINS = ("spin_structure_factor", "spin_correlation", "pair_correlation")
_ALWAYS = ("energy", "double_occupancy")
MOST_SITES = {
    "momentum_distribution": 400,  # tables over all pairs of sites and all wave vectors
    "pair_correlation": 400,  # matrices over all pairs of bonds, for each walker
    "spin_correlation": 1024,  # matrices over all pairs of sites, for each walker
    "charge_correlation": 1024,
}
"""Sites up to which tables fit into the memory of a small machine."""


MEASUREMENTS = 50
"""Draws on which observables are measured, about, unless told otherwise: they cost more than energies."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is measured.

    Attributes:
        names: Among `NAMES`, in their order.
        left_out: Why those that ``all`` does not stand for here cannot be measured, by name.
    """

    names: tuple[str, ...] = ()
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)


def choose(request: str | Sequence[str], system: Any) -> Choice:
    """The observables that a request stands for.

    Args:
        request: ``"all"``, a name, or several names; none for the energy alone.
        system: The system of the run.

    Raises:
        UnknownNameError: There is no such observable.
        ZooError: The system does not have it: one in continuous space, open axes, a single spin, too many sites.
    """
    names = [request] if isinstance(request, str) else list(request)
    if not names:
        return Choice()
    for name in names:
        if name in _ALWAYS:
            raise ZooError(f"observables={name}: measured in any case: expected observables beside it, or none")
        if name not in (ALL, *NAMES):
            raise UnknownNameError("observable", name, (ALL, *NAMES))
    if system.space != "lattice":
        raise ZooError(
            f"observables={','.join(names)}: these are observables of lattices, and {system.family} is a system in "
            "continuous space, of which the energy is measured: expected no observables"
        )
    obstacles = {name: obstacle(name, system) for name in NAMES}
    left_out = {name: reason for name, reason in obstacles.items() if reason is not None}
    if ALL in names:
        if len(left_out) == len(NAMES):
            raise ZooError(f"observables=all: none can be measured here: {'; '.join(dict.fromkeys(left_out.values()))}")
        return Choice(tuple(name for name in NAMES if name not in left_out), left_out)
    for name in names:
        if name in left_out:
            raise ZooError(f"observables={name}: {left_out[name]}")
    return Choice(tuple(name for name in NAMES if name in names))


def obstacle(name: str, system: Any) -> str | None:
    """Why a lattice system does not have an observable; None where it has."""
    if name in _BY_WAVE_VECTOR and any(open_axes(system.geometry)):
        return (
            f"wave vectors need closed axes, and boundary {system.geometry.boundary!r} leaves one open: expected P or "
            "A, or the correlations by distance"
        )
    if name == "pair_correlation" and system.is_complex:
        return f"twist {list(system.geometry.twist)} gives pairs across the boundary a phase: expected none, 0 or 0.5"
    if name in _OF_BOTH_SPINS and not (system.n_up and system.n_down):
        return "expected electrons of both spins; with one spin the charge says it all"
    if system.n_sites > MOST_SITES.get(name, system.n_sites):
        return f"{system.n_sites} sites: expected at most {MOST_SITES[name]}"
    return None


def measurements(draws: int, thin: int = 0) -> tuple[int, int]:
    """On how many of the draws observables are measured, and the draws from one of these to the next.

    Args:
        draws: Draws of the evaluation.
        thin: Every how many draws; 0 chooses.

    Raises:
        ZooError: That leaves too few for an error bar.
    """
    if thin < 0:
        raise ZooError(f"thin={thin}: expected 1 or more, or 0 to choose")
    thin = thin or max(1, draws // MEASUREMENTS)
    times = draws // thin
    if times < LEAST_DRAWS:
        raise ZooError(
            f"draws={draws}, thin={thin}: observables would be measured {times} times: expected at least {LEAST_DRAWS}"
        )
    return times, thin
