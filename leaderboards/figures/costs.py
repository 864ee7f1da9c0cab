"""Energy errors against what they cost: parameters, and the time of training."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

from harness.format import shorthand
from leaderboards.board import Board, Row, Table
from leaderboards.figures.axes import Drawing, Labels, Scale
from leaderboards.figures.figure import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_HINTS,
    MOST_NAMED,
    RIGHT,
    TOP,
    WIDTH,
    Figure,
    energy_axis,
    name,
)


@dataclasses.dataclass(frozen=True)
class _Point:
    """A row with its cost and error; ``resolved`` unless the error is below its standard error, where it is drawn."""

    row: Row
    cost: float
    error: float
    resolved: bool


def error_against_parameters(board: Board, table: Table) -> Figure | None:
    return _error_against(board, table, "parameters", "trainable parameters", lambda row: row.record.model.parameters)


def error_against_cost(board: Board, table: Table) -> Figure | None:
    clock = all(row.cpu_seconds is None for row in table.ranked)
    axis = "training / s, by the clock" if clock else "training / s of processors"
    return _error_against(board, table, "training time", axis, lambda row: row.cost)


def _error_against(
    board: Board, table: Table, title: str, axis: str, cost: Callable[[Row], float | None]
) -> Figure | None:
    """Both axes logarithmic, with the Pareto front: rows that nothing as cheap lies below.

    Where a row lies below its reference, which then is no exact one, the axis of errors is linear.
    """
    if board.reference is None:
        return None
    found = [(row, float(spent), _error(board, row)) for row in table.ranked if (spent := cost(row))]
    if len(found) < 2:
        return None
    logarithmic = all(error > -2 * row.stderr for row, _, error in found)
    points = [_point(row, spent, error, logarithmic) for row, spent, error in found]
    front = _front(points)
    drawing = Drawing(WIDTH, HEIGHT)
    x = Scale.around([p.cost for p in points], LEFT, RIGHT, logarithmic=True, margin=0.1)
    ends = [p.error + p.row.stderr for p in points] + [p.error - (0 if logarithmic else p.row.stderr) for p in points]
    y = Scale.around(ends if logarithmic else [0.0, *ends], BOTTOM, TOP, logarithmic, margin=0.1)
    drawing.axes(x, y, axis, energy_axis(board))
    if not logarithmic:
        drawing.line(x.start, y.place(0), x.end, y.place(0), "reference")
    corners = [(x.place(front[0].cost), y.place(front[0].error))]
    for before, after in itertools.pairwise(front):
        corners += [(x.place(after.cost), y.place(before.error)), (x.place(after.cost), y.place(after.error))]
    drawing.path(corners, "front")
    _scatter(drawing, points, front, x, y, board.unit)
    alt = f"Error of the energy against {title} for {len(points)} rows. On the Pareto front, the cheapest first: "
    alt += ", ".join(f"{name(p.row)} ({p.cost:,.4g})" for p in front[:6]) + "."
    caption = "Filled: rows that none as cheap lies below; the line is the Pareto front."
    if not all(p.resolved for p in points):
        caption += " Triangles: errors below one standard error, drawn there."
    if not logarithmic:
        caption += " Rows under the dashed line lie below the reference, which is not exact."
    return Figure(f"Energy error against {title}", drawing.svg(alt), caption)


def _error(board: Board, row: Row) -> float:
    assert row.energy is not None and board.reference is not None
    return row.energy - board.reference.energy


def _point(row: Row, cost: float, error: float, logarithmic: bool) -> _Point:
    resolved = not logarithmic or error > row.stderr
    return _Point(row, cost, error if resolved else max(row.stderr, 1e-12), resolved)


def _front(points: Sequence[_Point]) -> list[_Point]:
    """Points that none of at most their cost lies below, the cheapest first."""
    front: list[_Point] = []
    for point in sorted(points, key=lambda p: (p.cost, p.error)):
        if not front or point.error < front[-1].error:
            front.append(point)
    return front


def _scatter(drawing: Drawing, points: Sequence[_Point], front: list[_Point], x: Scale, y: Scale, unit: str) -> None:
    """Points with error bars and names; very many as dots, with only the front by itself."""
    many = len(points) > MOST_HINTS
    shown = front if many else points
    if many:
        drawing.path([(x.place(p.cost), y.place(p.error)) for p in points], "dots", dots=True)
    for point in shown:
        px, py = x.place(point.cost), y.place(point.error)
        kind = "mark" if point in front else "mark hollow"
        hint = f"{name(point.row)}: {shorthand(point.row.energy or 0.0, point.row.stderr)} {unit}"
        if point.resolved:
            low = max(y.low, point.error - point.row.stderr)  # a bar down to 0 has no end on a logarithmic axis
            drawing.line(px, y.place(low), px, y.place(point.error + point.row.stderr), "bar")
            drawing.dot(px, py, kind, hint)
        else:
            drawing.triangle(px, py, kind, hint)
    labels = Labels(drawing, LEFT, RIGHT, TOP - 8, BOTTOM, [(x.place(p.cost), y.place(p.error)) for p in shown])
    for point in [*front, *(p for p in shown if p not in front)][:MOST_NAMED]:
        labels.add(x.place(point.cost), y.place(point.error), name(point.row))
