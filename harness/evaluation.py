"""What a measurement with fixed parameters gives: statistics of the draws of all walkers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from harness import statistics
from harness.local_energy.lattice import IMAGINARY
from harness.observables import Profile


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What fixed parameters give.

    Attributes:
        energy: Statistics of the local energies, of complex ones their real part.
        observables: Statistics of further local values, by name.
        acceptance: Share of proposals accepted.
        v_score: N Var(E) / (E - E_inf)^2 on lattices, else None.
        equilibrated: Whether the chains passed the check before the measurement.
        blocks: Local energies, ``(draws, walkers)``.
        seconds: Time taken.
        profiles: Observables of wave vectors and distances that were asked for, by name (`harness.observables`).
        measurements: Draws on which these were measured, every `thin`-th one.
        thin: Draws from one of them to the next.
    """

    energy: statistics.Summary
    observables: dict[str, statistics.Summary]
    acceptance: float
    v_score: float | None
    equilibrated: bool
    blocks: np.ndarray
    seconds: float
    profiles: dict[str, Profile] = dataclasses.field(default_factory=dict)
    measurements: int = 0
    thin: int = 1

    def __str__(self) -> str:
        return str(self.energy)


def summarise_draws(draws: list[dict[str, Any]]) -> dict[str, Any]:
    """Fields of `Evaluation` that follow from the draws, as `harness.vmc.VMC.measure` gives them."""
    blocks = energies_of(draws)
    observables = {
        name: statistics.summarise(np.stack([np.asarray(ops.convert_to_numpy(d["observables"][name])) for d in draws]))
        for name in draws[0]["observables"]
    }
    return {
        "energy": statistics.summarise(blocks),
        "observables": observables,
        "acceptance": float(np.mean([float(ops.convert_to_numpy(d["acceptance"])) for d in draws])),
        "blocks": blocks,
    }


def round_summary(draws: list[dict[str, Any]]) -> dict[str, float]:
    """What is shown of the latest draws while a measurement goes on."""
    energies = energies_of(draws)
    means = energies.mean(axis=0)
    return {
        "energy": float(means.mean()),
        "stderr": float(means.std() / np.sqrt(means.size)),
        "variance": float(energies.var()),
        "acceptance": float(ops.convert_to_numpy(draws[-1]["acceptance"])),
    }


def energies_of(draws: list[dict[str, Any]]) -> np.ndarray:
    """Local energies, ``(draws, walkers)``."""
    return np.stack([np.asarray(ops.convert_to_numpy(draw["energy"]), dtype="float64") for draw in draws])


def v_score(system: Any, energy: statistics.Summary, observables: dict[str, statistics.Summary]) -> float | None:
    """N Var(E) / (E - E_inf)^2 on lattices, else None; the variance of complex local energies is that of both parts."""
    if system.space != "lattice" or energy.mean == system.infinite_temperature_energy:
        return None
    variance = energy.variance + (observables[IMAGINARY].variance if IMAGINARY in observables else 0.0)
    return statistics.v_score(variance, energy.mean, system.n_electrons, system.infinite_temperature_energy)
