"""What a finished run looks like on a terminal, as rich renderables."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.format import shorthand
from harness.observables import ObservablesFile, Profile
from harness.record import Compute, Energy, RunRecord

STATUS_STYLES = {"completed": "green", "running": "yellow", "interrupted": "yellow", "diverged": "red", "failed": "red"}


def summary(record: RunRecord) -> RenderableType:
    """Energy with its error, beside the reference, and how far the statistics can be trusted."""
    title = Text.assemble(
        (record.model.name, "bold"), " on ", (record.system.name, "bold"), "  ", (record.status, _style(record))
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if record.message:
        table.add_row("message", Text(record.message))
    energy, reference, error = record.energy, record.reference, record.error
    unit = "t" if record.model.space == "lattice" else "hartree"
    if energy is not None:
        table.add_row("energy", Text(f"{shorthand(energy.mean, energy.stderr)} {unit}", "bold"))
    if reference is not None:
        value = shorthand(reference.energy, reference.uncertainty)
        table.add_row("reference", Text.assemble(f"{value} {unit}, {reference.kind}\n", (reference.citation, "dim")))
    if energy is not None and error is not None:
        table.add_row("difference", shorthand(error.absolute, energy.stderr, signed=True))
        if error.correlation_recovered is not None:
            table.add_row("correlation", f"{_percent(record)} recovered")
    if record.variance is not None:
        table.add_row("variance", f"{record.variance:.3g}")
    if record.v_score is not None:
        table.add_row("V-score", f"{record.v_score:.3g}")
    for name, observable in record.observables.items():
        table.add_row(name.replace("_", " "), shorthand(observable.mean, observable.stderr))
    if energy is not None:
        table.add_row("statistics", _statistics(energy))
    table.add_row("cost", _cost(record))
    return Group(title, table)


def observables(content: ObservablesFile) -> Table:
    """A row for each component of an observable that was measured: the largest value by its size, and where it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column, justify in (("observable", "left"), ("values", "right"), ("largest", "right"), ("at", "left")):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for name in content.observables:
        profile = content.profile(name)
        for component, values in profile.components.items():
            away = np.ones(len(values.mean)) if profile.distances is None else profile.distances > 0
            size = np.round(np.abs(values.mean) * away, 12)
            place = int(np.flatnonzero(size == size.max())[-1])  # of q and -q the positive one
            table.add_row(
                f"{name.replace('_', ' ')}, {component.replace('_', ' ')}",
                str(len(values.mean)),
                shorthand(values.mean[place], values.stderr[place]),
                _place(profile, place),
            )
    thinned = "every draw" if content.thin == 1 else f"1 draw in {content.thin}"
    table.caption = f"measured on {thinned}, {content.draws} in all; q in inverse, r in distances of nearest neighbours"
    table.caption_justify, table.caption_style = "left", "dim"
    return table


def _place(profile: Profile, index: int) -> str:
    if profile.wave_vectors is None:
        assert profile.distances is not None
        return f"r = {profile.distances[index]:.4g}"
    return f"q = ({', '.join(_multiple_of_pi(component / math.pi) for component in profile.wave_vectors[index])})"


def _multiple_of_pi(number: float) -> str:
    if abs(number) < 1e-9:
        return "0"
    return f"{number:.4g}π" if abs(abs(number) - 1) > 1e-9 else "π" if number > 0 else "-π"


def _statistics(energy: Energy) -> str:
    parts = [f"{energy.draws} draws of {energy.walkers} walkers"]
    for name, value, form in (
        ("ESS", energy.ess, ".0f"),
        ("tau", energy.tau, ".2f"),
        ("R-hat", energy.rhat, ".4f"),
        ("drift z", energy.drift_z, "+.1f"),
        ("acceptance", energy.acceptance, ".2f"),
    ):
        if value is not None:
            parts.append(f"{name} {value:{form}}")
    return ", ".join(parts)


def _cost(record: RunRecord) -> str:
    compute, pretraining = record.compute, record.pretraining
    parts = [f"{compute.train_steps} steps"]
    if compute.train_seconds is not None:
        parts[0] += f" in {compute.train_seconds:.0f} s"
        if compute.train_cpu_seconds is not None:
            parts[0] += f" ({compute.train_cpu_seconds:.0f} s of processors)"
    if pretraining is not None:
        parts.insert(0, f"{pretraining.steps} steps of pretraining in {pretraining.seconds:.0f} s")
    if compute.evaluate_seconds is not None:
        parts.append(f"measured in {compute.evaluate_seconds:.0f} s")
    if record.model.parameters is not None:
        parts.append(f"{record.model.parameters} parameters")
    parts.append(f"{compute.backend}, {_devices(compute)}, {compute.precision}")
    return ", ".join(parts)


def _devices(compute: Compute) -> str:
    return compute.device if compute.devices in (None, 1) else f"{compute.devices} x {compute.device}"


def _percent(record: RunRecord) -> str:
    recovered = record.error.correlation_recovered if record.error is not None else None
    return "" if recovered is None else f"{100 * recovered:.1f} %"


def _style(record: RunRecord) -> str:
    return STATUS_STYLES[record.status]
