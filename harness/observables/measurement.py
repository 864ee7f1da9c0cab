"""Measuring observables on the walkers of a Monte Carlo calculation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from harness import backend
from harness.observables.diagonal import Correlation, StructureFactor, charges, spins
from harness.observables.momentum import MomentumDistribution
from harness.observables.pairing import PairCorrelation
from harness.observables.profile import Profile
from harness.observables.wave_vectors import WaveVectors
from harness.statistics import Running
from zoo.systems.base import LatticeSystem

SLOTS = 1 << 21
"""Numbers that one call of the compiled function works on at once: bounds its memory to about 100 MiB."""


def estimators(names: Sequence[str], system: LatticeSystem) -> dict[str, Any]:
    """The estimators of observables that `harness.observables.choose` has let pass.

    Each is a function from amplitude ratios (as `harness.local_energy.hops.hop_ratios` gives them), occupations
    ``(batch, 2, n_sites)`` and whole numbers ``(batch,)`` to local
    values ``(batch, components, points)``, with the attributes ``components``, their names, and ``points``, a
    `WaveVectors` or `Displacements`. Where a sum is too long, the number says which part of it is taken: what counts is
    the mean over successive numbers.
    """
    make: dict[str, Callable] = {
        "spin_structure_factor": lambda: StructureFactor(system, spins, "zz"),
        "charge_structure_factor": lambda: StructureFactor(system, charges, "charge"),
        "momentum_distribution": lambda: MomentumDistribution(system),
        "spin_correlation": lambda: Correlation(system, spins, "zz"),
        "charge_correlation": lambda: Correlation(system, charges, "charge"),
        "pair_correlation": lambda: PairCorrelation(system),
    }
    return {name: make[name]() for name in names}


class Observer:
    """Measures observables on walkers, a group of them at a time, and keeps running statistics.

    Args:
        names: Observables, as `harness.observables.choose` gives them.
        system: The system.
        ratios: Function from the parameters to amplitude ratios.
        draws: Measurements that will be made.
        walkers: Markov chains.
    """

    def __init__(self, names: Sequence[str], system: LatticeSystem, ratios: Callable, draws: int, walkers: int):
        self.estimators = estimators(names, system)
        self.walkers, self.n_sites = walkers, system.n_sites
        slots = max(system.n_sites**2, *(getattr(e, "slots", 1) for e in self.estimators.values()))
        groups, devices = -(-walkers // max(1, min(walkers, SLOTS // slots))), backend.device_count()
        self.group = -(-walkers // (groups * devices)) * devices  # each device has the same share of it
        self.running = {
            name: Running(draws, walkers, len(e.components) * _count(e.points)) for name, e in self.estimators.items()
        }

        self.added = 0

        def local_values(parameters, occupations, numbers):
            of_these = ratios(parameters)
            return [estimate(of_these, occupations, numbers) for estimate in self.estimators.values()]

        self._local_values = backend.over_devices(
            lambda parameters, *of_walkers: backend.share(local_values, parameters, [(x, 0) for x in of_walkers])
        )

    def measure(self, parameters: list, occupations) -> None:
        """Add the walkers ``(walkers, 2, n_sites)`` of one draw."""
        parts = []
        for start in range(0, self.walkers, self.group):
            # The last group is filled up with walkers from the front, so that one compiled function serves all.
            index = np.arange(start, start + self.group) % self.walkers
            numbers = ops.convert_to_tensor((index + self.added) % self.n_sites, dtype="int32")
            values = self._local_values(parameters, ops.take(occupations, index, axis=0), numbers)
            kept = min(self.group, self.walkers - start)
            parts.append([np.asarray(ops.convert_to_numpy(value), dtype="float64")[:kept] for value in values])
        for running, columns in zip(self.running.values(), zip(*parts, strict=True), strict=True):
            running.add(np.concatenate(columns).reshape(self.walkers, -1))
        self.added += 1

    def profiles(self) -> dict[str, Profile]:
        """What was measured, by the name of the observable."""
        return {name: _profile(e, self.running[name]) for name, e in self.estimators.items()}


def _count(points) -> int:
    return len(points) if isinstance(points, WaveVectors) else len(points.distances)


def _profile(estimator: Any, running: Running) -> Profile:
    points = estimator.points
    components = dict(zip(estimator.components, running.result().split(len(estimator.components)), strict=True))
    if isinstance(points, WaveVectors):
        return Profile(components, wave_vectors=points.cartesian)
    return Profile(components, distances=points.distances)
