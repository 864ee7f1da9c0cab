"""What `zoo references` does: what is known about a system, and tables of VarBench from and into the file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zoo.errors import UnknownNameError, ZooError
from zoo.references import varbench
from zoo.references.choice import ReferenceSet
from zoo.references.records import KINDS, PATH, Reference, load
from zoo.references.validation import validate
from zoo.systems.base import System

FORMATS = ("varbench",)
Number = Callable[[float, float | None], str]
"""Writes a value with its standard error."""


def show(name: str, overrides: Sequence[str], number: Number) -> RenderableType:
    """Every energy known for a system, with kind, source and doubts.

    Args:
        name: Of the system.
        overrides: ``system.KEY=VALUE`` arguments.
        number: Writes an energy with its uncertainty.
    """
    system = _system(name, overrides)
    found = system.references()
    head = Text.assemble((name, "bold cyan"), f"  {', '.join(overrides)}" if overrides else "")
    if not found:
        return Group(head, f"Nothing is known about this system ({system.reference_key or 'it has no key'}).")
    unit = system.energy_unit
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column, width in ((f"energy / {unit}", True), ("kind", True), ("method and source", False)):
        table.add_column(column, no_wrap=width, overflow="fold")
    for record in found.records:
        table.add_row(_energy(record, number), record.kind, _origin(record))
    identity = Text(f"{found.key}, Hamiltonian {found.records[0].hamiltonian}", "dim")
    return Group(head, identity, "", table, _chosen(found, number))


def export(name: str | None, overrides: Sequence[str], form: str, output: Path | None) -> str:
    """Tables in another format: of one system as text, or of all into a folder, of which the text then tells.

    Raises:
        ZooError: Nothing can be exported, or the folder cannot be written.
    """
    require_format(form)
    records: Sequence[Reference] = load()
    if name is not None:
        records = _system(name, overrides).references().records
    tables = varbench.tables(records)
    if not tables:
        raise ZooError(f"{name}: expected a lattice that VarBench has a name for, with energies on record")
    return written(tables, output)


def require_format(form: str) -> None:
    """Raise `UnknownNameError` unless tables can be written in that format."""
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)


def written(tables: Sequence[varbench.Table], output: Path | None) -> str:
    """The tables as text, or, with a folder, their files in it and one line that says how many."""
    if output is None:
        return "\n".join(f"{table.file}\n\n{table.to_markdown()}" for table in tables)
    for table in tables:
        path = output / table.file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(table.to_markdown(), encoding="utf-8")
        except OSError as error:
            raise ZooError(f"{path}: cannot be written: {error.strerror}") from error
    return f"{output}: {len(tables)} tables with {sum(len(table.rows) for table in tables)} rows\n"


def take_in(files: Sequence[Path], write: bool, path: Path = PATH) -> tuple[str, list[str]]:
    """Records that files of VarBench give and that are not on record, checked against those that are.

    Args:
        files: Such as ``Hubbard/square_16_P_5_4.md``.
        write: Whether to put them into the file of references.
        path: That file.

    Returns:
        The new records as lines of JSON, or what was written; and problems, with which nothing is written.
    """
    known = load()
    have = {_number_of(record) for record in known}
    new = []
    for record in itertools.chain.from_iterable(varbench.references(varbench.read(file)) for file in files):
        if _number_of(record) not in have:
            have.add(_number_of(record))
            new.append(record)
    keys = {record.key for record in new}
    report = validate([record for record in (*known, *new) if record.key in keys])
    if report.problems or not write:
        return "".join(f"{record.to_json()}\n" for record in new), list(report.problems)
    order = sorted((*known, *new), key=lambda record: (record.key, KINDS.index(record.kind), record.energy))
    path.write_text("".join(f"{record.to_json()}\n" for record in order), encoding="utf-8")
    return f"{len(new)} new records in {path.name}\n", []


def _number_of(record: Reference) -> tuple[str, str]:
    """What tells a row that is on record already, although its method may be spelt in another way there."""
    return record.key, f"{record.energy:.10g}"


def _system(name: str, overrides: Sequence[str]) -> System:
    from zoo.systems.arguments import read  # here, as systems look up their own references

    return read([f"system={name}", *overrides])[1]


def _energy(record: Reference, number: Number) -> Text:
    return Text(number(record.energy, record.uncertainty), "" if record.trusted else "dim strike")


def _origin(record: Reference) -> Text:
    lines: list[str | tuple[str, str]] = [record.method, (f"\n{record.source}", "dim")]
    if record.status == "recalled":
        lines.append(("\nrecalled from memory, not looked up: never the reference", "yellow"))
    if record.doubts:
        lines.append((f"\ndoubts: {record.doubts}", "yellow"))
    elif record.note:
        lines.append((f"\n{record.note}", "dim"))
    return Text.assemble(*lines)


def _chosen(found: ReferenceSet, number: Number) -> Text:
    best = found.best
    if best is None:
        return Text("\nNone of these is fit to compare runs with.", "dim")
    return Text(f"\nRuns are compared with {number(best.energy, best.uncertainty)}, {best.kind}: {best.method}.", "dim")
