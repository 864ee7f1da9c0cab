"""What `zoo compare` shows: the models in the order they were given, each against the first and against all others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.table import Table as RichTable
from rich.text import Text

from harness import files
from harness.format import shorthand
from harness.record import RECORD, RunRecord, read_record
from harness.summary import STATUS_STYLES
from leaderboards import curves, figures, rules
from leaderboards.board import Board, Result, Row, Table, boards, rank
from leaderboards.figures.figure import name
from leaderboards.lines import EMPTY, correlation, run_line
from leaderboards.render import environment, facts


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs on one system.

    Attributes:
        board: The system, with its references; its tables are of no use here, as runs need not be sound.
        rows: One for each recipe, in the order of the runs; runs without an energy have rows of their own.
    """

    board: Board
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, folders: Sequence[Path]) -> Comparison | None:
        """Of those of the runs that have begun; None where none has."""
        results = [
            Result(read_record(folder / RECORD), curves.of_run(folder))
            for folder in folders
            if (folder / RECORD).exists()
        ]
        if not results:
            return None
        [board] = boards(results)
        order = list(dict.fromkeys(rules.recipe(result.record) for result in results))
        rows = rank(results, rules.unfinished)
        return cls(
            board, tuple(sorted(rows, key=lambda row: (order.index(rules.recipe(row.record)), bool(row.reasons))))
        )

    @property
    def measured(self) -> tuple[Row, ...]:
        """Rows with an energy."""
        return tuple(row for row in self.rows if row.rank is not None)

    def change(self, row: Row, other: Row) -> tuple[float, float]:
        """Energy of a row minus that of another, with the standard error of the difference."""
        assert row.energy is not None and other.energy is not None
        return row.energy - other.energy, math.hypot(row.stderr, other.stderr)

    def table(self) -> RichTable:
        """A row for each model: change from the first one, error from the reference.

        Columns that no row fills are left out, so that it fits 80 characters.
        """
        lines = [self._cells(row) for row in self.rows]
        table = RichTable(box=None, padding=(0, 2, 0, 0), header_style="dim")
        filled = [column for column in lines[0] if any(cells[column] for cells in lines)]
        meaning = {
            "change": "change: from the first",
            "error": "error: from the reference",
            "cpu s": "cpu s: of training",
        }
        notes = [text for column, text in meaning.items() if column in filled]
        if self.no_correlation:
            notes.append(f"correlation: {self.no_correlation}")
        table.caption = "; ".join(notes)
        table.caption_justify, table.caption_style = "left", "dim"
        for column in filled:
            named = column == "model"
            justify: Literal["left", "right"] = "left" if named else "right"
            table.add_column(
                column, justify=justify, no_wrap=not named, overflow="fold", min_width=14 if named else None
            )
        for cells in lines:
            table.add_row(*(cells[column] for column in filled))
        return table

    def _cells(self, row: Row) -> dict[str, str | Text]:
        first = self.measured[0] if self.measured else row
        share = correlation(self.board, row)
        several = any(len(other.results) > 1 for other in self.rows)
        error = None if row.energy is None else self.board.error(row.energy)
        return {
            "model": Text(name(row), "bold"),
            "seeds": str(len(row.results)) if several else "",
            "energy": self._outcome(row) if row.energy is None else shorthand(row.energy, row.stderr),
            "change": shorthand(*self.change(row, first), signed=True)
            if row.energy is not None and row != first
            else "",
            "error": "" if error is None else shorthand(error, row.stderr, signed=True),
            "correlation": "" if share is None else f"{100 * share:.1f} %",
            "cpu s": "" if row.cost is None else f"{row.cost:.0f}",
        }

    @staticmethod
    def _outcome(row: Row) -> Text:
        return Text(rules.outcome(row.record), STATUS_STYLES.get(row.record.status, ""))

    @property
    def no_correlation(self) -> str:
        """Why no row has a share of the correlation energy, empty where one has."""
        if not self.measured or any(correlation(self.board, row) is not None for row in self.rows):
            return ""
        if self.board.reference is None:
            return "no reference is known"
        return "no Hartree-Fock energy is known" if self.board.hartree_fock is None else "the reference is Hartree-Fock"

    def page(self, command: str) -> str:
        """The page of the comparison, which needs nothing but itself."""
        measured = self.measured
        record = self.rows[0].record
        table = Table(record.protocol.name, record.protocol.version, record.provenance.zoo_version, self.rows)
        differences = [[self._difference(row, other) for other in measured] for row in measured]
        return (
            environment()
            .get_template("compare.html.j2")
            .render(
                here="",
                **facts(self.board),
                command=command,
                table=table,
                names=[name(row) for row in measured],
                lines=[(row, run_line(self.board, row), self._remark(row)) for row in self.rows],
                changes=[
                    EMPTY
                    if row not in measured or row == measured[0]
                    else shorthand(*self.change(row, measured[0]), signed=True)
                    for row in self.rows
                ],
                differences=differences,
                no_correlation=self.no_correlation,
                figures=figures.of_table(self.board, table),
            )
        )

    def write(self, path: Path, command: str) -> Path:
        """Write the page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace_content(path, self.page(command))
        return path

    def _difference(self, row: Row, other: Row) -> tuple[str, str, bool]:
        """In words, in standard errors, and whether it is larger than two of them."""
        if row == other:
            return "", "", False
        value, stderr = self.change(row, other)
        if stderr == 0.0:
            return shorthand(value, stderr, signed=True), "", value != 0.0
        return (
            shorthand(value, stderr, signed=True),
            f"{abs(value) / stderr:.1f} σ",
            abs(value) > rules.TIE_SIGMAS * stderr,
        )

    def _remark(self, row: Row) -> str:
        """Why a board would not rank it."""
        unsound = [_with_seed(record, reason) for record in row.records for reason in rules.reasons(record)]
        missing = [f"{row.missing} more without an energy"] if row.missing else []
        return "; ".join([*missing, *unsound])


def _with_seed(record: RunRecord, reason: str) -> str:
    return f"seed {record.provenance.seed}: {reason}"
