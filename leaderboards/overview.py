"""The heat map: every system against every model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from leaderboards import rules
from leaderboards.board import Board, Row, Table
from leaderboards.lines import EMPTY, run_line
from zoo import registry

STEPS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Relative errors that separate the colours."""
LEGEND = (
    *((f"h{number}", f"< {text}") for number, text in enumerate(("10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²"))),
    ("h5", "≥ 10⁻²"),
)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One system and one model.

    Attributes:
        kind: ``h0`` (close) to ``h5``; ``bad`` where runs have no rank; ``none`` where there are none.
        text: Relative error, or what became of the runs.
        hint: Energy and rank, or the reason, in full.
    """

    kind: str
    text: str
    hint: str


@dataclasses.dataclass(frozen=True)
class Heat:
    """Systems against models, under one protocol and version of the zoo."""

    protocol: str
    version: str
    zoo_version: str
    models: tuple[str, ...]
    rows: tuple[tuple[Board, tuple[Cell, ...]], ...]


def heats(boards: Iterable[Board]) -> list[Heat]:
    """A map for each protocol and version: the largest budget first."""
    keys: dict[tuple[str, str, str], list[tuple[Board, Table]]] = {}
    for board in boards:
        for table in board.tables:
            keys.setdefault(table.key, []).append((board, table))
    found = []
    for key in sorted(keys, key=lambda key: (-len(keys[key]), key)):
        models = order({row.record.model.name for _, table in keys[key] for row in table.rows})
        rows = tuple(
            (board, tuple(cell(board, [r for r in table.rows if r.record.model.name == model]) for model in models))
            for board, table in keys[key]
        )
        found.append(Heat(*key, models, rows))
    return found


def order(models: Iterable[str]) -> tuple[str, ...]:
    """The ladder first, by its rungs, then the others by name."""
    return tuple(sorted(models, key=lambda name: (rung(name) or 1000, name)))


def rung(model: str) -> int | None:
    """Place of a model on the ladder; None for one beside it, and for one that is not installed."""
    return registry.model_spec(model).rung if model in registry.list_models() else None


def cell(board: Board, rows: list[Row]) -> Cell:
    """What a model's rows on a system come to: its best one, or why it has none."""
    if not rows:
        return Cell("none", EMPTY, "not run")
    ranked = [row for row in rows if row.rank is not None]
    if not ranked:
        words = {_outcome(row) for row in rows}
        return Cell("bad", " / ".join(sorted(words)), "; ".join(reason for row in rows for reason in row.reasons))
    best = ranked[0]
    line = run_line(board, best)
    hint = f"{line.cells['energy']} {board.unit}, rank {line.cells['rank']}"
    assert best.energy is not None
    error, relative = board.error(best.energy), board.relative_error(best.energy)
    if error is None or relative is None or board.reference is None:
        return Cell("none", line.cells["energy"], f"{hint}; no reference is known")
    hint += f", error {line.cells['error']}"
    scale = relative / error if error else 1 / abs(board.reference.energy)
    noise = 2 * best.stderr * scale
    if abs(relative) <= noise:
        return Cell(_colour(noise), f"< {scientific(noise)}", hint)
    if relative < 0 and board.reference.kind != "exact":
        return Cell("h0", f"below, {scientific(-relative)}", hint)
    return Cell(_colour(abs(relative)), scientific(abs(relative)), hint)


def scientific(value: float) -> str:
    """``3.3·10⁻⁵``."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _outcome(row: Row) -> str:
    word = rules.outcome(row.record)
    return "not ranked" if word == "completed" else word


def _colour(relative: float) -> str:
    return f"h{next((number for number, limit in enumerate(STEPS) if relative < limit), len(STEPS))}"
