"""The figure of a backflow: the numbers that it shows, and the files that come out."""

import xml.etree.ElementTree as ElementTree

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from harness.figures import Request
from harness.figures.backflow import attention_of, backflow_of, pair_distances, plot_backflow
from harness.figures.backflow_drawing import binned, magnification
from harness.figures.style import SPIN_COLOURS
from harness.figures.trained import load_all
from zoo.errors import ZooError

PAIRWISE, TRANSFORMER = "model=slater_jastrow_backflow", "model=transformer_backflow"
SMALL = ("model.width=8", "model.layers=2", "model.heads=2", "model.determinants=1")
DOT = ("system=quantum_dot", "system.n_up=2", "system.n_down=1")
GAS = ("system=electron_gas", "system.dim=2", "system.rs=2", "system.n_up=5", "system.n_down=5")


def loaded(folder):
    [run] = load_all(Request.of([folder], "backflow"))
    return run


def test_arrows_are_the_sum_of_the_pairwise_displacements_that_are_drawn(make_run):
    run = loaded(make_run(PAIRWISE, *DOT))
    configuration = run.walkers[3]
    between = np.linalg.norm(configuration[:, None] - configuration, axis=-1)
    drawn = backflow_of(run, configuration, longest=12.0)
    expected = np.zeros_like(configuration)
    for i in range(3):
        for j in set(range(3)) - {i}:
            eta = drawn.eta["same_spin" if {i, j} == {0, 1} else "opposite_spin"]
            # linear interpolation between the points of the curve
            expected[i] += np.interp(between[i, j], drawn.distances, eta) * (configuration[i] - configuration[j])
    np.testing.assert_allclose(drawn.displacements, expected, atol=3e-4)
    assert np.abs(drawn.displacements).max() > 0.03
    assert (drawn.shift, drawn.step) == (0.0, 7)


def test_in_a_cell_the_common_shift_is_left_out(make_run, monkeypatch):
    """The zoo's models have none there; another may."""
    run = loaded(make_run(TRANSFORMER, *GAS, *SMALL))
    inner = run.model.effective_positions
    monkeypatch.setattr(run.model, "effective_positions", lambda positions: inner(positions) + 0.25)
    drawn = backflow_of(run, run.walkers[0], longest=3.0)
    np.testing.assert_allclose(drawn.displacements.mean(axis=0), 0, atol=1e-12)
    moved = np.asarray(run.model.effective_positions(run.walkers[:1]))[0] - run.walkers[0]
    assert drawn.shift == pytest.approx(np.linalg.norm(moved.mean(axis=0)), rel=1e-10)
    assert drawn.shift == pytest.approx(0.25 * run.walkers.shape[-1] ** 0.5, rel=1e-10)
    np.testing.assert_allclose(np.diff(moved, axis=0), np.diff(drawn.displacements, axis=0), atol=1e-12)


def test_attention_is_that_of_the_pairs_at_their_distances(make_run):
    run = loaded(make_run(TRANSFORMER, *DOT, *SMALL))
    shown = attention_of(run, run.walkers[:4])
    alpha = np.asarray(run.model.attention(run.walkers[:4]))  # (4, layers, heads, 3, 3)
    assert (shown.shape, shown.n_electrons) == ((2, 2), 3)
    same = {(0, 1), (1, 0)}
    for kind, pairs in (("same_spin", same), ("opposite_spin", {(0, 2), (1, 2), (2, 0), (2, 1)})):
        rows = []
        for walker in range(4):
            for i, j in sorted(pairs):
                distance = np.linalg.norm(run.walkers[walker, i] - run.walkers[walker, j])
                rows.append([distance, *alpha[walker, :, :, i, j].ravel()])
        drawn = np.column_stack([shown.distances[kind], shown.weights[kind].reshape(len(rows), -1)])
        np.testing.assert_allclose(drawn, rows, rtol=1e-12)


def test_the_attention_of_one_electron_is_not_shown(make_run):
    run = loaded(make_run(TRANSFORMER, "system=quantum_dot", "system.n_up=1", "system.n_down=0", *SMALL))
    assert attention_of(run, run.walkers) is None


def test_distances_are_periodic_in_a_cell():
    positions = np.random.default_rng(2).uniform(0, 5.0, (3, 4, 2))
    open_space = pair_distances(positions, None)
    np.testing.assert_allclose(open_space[1, 0, 2], np.linalg.norm(positions[1, 0] - positions[1, 2]), rtol=1e-12)
    periodic = pair_distances(positions, 5.0)
    positions[:, 1] += [5.0, -10.0]
    np.testing.assert_allclose(pair_distances(positions, 5.0), periodic, atol=1e-12)
    assert periodic.max() <= 5.0 * np.sqrt(2) / np.pi + 1e-12


