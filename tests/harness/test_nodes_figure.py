"""The figure of nodes: Psi in a plane, and the files that come out."""

import dataclasses
import xml.etree.ElementTree as ElementTree

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from harness.figures import Request, nodes
from harness.figures.nodes import plot_nodes, section
from harness.figures.nodes_drawing import NEGATIVE, POSITIVE, changes_sign
from harness.figures.plane import cut
from harness.figures.trained import load_all
from zoo.errors import ZooError

TRIPLET = ("system=quantum_dot", "system.n_up=2", "system.n_down=0")


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(nodes, "POINTS", 24)


def plane_of(request, run, electron=0):
    configuration = run.walkers[request.walker]
    plane = cut(request.system, configuration, electron)
    coordinates = np.stack(np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 15)), axis=-1)
    return configuration, plane, coordinates


def title_of(path):
    return next(child.text for child in ElementTree.parse(path).getroot() if child.tag.endswith("title"))


@pytest.mark.parametrize("electron", [0, 1])
def test_the_node_of_two_equal_spins_in_a_dot_is_a_line_through_the_other_electron(make_run, electron):
    """det[1, x] = x_2 - x_1 times Gaussians, with the orbitals that training starts from."""
    request = Request.of([make_run("model=slater_jastrow", *TRIPLET, shake=0.0)], "nodes")
    [run] = load_all(request)
    configuration, plane, coordinates = plane_of(request, run, electron)
    psi = section(run, configuration, electron, plane, coordinates)
    mover, other = configuration[electron, 0], configuration[1 - electron, 0]
    expected = np.sign(coordinates[..., 0] - other) * np.sign(mover - other)
    np.testing.assert_array_equal(np.sign(psi), expected)
    assert np.abs(psi).max() == 1.0


def test_psi_is_that_of_the_model(make_run):
    request = Request.of([make_run("model=slater_jastrow_backflow", "system=quantum_dot_n6")], "nodes")
    [run] = load_all(request)
    configuration, plane, coordinates = plane_of(request, run, 4)
    psi = section(run, configuration, 4, plane, coordinates)
    moved = np.tile(configuration, (3, 1, 1))
    moved[1, 4], moved[2, 4] = coordinates[3, 5], coordinates[9, 11]
    sign, log_abs = (np.asarray(value) for value in run.model(moved))
    ratio = sign[1] * sign[2] * np.exp(log_abs[1] - log_abs[2])
    assert psi[3, 5] / psi[9, 11] == pytest.approx(ratio, rel=1e-10)
    assert np.sign(psi[3, 5]) == sign[0] * sign[1]


def test_a_configuration_on_the_node_is_refused(make_run):
    """Of a wavefunction that is exactly zero there: a determinant of equal rows may round to something else."""
    request = Request.of([make_run("model=slater_jastrow", *TRIPLET)], "nodes")
    [run] = load_all(request)
    configuration, plane, coordinates = plane_of(request, run)
    home = configuration[0, 0]

    def with_a_node_there(positions):
        distance = np.asarray(positions)[:, 0, 0] - home
        return np.sign(distance), np.log(np.abs(distance))

    on_the_node = dataclasses.replace(run, model=with_a_node_there)
    with np.errstate(divide="ignore"), pytest.raises(ZooError, match=r"is zero at this .*: expected another --walker"):
        section(on_the_node, configuration, 0, plane, coordinates)


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        (["model=slater_jastrow", "system=quantum_dot_n6"], {"electron": 5}),
        (["model=slater_jastrow", "system=helium"], {}),
        (["model=slater_jastrow_backflow", "system=lithium_hydride"], {"electron": 3}),
        (["model=ferminet", "model.width=8", "system=beryllium"], {"plane": "yz"}),
        (["model=slater_jastrow", "system=electron_gas", "system.n_up=3", "system.n_down=1"], {"walker": 5}),
        (["model=slater_jastrow", "system=electron_gas_2d_n10"], {}),
        (["model=slater_jastrow", "system=quantum_dot", "system.dim=3", "system.n_up=1", "system.n_down=0"], {}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("error:::harness", "error:::matplotlib")
def test_a_figure_says_what_it_shows(make_run, keys, options):
    folder = make_run(*keys)
    path = plot_nodes(Request.of([folder], "nodes", **options))
    assert path == folder / "nodes.svg"
    title = title_of(path)
    moves = f"electron {options.get('electron', 0)} moves, the others stay as in walker {options.get('walker', 0)}"
    assert title.startswith("Nodes on ") and moves in title and "positive on " in title


@pytest.mark.slow
@pytest.mark.filterwarnings("error:::harness", "error:::matplotlib")
def test_more_runs_than_fit_into_a_row(make_run, tmp_path):
    keys = ("model=slater_jastrow", *TRIPLET)
    folders = [make_run(*keys, shake=0.1 * index) for index in range(5)]
    path = plot_nodes(Request.of(folders, "nodes", output=tmp_path / "five.svg"))
    assert title_of(path).count("positive on") == 5


def share(path, shades):
    """Share of the pixels that have one of these colours."""
    pixels = matplotlib.image.imread(path)[..., :3]
    return sum(float((np.abs(pixels - to_rgb(shade)).max(axis=-1) < 2e-3).mean()) for shade in shades)


def test_signs_are_told_apart_by_colour(make_run, tmp_path):
    triplet = make_run("model=sj", *TRIPLET, shake=0.0)
    singlet = make_run("model=sj", "system=quantum_dot_n2", shake=0.0)
    for folder, name in ((triplet, "triplet.png"), (singlet, "singlet.png")):
        plot_nodes(Request.of([folder], "nodes", output=tmp_path / name))
    # the scale beside the plane shows all shades in both
    scale = share(tmp_path / "singlet.png", NEGATIVE)
    assert share(tmp_path / "singlet.png", POSITIVE) > 10 * scale
    assert share(tmp_path / "triplet.png", NEGATIVE) > 3 * scale


def test_nothing_is_cut_off_at_the_edges(make_run, tmp_path):
    folders = [make_run("model=slater_jastrow", *TRIPLET, shake=0.1 * index) for index in range(3)]
    pixels = matplotlib.image.imread(plot_nodes(Request.of(folders, "nodes", output=tmp_path / "three.png")))[..., :3]
    for edge in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert (edge == 1.0).all()


def test_a_node_is_a_change_of_sign():
    assert changes_sign(np.array([-1e-300, 1.0]))
    assert not changes_sign(np.array([0.0, 1.0])) and not changes_sign(np.array([-1.0, -0.5]))


def test_the_same_runs_give_the_same_bytes(make_run, tmp_path):
    folder = make_run("model=slater_jastrow_backflow", *TRIPLET)
    one, two = (plot_nodes(Request.of([folder], "nodes", tmp_path / f"{n}.png")) for n in "ab")
    assert one.read_bytes() == two.read_bytes()
