"""Training curves as they are committed and drawn."""

import json
import math

import numpy as np
import pytest

from harness.figures import TrainingLog
from leaderboards.curves import CURVE, LOG, MOST_ROWS, condense, of_run
from zoo.errors import ZooError


def log(count: int, **columns) -> TrainingLog:
    steps = np.arange(1, count + 1)
    columns = {"energies": -1 - 1 / steps, "stderrs": np.full(count, 0.02), "variances": 1 / steps, **columns}
    return TrainingLog(steps=steps, acceptances=np.full(count, 0.5), **columns)


def test_stretches_are_means_and_keep_the_total():
    curve = condense(log(300))
    assert len(curve.steps) == MOST_ROWS and curve.steps[0] == 3 and curve.steps[-1] == 300
    assert curve.energies[0] == pytest.approx(-1 - (1 + 1 / 2 + 1 / 3) / 3)
    assert curve.stderrs == pytest.approx([0.02 / math.sqrt(3)] * MOST_ROWS)
    assert np.mean(curve.energies) == pytest.approx(log(300).energies.mean())


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101])
def test_short_logs_lose_nothing(count):
    curve = condense(log(count))
    assert len(curve.steps) == min(count, MOST_ROWS)
    assert (curve.steps[-1] if count else 0) == count


def test_steps_without_a_finite_energy_are_left_out():
    energies = np.array([-1.0, np.nan, np.inf, -2.0])
    assert condense(log(4, energies=energies)).energies == (-1.0, -2.0)


def test_a_run_and_its_committed_copy_give_the_same_curve(tmp_path):
    run, result = tmp_path / "run", tmp_path / "result"
    run.mkdir()
    result.mkdir()
    assert of_run(run) is None
    full = log(250)
    names = {"step": "steps", "energy": "energies", "stderr": "stderrs", "variance": "variances"}
    names["acceptance"] = "acceptances"
    rows = [{key: float(getattr(full, name)[n]) for key, name in names.items()} for n in range(250)]
    (run / LOG).write_text("".join(json.dumps(row) + "\n" for row in rows))
    curve = of_run(run)
    (result / CURVE).write_text(curve.to_jsonl())
    assert of_run(result) == curve


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"step": 1}\n', "line 1: expected step, energy"),
        ('{"step": 1, "energy": NaN, "stderr": 0, "variance": 0}\n', "line 1: expected finite numbers"),
        ('{"step": 1, "energy": 0, "stderr": 0, "variance": 0}\n' * 101, "101 lines: expected at most 100"),
    ],
)
def test_a_damaged_curve_is_named(text, message, tmp_path):
    (tmp_path / CURVE).write_text(text)
    with pytest.raises(ZooError, match=rf"{CURVE}: {message}"):
        of_run(tmp_path)
