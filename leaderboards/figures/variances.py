"""Energy against the variance of the local energy, and where the trend meets zero variance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from harness.format import shorthand
from leaderboards.board import Board, Table
from leaderboards.figures.axes import Drawing, Labels, Scale
from leaderboards.figures.figure import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_HINTS,
    RIGHT,
    TOP,
    WIDTH,
    Figure,
    energy_axis,
    origin,
)

_LEAST_POINTS, _LEAST_RATIO = 3, 2.0


@dataclasses.dataclass(frozen=True)
class Extrapolation:
    """A straight line through (variance, energy).

    Attributes:
        energy, stderr: At zero variance, with the error that the scatter of the points gives.
        slope: Energy for each unit of variance.
        until: Largest variance of the points.
        count: Number of points.
    """

    energy: float
    stderr: float
    slope: float
    until: float
    count: int


def extrapolate(points: Sequence[tuple[float, float]]) -> Extrapolation | None:
    """Least squares through the half of the points (variance, energy) with the lowest variances, and at least three.

    More are taken until the largest variance is twice the smallest; None where all together do not get there, as the
    line would be all lever and no arm.
    """
    ordered = sorted(points)
    count = max(_LEAST_POINTS, math.ceil(len(ordered) / 2))
    while count < len(ordered) and ordered[count - 1][0] < _LEAST_RATIO * ordered[0][0]:
        count += 1
    if len(ordered) < count or ordered[count - 1][0] < _LEAST_RATIO * ordered[0][0]:
        return None
    variances, energies = np.array(ordered[:count]).T
    away = variances - variances.mean()
    spread = float(np.sum(away**2))
    if spread == 0.0:
        return None
    slope = float(np.sum(away * energies)) / spread
    energy = float(energies.mean() - slope * variances.mean())
    residuals = energies - energy - slope * variances
    noise = float(np.sum(residuals**2)) / (count - 2)
    stderr = math.sqrt(noise * (1 / count + float(variances.mean()) ** 2 / spread))
    return Extrapolation(energy, stderr, slope, float(variances[-1]), count)


def variances(board: Board, table: Table) -> Figure | None:
    """Single runs of the ranked rows, with the line to zero variance where there are enough."""
    runs = [
        (record.variance, record.energy.mean, record.energy.stderr, record.model.name)
        for row in table.ranked
        for record in row.records
        if record.variance is not None and record.energy is not None
    ]
    if len(runs) < 2:
        return None
    fit = extrapolate([(variance, energy) for variance, energy, _, _ in runs])
    shift = origin(board)
    drawing = Drawing(WIDTH, HEIGHT)
    x = Scale.around([0.0, *(run[0] for run in runs)], LEFT, RIGHT)
    levels = [run[1] + sign * run[2] - shift for run in runs for sign in (-1, 1)]
    levels += ([0.0] if board.reference is not None else []) + ([fit.energy - shift] if fit is not None else [])
    y = Scale.around(levels, BOTTOM, TOP)
    drawing.axes(x, y, f"variance of the local energy / {board.unit}²", energy_axis(board))
    if board.reference is not None:
        drawing.line(x.start, y.place(0), x.end, y.place(0), "reference")
    if fit is not None:
        ends = [(0.0, fit.energy), (fit.until, fit.energy + fit.slope * fit.until)]
        drawing.path([(x.place(variance), y.place(energy - shift)) for variance, energy in ends], "fit")
    places = [(x.place(variance), y.place(energy - shift)) for variance, energy, _, _ in runs]
    if len(runs) > MOST_HINTS:
        drawing.path(places, "dots", dots=True)
    else:
        for (px, py), (_, energy, stderr, model) in zip(places, runs, strict=True):
            drawing.line(px, y.place(energy - stderr - shift), px, y.place(energy + stderr - shift), "bar")
            drawing.dot(px, py, "mark", f"{model}: {shorthand(energy, stderr)}", 3.5)
        _name(Labels(drawing, LEFT, RIGHT, TOP - 8, BOTTOM, places), places, [run[3] for run in runs])
    alt = f"Energies of {len(runs)} runs against the variance of the local energy."
    caption = "Single runs of the ranked rows. An eigenstate has variance 0."
    if fit is not None:
        drawing.diamond(x.place(0), y.place(fit.energy - shift), "other", "at zero variance")
        value = f"{shorthand(fit.energy, fit.stderr)} {board.unit}"
        alt += f" A straight line meets zero variance at {value}."
        caption += (
            f" Line: least squares through the {fit.count} runs of lowest variance; it meets zero at {value} (diamond, "
            "with the error of the scatter). It is a guide, no bound, and ranks nothing."
        )
    return Figure("Energy against variance", drawing.svg(alt), caption)


def _name(labels: Labels, places: Sequence[tuple[float, float]], models: Sequence[str]) -> None:
    """Each model once, at the first of its runs."""
    for model in dict.fromkeys(models):
        labels.add(*places[models.index(model)], model)
