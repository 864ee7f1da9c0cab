"""Energies in the course of training."""

from __future__ import annotations

import itertools

from leaderboards.board import Board, Table
from leaderboards.figures.axes import Drawing, Scale
from leaderboards.figures.figure import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Figure,
    energy_axis,
    label,
    name,
    origin,
)

MOST_CURVES = 6
_BEGINNING = 5
"""The first fifth of a curve does not set the range of the axis."""


def training(board: Board, table: Table) -> Figure | None:
    """The first seed of each of the best rows."""
    curves = [
        (row, curve)
        for row in table.ranked
        for curve in [row.results[0].curve]
        if curve is not None and len(curve.steps) > 1
    ][:MOST_CURVES]
    if not curves:
        return None
    shift = origin(board)
    ends = [e - shift for _, curve in curves for e in curve.energies[len(curve.energies) // _BEGINNING :]]
    legend = 18 * ((len(curves) + 1) // 2)
    drawing = Drawing(WIDTH, HEIGHT + legend)
    x = Scale(0, max(curve.steps[-1] for _, curve in curves), LEFT, RIGHT)
    y = Scale.around([*ends, *([0.0] if board.reference is not None else [])], BOTTOM, TOP)
    drawing.axes(x, y, "optimisation step", energy_axis(board))
    if board.reference is not None:
        drawing.line(x.start, y.place(0), x.end, y.place(0), "reference")
    for number, (row, curve) in reversed(list(enumerate(curves))):  # the best one on top
        for stretch in _inside(y, [(s, e - shift) for s, e in zip(curve.steps, curve.energies, strict=True)]):
            drawing.path([(x.place(step), y.place(energy)) for step, energy in stretch], f"curve s{number}")
        left, top = 2 + 192 * (number % 2), BOTTOM + 58 + 18 * (number // 2)
        drawing.line(left, top - 4, left + 16, top - 4, f"curve s{number}")
        drawing.text(left + 22, top, label(row), "name")
    alt = f"Energy against optimisation step of {len(curves)} runs: " + ", ".join(name(row) for row, _ in curves) + "."
    caption = "The lowest seed of the best rows: means over stretches of steps, of samples drawn while the parameters "
    caption += "changed. The steep beginning is cut off."
    return Figure("Training", drawing.svg(alt), caption)


def _inside(y: Scale, points: list[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """The stretches of a curve that the axis holds: what lies outside leaves a gap."""
    groups = itertools.groupby(points, key=lambda point: y.holds(point[1]))
    return [list(group) for holds, group in groups if holds]