@pytest.mark.parametrize(
    ("longest", "factor"),
    [(0.0, 1), (3.0, 1), (0.6, 1), (0.5, 2), (0.21, 2), (0.2, 5), (0.1, 10), (0.04, 20), (1e-3, 1000)],
)
def test_arrows_are_magnified_by_a_round_number(longest, factor):
    assert magnification(longest, 1.0) == pytest.approx(factor, rel=1e-12)


def test_bins_hold_equally_many_pairs_in_the_order_of_distance():
    random = np.random.default_rng(4)
    distances = random.permutation(np.arange(1.0, 101.0))
    where, low, middle, high = binned(distances, -distances)
    np.testing.assert_allclose(where, [13, 38, 63, 88])
    np.testing.assert_allclose(middle, -where)
    np.testing.assert_allclose((low, high), (-where - 6, -where + 6))
    assert [len(part) for part in binned(np.array([1.0, 2.0]), np.array([3.0, 4.0]))] == [1] * 4


@pytest.mark.parametrize(
    "keys",
    [
        (PAIRWISE, "system=quantum_dot_n6"),
        (PAIRWISE, "system=helium"),
        (PAIRWISE, "system=quantum_dot", "system.dim=3", "system.n_up=3", "system.n_down=0"),
        (PAIRWISE, "system=quantum_dot", "system.n_up=1", "system.n_down=0"),
        ("model=neural_backflow", "model.width=8", "system=lithium_hydride"),
        (TRANSFORMER, *SMALL, *GAS),
        (TRANSFORMER, *SMALL, "system=electron_gas", "system.n_up=2", "system.n_down=1"),
    ],
    ids=lambda keys: " ".join(keys).replace("model=", "").replace("system=", ""),
)
@pytest.mark.filterwarnings("error:::harness", "error:::matplotlib")
def test_a_figure_says_what_it_shows(make_run, keys):
    folder = make_run(*keys)
    path = plot_backflow(Request.of([folder], "backflow", walker=2))
    assert path == folder / "backflow.svg"
    root = ElementTree.parse(path).getroot()
    title = next(child.text for child in root if child.tag.endswith("title"))
    assert title.startswith("Backflow on ") and "walker 2: " in title and " bohr, drawn " in title


@pytest.mark.slow
def test_two_runs_are_drawn_at_one_configuration_and_to_one_scale(make_run, tmp_path):
    first, second = make_run(TRANSFORMER, *DOT, *SMALL, shake=0.1), make_run(PAIRWISE, *DOT, shake=0.01)
    path = plot_backflow(Request.of([first, second], "backflow", output=tmp_path / "both.svg"))
    title = next(child.text for child in ElementTree.parse(path).getroot() if child.tag.endswith("title"))
    sentences = title.split("). ")[1].split("; ")
    assert [s.split()[0] for s in sentences] == ["transformer_backflow", "slater_jastrow_backflow"]
    scales = {s.rstrip(".").partition("drawn ")[2] for s in sentences}
    assert len(scales) == 1


def colours(path):
    pixels = matplotlib.image.imread(path)[..., :3]
    return {name: bool((np.abs(pixels - to_rgb(c)).max(axis=-1) < 2e-3).any()) for name, c in SPIN_COLOURS.items()}


def test_spins_have_colours_and_both_formats_are_written(make_run, tmp_path):
    polarised = make_run(PAIRWISE, "system=quantum_dot", "system.n_up=0", "system.n_down=3")
    both = make_run(PAIRWISE, *DOT)
    for folder, name in ((polarised, "one.png"), (both, "two.PNG")):
        plot_backflow(Request.of([folder], "backflow", output=tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert colours(tmp_path / "one.png") == {"up": False, "down": True}
    assert colours(tmp_path / "two.PNG") == {"up": True, "down": True}


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(make_run, tmp_path):
    folder, settings = make_run(PAIRWISE, *DOT), dict(matplotlib.rcParams)
    one, two = (plot_backflow(Request.of([folder], "backflow", tmp_path / f"{n}.svg")) for n in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert dict(matplotlib.rcParams) == settings
    other = plot_backflow(Request.of([folder], "backflow", tmp_path / "c.svg", walker=1))
    assert other.read_bytes() != one.read_bytes()


def test_displacements_that_are_all_zero_are_drawn_to_scale(make_run):
    path = plot_backflow(Request.of([make_run(PAIRWISE, *DOT, shake=0.0)], "backflow"))
    assert "by up to 0 bohr, drawn to scale" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", ["slater_jastrow", "ferminet"])
def test_a_model_without_backflow_is_refused(make_run, model):
    folder = make_run(f"model={model}", *DOT)
    with pytest.raises(ZooError, match=f"{model} has no backflow to draw: expected a run of a model that displaces"):
        plot_backflow(Request.of([folder], "backflow"))


def test_a_run_without_a_checkpoint_is_refused(make_run):
    folder = make_run(PAIRWISE, *DOT)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    with pytest.raises(ZooError, match="expected a run with a checkpoint, this one has none yet"):
        plot_backflow(Request.of([folder], "backflow"))
