"""What a step of optimisation costs, phase by phase: time, memory, and the time to compile it."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

from keras import ops

from harness import backend
from harness.calculation import create_calculation
from harness.config import RunConfig
from harness.optimizers import NaturalGradientOptimizer
from harness.optimizers.shared_jacobian import derivatives
from harness.vmc import VMC, read_metrics

MOST_CALLS, LEAST_CALLS, ENOUGH = 10, 3, 2.0
"""Calls that are timed: up to 10, at least 3, and no further ones after 2 seconds."""


@dataclasses.dataclass(frozen=True)
class Phase:
    """One part of a step, compiled and run by itself.

    Attributes:
        name: What it does.
        seconds: Median of its calls.
        compile_seconds: What the first call took beyond that.
        memory_bytes: The most that a call takes beyond what the state needs; None where that is not known.
    """

    name: str
    seconds: float
    compile_seconds: float = 0.0
    memory_bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a step costs.

    Attributes:
        phases: Sampling, local energy, update, and reading the metrics, the parts of a step.
        gram: The part of the update that makes the Gram matrix of walkers; None where there is none, as for other
            optimisers than natural gradients, and for fewer parameters than walkers.
        step: The whole step, compiled as one.
        parameters: Trainable numbers.
    """

    phases: tuple[Phase, ...]
    gram: Phase | None
    step: Phase
    parameters: int


def measure(config: RunConfig) -> Costs:
    """Costs of a step of that run; nothing is written.

    Args:
        config: `harness.start.prepare` must have been called with its backend.
    """
    vmc = create_calculation(config)
    state = vmc.state
    parameters, walkers = state["parameters"], state["walkers"]
    residuals = ops.cast(ops.linspace(-1.0, 1.0, walkers.shape[0]), "float64")  # any: time does not depend on it
    sampling = timed("sampling", backend.over_devices(vmc.steps.sample), state)
    local_energy = timed("local energy", backend.over_devices(vmc.steps.shared_local_energy), parameters, walkers)
    gram, count = None, sum(int(ops.size(value)) for value in parameters)
    optimizer = vmc.optimizer
    if isinstance(optimizer, NaturalGradientOptimizer) and optimizer.solves_in_samples(count, walkers.shape[0]):
        compiled = backend.over_devices(lambda values, x: derivatives(vmc.model, values, x).gram())
        gram = timed("of it Gram matrix", compiled, parameters, walkers)
    update = timed(
        "update",
        backend.over_devices(lambda *given: vmc.optimizer.update(vmc.model, *given)),
        *(parameters, state["optimizer"], walkers, residuals, state["learning_rate"], state["step"]),
    )
    step = timed("whole step", vmc._step, state)
    reading = Phase("reading metrics", _seconds_to_read(vmc, config.train.read_every))
    return Costs((sampling, local_energy, update, reading), gram, step, count)


def timed(name: str, function: Callable, *arguments: Any) -> Phase:
    """Call a compiled function a few times, each until its results are there."""

    def call() -> float:
        started = time.perf_counter()
        backend.wait_for(function(*arguments))
        return time.perf_counter() - started

    first = call()
    _, memory = backend.peak_memory_of(lambda: backend.wait_for(function(*arguments)))
    seconds: list[float] = []
    while len(seconds) < LEAST_CALLS or (len(seconds) < MOST_CALLS and sum(seconds) < ENOUGH):
        seconds.append(call())
    typical = statistics.median(seconds)
    return Phase(name, typical, max(0.0, first - typical), memory)


def _seconds_to_read(vmc: VMC, read_every: int) -> float:
    """Of a step's share in what the host does once an epoch."""
    _, metrics = vmc._step(vmc.state)
    backend.wait_for(metrics)
    started = time.perf_counter()
    read_metrics([metrics] * read_every)
    vmc.sync_model()
    vmc.read_model()
    return (time.perf_counter() - started) / read_every
