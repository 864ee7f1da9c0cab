"""What `zoo profile` shows: costs as a table, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness import backend, processors
from harness.config import RunConfig
from harness.profiling import Costs, Phase
from zoo.systems.base import System

DOMINANT = 0.5
"""Share of a step from which a phase is worth a change of settings."""
READING = 0.05
COMPILING = 0.25
FEW = 128
"""Walkers for each device below which an accelerator has little to do at a time."""


def report(costs: Costs, config: RunConfig) -> RenderableType:
    """A title, the table, and lines of advice."""
    where = backend.device_name()
    devices = backend.device_count()
    title = Text.assemble(
        (config.model_name, "bold"),
        " on ",
        (config.system_name, "bold"),
        f"  {costs.parameters:,} parameters, {config.train.walkers} walkers, {config.optimizer.name}, ",
        f"{config.backend}, {where if devices == 1 else f'{devices} x {where}'}, {config.precision}",
    )
    lines = [Text(f"* {line}") for line in advice(costs, config)]
    return Group(title, _table(costs), *lines)


def _table(costs: Costs) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("phase", no_wrap=True)
    for column in ("ms a step", "share", "MiB beside", "s to compile"):
        table.add_column(column, justify="right", no_wrap=True)
    total = sum(phase.seconds for phase in costs.phases)
    for phase in costs.phases:
        table.add_row(*_row(phase, total))
        if costs.gram is not None and phase.name == "update":
            table.add_row(*_row(costs.gram, total), style="dim")
    table.add_row(*_row(costs.step, None), style="bold")
    return table


def _row(phase: Phase, total: float | None) -> list[str]:
    indent = "  " if phase.name.startswith("of it") else ""
    return [
        f"{indent}{phase.name}",
        f"{1e3 * phase.seconds:.3g}",
        "" if total is None else f"{100 * phase.seconds / total:.0f} %",
        "" if phase.memory_bytes is None else f"{phase.memory_bytes / 2**20:.0f}",
        f"{phase.compile_seconds:.1f}" if phase.compile_seconds else "",
    ]


def advice(costs: Costs, config: RunConfig) -> Iterator[str]:
    """What the costs say about the settings, the most telling first."""
    system = config.create_system()
    share = {phase.name: phase.seconds / sum(p.seconds for p in costs.phases) for phase in costs.phases}
    largest = max(share, key=lambda name: share[name])
    if share[largest] >= DOMINANT and largest != "reading metrics":
        yield f"{largest} is {100 * share[largest]:.0f} % of a step: {_remedy(largest, costs, config, system)}"
    else:
        yield "no phase takes half of a step: fewer train.walkers shorten all of them, with larger error bars"
    if share["reading metrics"] > READING:
        yield (
            f"reading metrics is {100 * share['reading metrics']:.0f} % of a step: "
            f"train.read_every={10 * config.train.read_every} reads them less often"
        )
    yield from _of_devices(config)
    yield _of_the_run(costs, config)


def _remedy(phase: str, costs: Costs, config: RunConfig, system: System) -> str:
    """What shortens it."""
    walkers = config.train.walkers
    if phase == "sampling":
        fewer = max(1, _moves(config, system) // 2)
        return f"sampler.moves={fewer} halves it; look at tau and R-hat of a measurement, which it may raise"
    if phase == "local energy":
        by = "electron of each walker" if system.space == "continuum" else "hop of each walker that is allowed"
        return f"it is paid for each {by}, so it falls with train.walkers and with the size of the model"
    if costs.gram is None:
        return f"it falls with train.walkers and with the size of the model ({costs.parameters:,} parameters)"
    update = next(p for p in costs.phases if p.name == "update")
    if costs.gram.seconds >= DOMINANT * update.seconds:
        return (
            f"most of it makes the Gram matrix of {walkers} walkers, which grows with the square of their number: "
            f"train.walkers={walkers // 2} takes about a quarter, optimizer=adam none"
        )
    smaller = min(walkers, costs.parameters)
    return (
        f"most of it solves {smaller} equations, the cube of that number; optimizer=adam solves none, "
        "in exchange for more steps"
    )


def _moves(config: RunConfig, system: System) -> int:
    from harness.sampling import create_sampler

    return create_sampler(system, config.sampler).moves


def _of_devices(config: RunConfig) -> Iterator[str]:
    devices, walkers, cores = backend.device_count(), config.train.walkers, processors.count()
    on_cpu = backend.device_name() == "cpu"
    if on_cpu and config.backend == "jax" and devices < cores:
        yield f"JAX computes mostly on one of {cores} processors here: devices=all takes all of them"
    if not on_cpu and walkers // devices < FEW:
        yield f"{walkers // devices} walkers a device keep an accelerator waiting: more train.walkers cost little"
    if not on_cpu and config.precision == "float64":
        yield "precision=float32 is several times as fast on most accelerators; solves stay float64"


def _of_the_run(costs: Costs, config: RunConfig) -> str:
    """How long it takes, and the share of compiling."""
    sampling, local_energy = costs.phases[:2]
    training = config.train.steps * costs.step.seconds
    measuring = config.evaluate.draws * (sampling.seconds + local_energy.seconds)
    measuring *= config.evaluate.walkers / config.train.walkers
    compiling = costs.step.compile_seconds + 2 * sampling.compile_seconds + local_energy.compile_seconds
    total = training + measuring + compiling
    text = (
        f"the run takes about {_duration(total)} and its equilibration: {config.train.steps} steps "
        f"{_duration(training)}, {config.evaluate.draws} draws {_duration(measuring)}, "
        f"compiling {_duration(compiling)}"
    )
    return text + (", which is paid once however long the run is" if compiling > COMPILING * total else "")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
