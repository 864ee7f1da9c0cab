"""Training curves: what the boards keep and draw of a run's training log.

A committed result has no room for a row for every step. ``training.jsonl`` beside its record holds at most `MOST_ROWS`
rows, each the mean over a stretch of steps. A run folder has its whole log, which is condensed in the same way when it
is read: a run and its committed copy look the same on a page.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np

from harness.figures.training import TrainingLog, read_training_log
from zoo.errors import ZooError

CURVE, LOG = "training.jsonl", "train.jsonl"
MOST_ROWS = 100
_DIGITS = 8


@dataclasses.dataclass(frozen=True)
class Curve:
    """Energies in the course of training.

    Attributes:
        steps: Last step of each stretch, ascending.
        energies: Mean energy of the stretch.
        stderrs: Standard error of that mean, as if the samples of different steps were independent.
        variances: Mean variance of the local energy.
    """

    steps: tuple[int, ...]
    energies: tuple[float, ...]
    stderrs: tuple[float, ...]
    variances: tuple[float, ...]

    def to_jsonl(self) -> str:
        """The text of ``training.jsonl``."""
        columns = zip(self.steps, self.energies, self.stderrs, self.variances, strict=True)
        names = ("step", "energy", "stderr", "variance")
        return "".join(json.dumps(dict(zip(names, row, strict=True)), allow_nan=False) + "\n" for row in columns)


def of_run(folder: Path) -> Curve | None:
    """The curve of a run or of a committed result, by what lies in its folder; None where it holds neither file.

    Raises:
        ZooError: The file is damaged; names it and the line.
    """
    if (folder / CURVE).exists():
        return _read(folder / CURVE)
    return condense(read_training_log(folder / LOG)) if (folder / LOG).exists() else None


def condense(log: TrainingLog) -> Curve:
    """Means over at most `MOST_ROWS` stretches of equal length; steps that gave no finite energy are left out."""
    finite = np.isfinite(log.energies) & np.isfinite(log.stderrs) & np.isfinite(log.variances)
    steps, energies, stderrs, variances = (
        values[finite] for values in (log.steps, log.energies, log.stderrs, log.variances)
    )
    stretches = np.array_split(np.arange(len(steps)), min(MOST_ROWS, len(steps)) or 1)
    stretches = [stretch for stretch in stretches if len(stretch)]
    return Curve(
        steps=tuple(int(steps[stretch[-1]]) for stretch in stretches),
        energies=tuple(_rounded(energies[stretch].mean()) for stretch in stretches),
        stderrs=tuple(_rounded(math.sqrt(np.sum(stderrs[stretch] ** 2)) / len(stretch)) for stretch in stretches),
        variances=tuple(_rounded(variances[stretch].mean()) for stretch in stretches),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _read(path: Path) -> Curve:
    rows: list[tuple[int, float, float, float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            values = (int(row["step"]), float(row["energy"]), float(row["stderr"]), float(row["variance"]))
        except (ValueError, TypeError, KeyError) as error:
            raise ZooError(f"{path}: line {number}: expected step, energy, stderr and variance: {error}") from error
        if not all(map(math.isfinite, values)):
            raise ZooError(f"{path}: line {number}: expected finite numbers")
        rows.append(values)
    if len(rows) > MOST_ROWS:
        raise ZooError(f"{path}: {len(rows)} lines: expected at most {MOST_ROWS}")
    steps, energies, stderrs, variances = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Curve(steps, energies, stderrs, variances)
