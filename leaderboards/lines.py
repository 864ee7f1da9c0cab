"""Rows of a table as text: what both kinds of pages print."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from typing import Any

from harness.format import shorthand
from harness.record import ReferenceEnergy, RunRecord
from leaderboards import commands, known
from leaderboards.board import Board, Row, Table
from zoo.references import Reference

KINDS = {
    "exact": "exact",
    "projected": "projector Monte Carlo",
    "variational": "variational",
    "extrapolated": "extrapolated",
    "estimate": "estimate",
    "mean_field": "mean field",
    "noninteracting": "without interaction",
}
"""Words for the kinds of reference energies."""

EMPTY = "–"


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a printed table. All text.

    Attributes:
        kind: ``ranked`` or ``unranked`` for runs; ``published`` for a value of another method.
        model: Name of the model, empty for a published value.
        title: The model, or the method.
        settings: What the row changes beside model and system.
        cells: Text of each column, by its name; empty where it has none.
        remark: Why a run has no rank, what a row leaves out, or the source of a published value.
        commands: What makes the row again.
        seeds: One line for each seed.
        versions: Versions of model, source and libraries.
        started: When the first of its runs was started.
    """

    kind: str
    model: str
    title: str
    settings: str
    cells: dict[str, str]
    remark: str
    commands: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    versions: str = ""
    started: str = ""


def columns(board: Board) -> dict[str, tuple[str, str]]:
    """Names of the columns after that of the model, with heading and unit."""
    v_score = {"v_score": ("V-score", "")} if board.space == "lattice" else {}
    return {
        "energy": ("Energy", board.unit),
        "error": ("Error", board.unit),
        "correlation": ("Correlation", "%"),
        **v_score,
        "variance": ("Variance", f"{board.unit}²"),
        "parameters": ("Parameters", ""),
        "seconds": ("Training", "s"),
        "seeds": ("Seeds", ""),
        "hardware": ("Ran on", ""),
    }


def lines(board: Board, table: Table) -> list[Line]:
    """Rows of a table, with the published values at their places among the ranked energies."""
    printed: list[Line] = []
    waiting = published(board)
    for row in table.rows:
        while waiting and (row.rank is None or waiting[0][0] < (row.energy or 0.0)):
            printed.append(waiting.pop(0)[1])
        printed.append(run_line(board, row))
    return printed + [line for _, line in waiting]


def published(board: Board) -> list[tuple[float, Line]]:
    """Energies of other methods, lowest first; where the zoo knows none, the reference that the records name."""
    records = known.methods(board.published)
    if not records and board.reference is not None:
        return [(board.reference.energy, _recorded_reference(board, board.reference))]
    return [(record.energy, _published_line(board, record)) for record in records]


def run_line(board: Board, row: Row) -> Line:
    record = row.record
    remarks = list(row.reasons)
    if row.missing:
        remarks.append(f"{row.missing} further {'seed does' if row.missing == 1 else 'seeds do'} not count")
    return Line(
        kind="unranked" if row.rank is None else "ranked",
        model=record.model.name,
        title=record.model.name,
        settings=commands.settings(record),
        cells={
            "rank": EMPTY if row.rank is None else str(row.rank),
            "energy": EMPTY if row.energy is None else shorthand(row.energy, row.stderr),
            "error": _error(board, row.energy, row.stderr),
            "correlation": _correlation(board, row),
            "v_score": EMPTY if row.v_score is None else f"{row.v_score:.2e}",
            "variance": EMPTY if row.variance is None else f"{row.variance:.2g}",
            "parameters": EMPTY if record.model.parameters is None else f"{record.model.parameters:,}",
            "seconds": EMPTY if row.cost is None else f"{row.cost:,.0f}",
            "seeds": str(len(row.results)),
            "hardware": _hardware(record),
            "backend": record.compute.backend,
        },
        remark="; ".join(remarks),
        commands=commands.reproduce(row.records),
        seeds=_seeds(row),
        versions=_versions(row),
        started=min(other.provenance.started_utc for other in row.records),
    )


def _published_line(board: Board, record: Reference) -> Line:
    doubtful = f" Doubtful: {record.doubts}." if record.doubts else ""
    chosen = board.reference is not None and (record.energy, record.source) == (
        board.reference.energy,
        board.reference.citation,
    )
    compared = not chosen and record.kind != "exact"
    share = board.recovered(record.energy) if compared and record.kind != "mean_field" else None
    return Line(
        kind="published",
        model="",
        title=record.method,
        settings=KINDS[record.kind] + (", the reference" if chosen else "") + ("" if record.trusted else ", doubtful"),
        cells={
            **dict.fromkeys(("rank", "backend", *columns(board)), ""),
            "energy": _published_number(record),
            "error": _published_error(board, record) if compared else "",
            "correlation": "" if share is None else f"{100 * share:.2f}",
            "variance": "" if record.variance is None else f"{record.variance:.2g}",
        },
        remark=f"{record.source}.{doubtful}",
    )


