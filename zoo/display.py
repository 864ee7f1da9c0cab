"""What `zoo list` and `zoo show` print, as rich renderables. Imports neither Keras nor a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from zoo import parameters, registry
from zoo.errors import ZooError
from zoo.references import ReferenceSet
from zoo.registry import ModelSpec, SystemSpec
from zoo.systems.base import System

Number = Callable[[float, float | None], str]
"""Writes a value with its standard error."""


def models(pattern: str | None = None) -> Table:
    """The models whose names match, by their place on the ladder."""
    specs = [registry.model_spec(name) for name in _some("model", registry.list_models(pattern), pattern)]
    table = _table("model", "alias", "rung", "spaces", "summary")
    for spec in sorted(specs, key=lambda spec: (spec.rung is None, spec.rung or 0, spec.name)):
        rung = "" if spec.rung is None else str(spec.rung)
        table.add_row(spec.name, " ".join(spec.aliases), rung, ", ".join(spec.targets), _summary(spec))
    return table


def systems(pattern: str | None = None) -> Table:
    """The systems whose names match: each family, then its presets by the number of electrons."""
    found = []
    for name in _some("system", registry.list_systems(pattern), pattern):
        spec, system = registry.system_spec(name), registry.create_system(name)
        found.append(((spec.family, name != spec.family, system.n_electrons, name), spec, system))
    table = _table("system", "space", "electrons", "summary")
    for _, spec, system in sorted(found, key=lambda entry: entry[0]):
        table.add_row(spec.name, spec.space, f"{system.n_up}+{system.n_down}", _summary(spec))
    return table


def model(spec: ModelSpec) -> RenderableType:
    """A model's card, and its hyperparameters on each space."""
    facts = _facts()
    if spec.aliases:
        facts.add_row("alias", ", ".join(spec.aliases))
    if spec.rung is not None:
        facts.add_row("rung", str(spec.rung))
    facts.add_row("version", f"{spec.version}, from {spec.distribution}")
    facts.add_row("source", spec.paper)
    parts: list[RenderableType] = [_title(spec), "", facts, "", Markdown(spec.card.strip("\n"))]
    for space, schema in spec.configs.items():
        table = _parameters("model", parameters.parameters(schema), {})
        parts += ["", Text(f"Hyperparameters, {space}", "bold"), table if table.row_count else Text("none")]
    return Group(*parts)


def system(spec: SystemSpec, instance: System, number: Number) -> RenderableType:
    """A system's parameters, and every energy known for it.

    Args:
        spec: The system.
        instance: It with the parameters that are shown.
        number: Writes an energy with its uncertainty.
    """
    facts = _facts()
    facts.add_row("family", f"{spec.family}, {spec.space}")
    facts.add_row("electrons", f"{instance.n_up} up, {instance.n_down} down")
    facts.add_row("version", f"{spec.version}, from {spec.distribution}")
    values = instance.parameters()
    column = "default" if values == spec.create().parameters() else "value"
    known = instance.references()
    return Group(
        _title(spec),
        "",
        facts,
        "",
        Text("Parameters", "bold"),
        _parameters("system", parameters.parameters(spec.system), values, column),
        "",
        Text(f"Known energies, {instance.energy_unit}" if known else "Known energies: none", "bold"),
        *([_references(known, number)] if known else []),
    )


def _references(known: ReferenceSet, number: Number) -> RenderableType:
    table = _table("energy", "kind", "method and source")
    for record in known.records:
        source = record.source if record.trusted else f"{record.source} (doubtful)"
        origin = Text.assemble(record.method, "\n", (source, "dim"))
        table.add_row(number(record.energy, record.uncertainty), record.kind, origin)
    best = known.best
    note = "" if best is None else f"Runs are compared with {number(best.energy, best.uncertainty)}, {best.kind}."
    return Group(table, Text(note, "dim"))


def _parameters(
    prefix: str, fields: tuple[parameters.Parameter, ...], values: dict[str, Any], column: str = "default"
) -> Table:
    """Keys of the command line with their defaults; ``values`` go before the defaults of the fields."""
    table = _table("key", column, "meaning")
    for field in fields:
        default = parameters.plain_text(values.get(field.name, field.default))
        meaning = field.description.replace("``", "") or field.expected
        table.add_row(f"{prefix}.{field.name}", Text(default), Text(meaning))
    return table


def _some(kind: str, names: list[str], pattern: str | None) -> list[str]:
    if not names:
        known = registry.list_models() if kind == "model" else registry.list_systems()
        raise ZooError(f"no {kind} matches {pattern!r}: expected a pattern for some of {', '.join(known)}")
    return names


def _title(spec: ModelSpec | SystemSpec) -> Text:
    return Text.assemble((spec.name, "bold cyan"), "  ", spec.summary)


def _summary(spec: ModelSpec | SystemSpec) -> str:
    foreign = spec.distribution != registry.OWN_DISTRIBUTION
    return f"{spec.summary} ({spec.distribution})" if foreign else spec.summary


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, style="cyan" if index == 0 else "", no_wrap=index == 0, overflow="fold")
    return table


def _facts() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    return table
