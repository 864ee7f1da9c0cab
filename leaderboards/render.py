"""From boards to pages: one of Markdown and one of HTML for each system, and an index of each.

The pages depend on the records alone, so that the same records give the same bytes. An HTML page needs nothing but
itself.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from harness.format import shorthand
from harness.record import ReferenceEnergy, RunRecord
from leaderboards.board import (
    DRAWS_PER_TAU,
    MAXIMUM_DRIFT_Z,
    MAXIMUM_RHAT,
    MINIMUM_ESS,
    RESULTS,
    TIE_SIGMAS,
    Board,
    Row,
    Table,
    boards,
    collect,
)

TEMPLATES = Path(__file__).with_name("templates")
SITE = Path(__file__).with_name("site")

KINDS = {
    "exact": "exact",
    "projected": "projector Monte Carlo",
    "variational": "variational",
    "extrapolated": "extrapolated",
    "estimate": "estimate",
}
"""Words for the kinds of reference energies."""

EMPTY = "–"


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a printed table: a run, or a reference among the runs. All text.

    Attributes:
        reference: Whether it is a reference; ``remark`` is its citation then.
        ranked: Whether it is a run with a rank.
        cells: Text of each column, by its name.
        remark: Why a run has no rank; empty where it has one.
        command: What started the run.
        details: Versions and the like, beside the command.
    """

    reference: bool
    ranked: bool
    cells: dict[str, str]
    remark: str
    command: str = ""
    details: str = ""


def build(sources: Sequence[Path] = (RESULTS,), site: Path = SITE) -> list[Path]:
    """Write the pages of every system found in the sources.

    Args:
        sources: Folders of runs or of results, and single records.
        site: Folder for the pages; made if missing.

    Returns:
        The files written: the two indices, then two for each system.

    Raises:
        ZooError: A source is missing, or a file is not a valid record.
    """
    found = boards(collect(sources))
    site = Path(site)
    site.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    pages = {f"index.{ending}": _index(environment, found, ending) for ending in ("md", "html")}
    for board in found:
        for ending in ("md", "html"):
            pages[f"{board.slug}.{ending}"] = _page(environment, board, ending)
    for name, text in pages.items():
        (site / name).write_text(text, encoding="utf-8", newline="\n")
    return [site / name for name in pages]


def lines(board: Board, table: Table) -> list[Line]:
    """Rows of a table as text, with the references at their places among the ranked energies."""
    several = len(board.references) > 1
    printed: list[Line] = []
    waiting = list(board.references)
    for row in table.rows:
        while waiting and (row.rank is None or waiting[0].energy < row.record.energy.mean):  # type: ignore[union-attr]
            printed.append(_reference_line(waiting.pop(0)))
        printed.append(_run_line(row, several))
    return printed + [_reference_line(reference) for reference in waiting]


def columns(board: Board) -> dict[str, str]:
    """Names and headings of the numbers after the model's name."""
    v_score = {"v_score": "V-score"} if board.space == "lattice" else {}
    return {
        "energy": f"Energy / {board.unit}",
        "error": f"Error / {board.unit}",
        "correlation": "Correlation",
        **v_score,
        "parameters": "Parameters",
        "seconds": "Seconds",
        "backend": "Backend",
        "seed": "Seed",
        "status": "Status",
    }


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


def _run_line(row: Row, several_references: bool) -> Line:
    record = row.record
    energy = EMPTY if record.energy is None else shorthand(record.energy.mean, record.energy.stderr)
    return Line(
        reference=False,
        ranked=row.rank is not None,
        cells={
            "rank": EMPTY if row.rank is None else str(row.rank),
            "model": record.model.name,
            "energy": energy,
            "error": _error(record, several_references),
            "correlation": _correlation(record),
            "v_score": EMPTY if record.v_score is None else f"{record.v_score:.2e}",
            "parameters": EMPTY if record.model.parameters is None else f"{record.model.parameters:,}",
            "seconds": _seconds(record),
            "backend": record.compute.backend,
            "seed": str(record.provenance.seed),
            "status": record.status,
        },
        remark="; ".join(row.reasons),
        command=record.provenance.command,
        details=_details(record),
    )


def _reference_line(reference: ReferenceEnergy) -> Line:
    energy = shorthand(reference.energy, reference.uncertainty)
    cells = {"rank": "ref", "model": f"Reference: {KINDS[reference.kind]}", "energy": energy}
    return Line(reference=True, ranked=False, cells=cells, remark=reference.citation)


def _error(record: RunRecord, several_references: bool) -> str:
    if record.error is None or record.energy is None or record.reference is None:
        return EMPTY
    uncertainty = math.hypot(record.energy.stderr, record.reference.uncertainty or 0.0)
    text = shorthand(record.error.absolute, uncertainty, signed=True)
    return f"{text} from {record.reference.energy:.8g}" if several_references else text


def _correlation(record: RunRecord) -> str:
    recovered = None if record.error is None else record.error.correlation_recovered
    return EMPTY if recovered is None else f"{100 * recovered:.2f} %"


def _seconds(record: RunRecord) -> str:
    parts = [s for s in (record.compute.train_seconds, record.compute.evaluate_seconds) if s is not None]
    return f"{sum(parts):,.0f}" if parts else EMPTY


def _details(record: RunRecord) -> str:
    """What a reader needs beside the command to run it again."""
    provenance = record.provenance
    library = {"tensorflow": provenance.tensorflow, "jax": provenance.jax}[record.compute.backend]
    commit = EMPTY if provenance.git_commit is None else provenance.git_commit[:12]
    changes = " with uncommitted changes" if provenance.dirty else ""
    return (
        f"{record.model.name} {record.model.version} ({record.model.distribution}), seed {provenance.seed}, "
        f"started {provenance.started_utc}, zoo {provenance.zoo_version}, commit {commit}{changes}, "
        f"Python {provenance.python}, Keras {provenance.keras}, {record.compute.backend} {library or EMPTY}, "
        f"{record.compute.precision} on {record.compute.device}"
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _markdown_cell
    environment.globals["rules"] = (
        f"Ranks hold within one system and one protocol, by energy; energies that agree with the best of their group "
        f"within {TIE_SIGMAS} standard errors share a rank. A run has a rank if it completed, kept to the budget of "
        f"its protocol and passed the statistics gate: effective sample size at least {MINIMUM_ESS}, at least "
        f"{DRAWS_PER_TAU} autocorrelation times for each walker, drift below {MAXIMUM_DRIFT_Z} standard errors and "
        f"R-hat below {MAXIMUM_RHAT}. Brackets hold the standard error of the last digits."
    )
    return environment


def _markdown_cell(text: str) -> str:
    """Text that stays within one cell of a Markdown table, and is no HTML."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").split())


def _page(environment: jinja2.Environment, board: Board, ending: str) -> str:
    tables = [(table, lines(board, table)) for table in board.tables]
    return environment.get_template(f"system.{ending}.j2").render(
        board=board, tables=tables, columns=columns(board), parameters=describe(board.system.parameters)
    )


def _index(environment: jinja2.Environment, found: list[Board], ending: str) -> str:
    entries = [
        (board, table, _run_line(table.best, several_references=False) if table.best is not None else None)
        for board in found
        for table in board.tables
    ]
    return environment.get_template(f"index.{ending}.j2").render(entries=entries, empty=EMPTY)