def _published_number(record: Reference) -> str:
    return f"{record.energy:.5f}" if _coarse(record) else shorthand(record.energy, record.uncertainty)


def _published_error(board: Board, record: Reference) -> str:
    error = board.error(record.energy)
    if error is None:
        return EMPTY
    return f"{error:+.5f}" if _coarse(record) else _error(board, record.energy, record.uncertainty or 0.0)


def _coarse(record: Reference) -> bool:
    """Whether five decimals will do: mean fields are far away, and some have no error."""
    return record.kind == "mean_field" and (record.uncertainty or 0.0) < 1e-5


def _recorded_reference(board: Board, reference: ReferenceEnergy) -> Line:
    return Line(
        kind="published",
        model="",
        title="Reference",
        settings=f"{KINDS[reference.kind]}, the reference",
        cells={
            **dict.fromkeys(("rank", "backend", *columns(board)), ""),
            "energy": shorthand(reference.energy, reference.uncertainty),
        },
        remark=reference.citation,
    )


def _error(board: Board, energy: float | None, stderr: float) -> str:
    error = None if energy is None else board.error(energy)
    if error is None or board.reference is None:
        return EMPTY
    return shorthand(error, math.hypot(stderr, board.reference.uncertainty or 0.0), signed=True)


def correlation(board: Board, row: Row) -> float | None:
    """Share of the correlation energy: from what the zoo knows, or else as the records have it."""
    if row.energy is None:
        return None
    share = board.recovered(row.energy)
    if share is not None:
        return share
    if any(record.reference != board.reference for record in row.records):
        return None
    return row.mean(None if r.error is None else r.error.correlation_recovered for r in row.records)


def _correlation(board: Board, row: Row) -> str:
    share = correlation(board, row)
    return EMPTY if share is None else f"{100 * share:.2f}"


def _hardware(record: RunRecord) -> str:
    number = record.compute.devices or 1
    return record.compute.device if number == 1 else f"{number} × {record.compute.device}"


def _seeds(row: Row) -> tuple[str, ...]:
    return tuple(f"seed {record.provenance.seed}: {_facts(record)}" for record in row.records)


def _facts(record: RunRecord) -> str:
    facts = [] if record.energy is None else [shorthand(record.energy.mean, record.energy.stderr)]
    if record.variance is not None:
        facts.append(f"variance {record.variance:.3g}")
    if record.energy is not None:
        facts.append(f"ESS {record.energy.ess:,.0f}, R-hat {record.energy.rhat:.4f}")
    seconds, cpu = record.compute.train_seconds, record.compute.train_cpu_seconds
    if seconds is not None:
        facts.append(f"trained in {seconds:,.0f} s" + ("" if cpu is None else f" ({cpu:,.0f} s of processors)"))
    return ", ".join(facts) or record.status


def _versions(row: Row) -> str:
    """What a reader needs beside the command to run it again."""
    record = row.record
    provenance, compute = record.provenance, record.compute
    library = {"tensorflow": provenance.tensorflow, "jax": provenance.jax}[compute.backend]
    commits = sorted({other.provenance.git_commit[:8] for other in row.records if other.provenance.git_commit})
    changes = " with uncommitted changes" if any(other.provenance.dirty for other in row.records) else ""
    source = f", commit {', '.join(commits)}{changes}" if commits else ""
    own = record.model.distribution
    return (
        f"Version {record.model.version} of {own}{source}; Python {provenance.python}, Keras {provenance.keras}, "
        f"{compute.backend} {library or EMPTY}, {compute.precision}"
    )


def model_page(model: str) -> str:
    """Name of a model's page. Names of the registry are as they are; any other is made safe for a file."""
    if re.fullmatch(r"\w+", model, flags=re.ASCII):
        return f"model-{model}.html"
    safe = re.sub(r"\W+", "-", model, flags=re.ASCII)
    return f"model-{safe}-{hashlib.sha256(model.encode()).hexdigest()[:8]}.html"


def describe(parameters: dict[str, Any]) -> str:
    """``u=4.0, t=1.0``; nested values as JSON would show them, without quotes."""
    return ", ".join(f"{name}={_plain(value)}" for name, value in parameters.items())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "(" + ", ".join(map(_plain, value)) + ")"
    if isinstance(value, dict):
        return "(" + describe(value) + ")"
    return str(value)
