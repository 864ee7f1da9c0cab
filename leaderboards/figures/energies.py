"""Energies with error bars against the reference."""

from __future__ import annotations

from harness.format import shorthand
from leaderboards import known
from leaderboards.board import Board, Table
from leaderboards.figures.axes import Drawing, Scale
from leaderboards.figures.figure import NAMES, RIGHT, WIDTH, Figure, clipped, energy_axis, label, name
from zoo.references import Reference

MOST_ROWS, MOST_PUBLISHED = 24, 6
_STEP, _TOP = 24, 8.0


def energies(board: Board, table: Table) -> Figure | None:
    """A row each: the mean over the seeds, single seeds, and published energies below them."""
    rows = table.ranked[:MOST_ROWS]
    if not rows or board.reference is None:
        return None
    shift, uncertainty = board.reference.energy, board.reference.uncertainty or 0.0
    others = _others(board)
    drawing = Drawing(WIDTH, _TOP + _STEP * (len(rows) + len(others)) + 56)
    ends = [e - shift + sign * row.stderr for row in rows for e in (*row.energies, row.energy or 0) for sign in (-1, 1)]
    ends += [r.energy - shift + sign * (r.uncertainty or 0) for r in others for sign in (-1, 1)]
    x = Scale.around([0.0, *ends], NAMES + 8, RIGHT)
    bottom = drawing.columns(x, _TOP, energy_axis(board))
    drawing.band(x, -uncertainty, uncertainty, _TOP, bottom)
    drawing.line(x.place(0), _TOP, x.place(0), bottom, "reference")
    for number, row in enumerate(rows):
        assert row.energy is not None
        y = _TOP + _STEP * (number + 0.75)
        drawing.text(NAMES, y + 4, label(row), "name", "end")
        for energy in row.energies if len(row.energies) > 1 else ():
            drawing.line(x.place(energy - shift), y - 6, x.place(energy - shift), y + 6, "seed")
        drawing.line(x.place(row.energy - shift - row.stderr), y, x.place(row.energy - shift + row.stderr), y, "bar")
        hint = f"{name(row)}: {shorthand(row.energy, row.stderr)} {board.unit}"
        drawing.dot(x.place(row.energy - shift), y, "mark", hint)
    for number, record in enumerate(others, start=len(rows)):
        y, error = _TOP + _STEP * (number + 0.75), record.uncertainty or 0.0
        drawing.text(NAMES, y + 4, clipped(record.method), "name quiet", "end")
        drawing.line(x.place(record.energy - shift - error), y, x.place(record.energy - shift + error), y, "bar other")
        drawing.diamond(x.place(record.energy - shift), y, "other", f"{record.method}: {record.source}")
    best = rows[0]
    assert best.energy is not None
    alt = (
        f"Energies of {len(rows)} rows against the reference {shorthand(shift, board.reference.uncertainty)} "
        f"{board.unit}. The lowest is that of {name(best)}, {shorthand(best.energy, best.stderr)}."
    )
    caption = "Dots: means over the seeds, with one standard error. Ticks: single seeds. Dashed: the reference."
    if others:
        caption += " Diamonds: published values."
    if len(rows) < len(table.ranked):
        caption += f" The {len(table.ranked) - len(rows)} highest rows are left out."
    return Figure("Energies", drawing.svg(alt), caption)


def _others(board: Board) -> list[Reference]:
    """Published energies that are neither the reference, nor another exact one, nor far away from both."""
    assert board.reference is not None
    found = [r for r in known.methods(board.published) if r.trusted and r.kind not in ("mean_field", "exact")]
    return [r for r in found if r.energy != board.reference.energy][:MOST_PUBLISHED]
