"""The training log read back, and the figure drawn from it."""

import json
import math
import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from harness.figures import energy_figure, read_training_log, running_mean
from zoo.errors import ZooError


def line(step, energy=1.0):
    return (
        json.dumps({"step": step, "energy": energy, "stderr": 0.1, "variance": 2.0, "acceptance": 0.5, "x": 1}) + "\n"
    )


def training(count):
    steps = np.arange(1, count + 1)
    noise = np.random.default_rng(3).normal(size=count)
    return steps, 20.16 + 0.5 * np.exp(-steps / 30) + 0.01 * noise, np.full(count, 0.01)


def test_the_log_comes_back_in_columns(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(line(10, 1.5) + line(20, -2.5))
    log = read_training_log(path)
    np.testing.assert_array_equal(log.steps, [10, 20])
    np.testing.assert_array_equal(log.energies, [1.5, -2.5])
    np.testing.assert_array_equal(log.stderrs, [0.1, 0.1])
    np.testing.assert_array_equal(log.variances, [2, 2])
    np.testing.assert_array_equal(log.acceptances, [0.5, 0.5])
    assert log.steps.dtype == np.int64


@pytest.mark.parametrize("kept", range(0, 80, 7))
def test_a_last_line_cut_short_by_a_kill_is_left_out(tmp_path, kept):
    path = tmp_path / "train.jsonl"
    path.write_text(line(1) + line(2) + line(3)[:kept])
    np.testing.assert_array_equal(read_training_log(path).steps, [1, 2])


def test_a_character_cut_in_two_is_left_out(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(line(1).encode() + b'{"step": 2, "note": "\xc3')
    np.testing.assert_array_equal(read_training_log(path).steps, [1])


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(line(1) + line(2)[:20] + "\n" + line(3))
    with pytest.raises(ZooError, match=r"train\.jsonl: line 2 is not a training record"):
        read_training_log(path)


def test_of_repeated_steps_the_later_counts(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(line(1, 1) + line(2, 2) + line(3, 3) + line(2, 20) + line(3, 30) + line(4, 40))
    log = read_training_log(path)
    np.testing.assert_array_equal(log.steps, [1, 2, 3, 4])
    np.testing.assert_array_equal(log.energies, [1, 20, 30, 40])


def test_energies_that_are_not_finite_are_read(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(line(1, math.nan) + line(2, None) + line(3, 3))
    np.testing.assert_array_equal(read_training_log(path).energies, [math.nan, math.nan, 3])


def test_an_empty_log_is_empty_and_a_missing_one_an_error(tmp_path):
    (tmp_path / "train.jsonl").touch()
    assert read_training_log(tmp_path / "train.jsonl").energies.shape == (0,)
    with pytest.raises(ZooError, match=r"none\.jsonl: cannot be read: No such file"):
        read_training_log(tmp_path / "none.jsonl")


def test_the_running_mean_is_the_mean_of_its_window():
    values = np.random.default_rng(5).normal(size=20)
    np.testing.assert_allclose(running_mean(values, 5), np.convolve(values, np.ones(5) / 5, "valid"), atol=1e-14)
    np.testing.assert_allclose(running_mean(values, 1), values, atol=1e-14)
    assert running_mean(np.array([]), 1).shape == (0,)


@pytest.mark.parametrize("count", [0, 1, 2, 30, 3000])
@pytest.mark.parametrize(
    ("reference", "final"),
    [(None, None), (None, (20.161, 0.001)), (20.16, (20.161, 0.001)), (20.16, (20.159, 0.001)), (20.16, (20.16, 0.0))],
)
@pytest.mark.filterwarnings("error")
def test_every_combination_is_valid_svg(tmp_path, count, reference, final):
    path = tmp_path / "energy ü.svg"
    energy_figure(path, *training(count), reference=reference, final=final, title="a_b $ on c", unit="hartree")
    assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert path.stat().st_size < 200_000


def test_the_same_run_gives_the_same_bytes_and_no_date(tmp_path):
    for name in ("a.svg", "b.svg"):
        energy_figure(tmp_path / name, *training(100), reference=20.16, final=(20.161, 0.001), title="title")
    content = (tmp_path / "a.svg").read_bytes()
    assert content == (tmp_path / "b.svg").read_bytes()
    assert not re.search(rb"<dc:date>|20\d\d-\d\d-\d\d", content)


def test_drawing_leaves_matplotlib_as_it_was(tmp_path):
    before = dict(matplotlib.rcParams)
    energy_figure(tmp_path / "a.svg", *training(100))
    assert dict(matplotlib.rcParams) == before


@pytest.mark.filterwarnings("error")
def test_a_diverged_run_is_drawn_without_its_infinities(tmp_path):
    steps, energies, stderrs = training(50)
    energies[30:40], stderrs[45:] = math.nan, math.inf
    energy_figure(tmp_path / "a.svg", steps, energies, stderrs, reference=20.16)
    energy_figure(
        tmp_path / "b.svg", *(np.delete(v, [*range(30, 40), *range(45, 50)]) for v in (steps, energies, stderrs)), 20.16
    )
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
