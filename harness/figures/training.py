"""The energy of a run against its optimisation steps, drawn from the training log."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np

from harness.figures.style import STYLE
from zoo.errors import ZooError

_MOST_POINTS = 600
_RAW, _CURVE, _REFERENCE = "#9db8d2", "#1f5a94", "#555555"
_FINAL_STYLE = {"color": "#c2410c", "markersize": 4, "capsize": 3, "linestyle": "none"}


@dataclasses.dataclass(frozen=True)
class TrainingLog:
    """Columns of ``train.jsonl``, each ``(steps,)``, in the order of the steps; energies in the system's unit."""

    steps: np.ndarray
    energies: np.ndarray
    stderrs: np.ndarray
    variances: np.ndarray
    acceptances: np.ndarray


def read_training_log(path: str | os.PathLike) -> TrainingLog:
    """Read a ``train.jsonl``: one JSON object a line with step, energy, stderr, variance and acceptance.

    The last line of a killed run may be cut short and is left out then. Of steps that occur more than once, as they
    do after a run was resumed, the later line counts.

    Raises:
        ZooError: The file cannot be read, or a line before the last one is broken; names the line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ZooError(f"{path}: cannot be read: {error.strerror}") from error
    keys = ("step", "energy", "stderr", "variance", "acceptance")
    rows: dict[int, tuple[float, ...]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            values = tuple(math.nan if entry[key] is None else float(entry[key]) for key in keys)
            rows[int(values[0])] = values
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                break  # a kill cut it short
            raise ZooError(f"{path}: line {number} is not a training record: {error}") from error
    columns = np.array([rows[step] for step in sorted(rows)], dtype=np.float64).reshape(-1, len(keys)).T
    return TrainingLog(columns[0].astype(np.int64), *columns[1:])


def energy_figure(
    path: str | os.PathLike,
    steps: np.ndarray,
    energies: np.ndarray,
    stderrs: np.ndarray,
    reference: float | None = None,
    reference_label: str = "reference",
    final: tuple[float, float] | None = None,
    title: str = "",
    unit: str = "",
) -> None:
    """Draw the energy against the steps as an SVG whose bytes depend on the numbers alone.

    Above: every step (faint), a running mean with a band of the error of a single step, the reference and the final
    energy. Below, where there is a reference: the distance of the running mean from it, on a logarithmic scale, with
    the points that lie below the reference marked. Energies that are not finite are left out.

    Args:
        path: The ``.svg`` file.
        steps: Step numbers ``(n,)``; n may be 0.
        energies: Mean energy of each step ``(n,)``.
        stderrs: Their standard errors ``(n,)``.
        reference: Energy to compare with.
        reference_label: What it is, such as ``"DMC"``.
        final: Mean and standard error of the evaluation.
        title: Title of the figure.
        unit: Unit of the energy.
    """
    import matplotlib  # here, as it takes half a second
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    finite = np.isfinite(energies) & np.isfinite(stderrs)
    steps, energies, stderrs = (np.asarray(values)[finite] for values in (steps, energies, stderrs))
    curve = _Curve.of(steps, energies, stderrs)
    distances = reference is not None and len(steps) > 0
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.6 if distances else 3.4), layout="constrained")
        panels = figure.subplots(1 + distances, 1, sharex=True, squeeze=False, height_ratios=[3, 2][: 1 + distances])
        upper, lower = panels[0, 0], panels[-1, 0]
        _draw_energies(upper, steps, energies, curve)
        _draw_levels(upper, steps, reference, reference_label, final)
        _limit(upper, curve, reference, final)
        upper.set_ylabel(f"energy ({unit})" if unit else "energy")
        upper.set_title(title, loc="left", fontsize=10, fontweight="bold")
        if upper.get_legend_handles_labels()[0]:
            upper.legend(loc="upper right", frameon=False, fontsize=8)
        if distances:
            _draw_distance(lower, steps, curve, reference, final)
        if len(steps):
            lower.set_xlabel("optimisation step")
            lower.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        else:
            lower.set_xticks([])
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


@dataclasses.dataclass(frozen=True)
class _Curve:
    """Running mean of the energies, where the whole window fits, thinned to what a figure can show."""

    steps: np.ndarray
    energies: np.ndarray
    stderrs: np.ndarray
    window: int

    @classmethod
    def of(cls, steps, energies, stderrs) -> _Curve:
        window = max(1, len(steps) // 40) | 1
        inner = slice(window // 2, len(steps) - window // 2)
        keep = _thinning(len(steps))
        smooth, band = running_mean(energies, window), running_mean(stderrs, window)
        return cls(steps[inner][::keep], smooth[::keep], band[::keep], window)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Means ``(n - window + 1,)`` over each stretch of ``window`` successive values ``(n,)``."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return (sums[window:] - sums[:-window]) / window


def _thinning(count: int) -> int:
    """Every how many points to draw: the file stays small however long the run."""
    return max(1, math.ceil(count / _MOST_POINTS))


def _end(steps) -> float:
    """Where the result of the evaluation is drawn: just after the last step."""
    return 1.015 * float(steps[-1]) if len(steps) else 0.0


def _draw_energies(axes, steps, energies, curve) -> None:
    if not len(steps):
        return
    thin = _thinning(len(steps))
    axes.plot(steps[::thin], energies[::thin], color=_RAW, linewidth=0.6, alpha=0.7)
    low, high = curve.energies - curve.stderrs, curve.energies + curve.stderrs
    axes.fill_between(curve.steps, low, high, color=_CURVE, alpha=0.18, linewidth=0)
    label = f"mean of {curve.window} points, band: error of one" if curve.window > 1 else "energy, band: its error"
    axes.plot(curve.steps, curve.energies, color=_CURVE, linewidth=1.6, label=label)


def _draw_levels(axes, steps, reference, reference_label, final) -> None:
    if reference is not None:
        label = f"{reference_label} {reference:.10g}"
        axes.axhline(reference, color=_REFERENCE, linewidth=1, linestyle=(0, (5, 3)), label=label)
    if final is not None:
        mean, stderr = final
        decimals = min(12, max(0, 1 - math.floor(math.log10(stderr)))) if stderr > 0 else 6
        label = f"evaluated {mean:.{decimals}f} ± {stderr:.{decimals}f}"
        axes.errorbar([_end(steps)], [mean], [stderr], label=label, marker="o", **_FINAL_STYLE)


def _limit(axes, curve, reference, final) -> None:
    """Show the second half with its noise, the reference and the result, and some of the way there."""
    tail = slice(len(curve.energies) // 2, None)
    noise = 3 * curve.stderrs[tail]
    marks = [*(curve.energies[tail] - noise), *(curve.energies[tail] + noise)]
    marks += [reference] if reference is not None else []
    marks += [final[0] - 2 * final[1], final[0] + 2 * final[1]] if final is not None else []
    if not marks:
        return
    low, high = min(marks), max(marks)
    height = max(high - low, 1e-9 * max(abs(low), 1.0))
    axes.set_ylim(low - 0.1 * height, high + 1.2 * height)


def _draw_distance(axes, steps, curve, reference, final) -> None:
    distance = curve.energies - reference
    below = distance < 0
    axes.plot(curve.steps, np.where(distance != 0, np.abs(distance), np.nan), color=_CURVE)
    if np.any(below):
        marks = {"marker": "v", "markersize": 3.5, "linestyle": "none"}
        axes.plot(curve.steps[below], -distance[below], color=_CURVE, label="below the reference", **marks)
    # Where the curve crosses the reference its distance is 0: the axis ends at a third of the noise.
    floor = 0.3 * np.median(curve.stderrs) / math.sqrt(curve.window)
    shown = np.abs(distance[distance != 0]).tolist()
    if final is not None and final[0] != reference:
        size, stderr = abs(final[0] - reference), final[1]
        down = min(stderr, 0.7 * size)  # a bar down to 0 has no end on a logarithmic scale
        marker = "o" if final[0] > reference else "v"
        axes.errorbar([_end(steps)], [size], [[down], [stderr]], marker=marker, **_FINAL_STYLE)
        floor = min(floor, 0.3 * max(size, 0.1 * stderr))
        shown.append(size - down)
    axes.set_yscale("log")
    if shown:
        axes.set_ylim(bottom=0.7 * max(floor, min(shown)))
    axes.set_ylabel("|E − reference|")
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    if np.any(below):
        axes.legend(loc="upper right", frameon=False, fontsize=8)
