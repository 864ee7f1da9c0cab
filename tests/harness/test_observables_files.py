"""Observables of a run as a user measures and draws them: folders, files, figures, and what the terminal shows."""

import hashlib
import io
import json
import xml.etree.ElementTree as ElementTree

import keras
import numpy as np
import pytest
from pydantic import ValidationError
from rich.console import Console

from harness import runs
from harness.config import compose
from harness.figures.observables import newest, observables_figure, plot_observables
from harness.figures.observables_drawing import _along_path, _path, polygon
from harness.observables import FILE, NAMES, ObservablesFile, Profile, choose, read_observables
from harness.observables.displacements import Displacements
from harness.observables.measurement import estimators
from harness.observables.profile import SCHEMA_PATH, json_schema, profile_record
from harness.observables.wave_vectors import WaveVectors, cell_reciprocal_vectors, reciprocal_vectors, steps
from harness.record import read_record
from harness.statistics import Summaries
from harness.summary import observables
from zoo import cli
from zoo.errors import ZooError
from zoo.systems.lattice import Lattice


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that has just begun, and the record of an evaluation of it with observables."""
    folder = tmp_path_factory.mktemp("observed")
    keys = ["train.walkers=48", f"backend={keras.config.backend()}"]
    begun = runs.Run(compose(["model=neural_backflow", "system=hubbard_chain_6", *keys]), folder)
    begun.begin("zoo run ...")
    begun.save_checkpoint()
    with pytest.raises(ZooError, match="no observables were measured: expected `zoo evaluate"):
        plot_observables([folder])
    return folder, runs.evaluate(folder, draws=18, walkers=48, seed=2, observables="all", thin=2)


def content(config, seed: int = 0, names=None) -> ObservablesFile:
    """A made-up file of every observable of a system."""
    system, random = config.create_system(), np.random.default_rng(seed)
    profiles = {}
    for name, estimate in estimators(names or choose("all", system).names, system).items():
        points = estimate.points
        by_wave_vector = isinstance(points, WaveVectors)
        count = len(points.cartesian) if by_wave_vector else len(points.distances)
        values = [
            Summaries(random.random(count), 0.02 * random.random(count), np.ones(count), np.ones(count), 20, 64)
            for _ in estimate.components
        ]
        profiles[name] = Profile(
            dict(zip(estimate.components, values, strict=True)),
            wave_vectors=points.cartesian if by_wave_vector else None,
            distances=None if by_wave_vector else points.distances,
        )
    return ObservablesFile(
        model="some_model",
        system={
            "name": config.system_name,
            "family": system.family,
            "parameters": system.parameters(),
            "n_up": system.n_up,
            "n_down": system.n_down,
            "sha256": system.sha256,
        },
        step=3,
        draws=20,
        walkers=64,
        thin=2,
        observables={name: profile_record(profile) for name, profile in profiles.items()},
    )


# Files --------------------------------------------------------------------------------------------------------------


def test_an_evaluation_keeps_its_observables_beside_its_record(run):
    folder, record = run
    path = newest(folder)
    assert path.parent.parent == folder / "evaluations"
    assert record == read_record(path.with_name("evaluation.json"))
    assert [artifact.path for artifact in record.artifacts] == ["blocks.npz", FILE, "observables.svg"]
    for artifact in record.artifacts:
        assert artifact.sha256 == hashlib.sha256((path.parent / artifact.path).read_bytes()).hexdigest()
    assert record.observables.keys() == {"double_occupancy"}  # vectors are not for the record
    measured = read_observables(path)
    assert tuple(measured.observables) == NAMES
    assert (measured.draws, measured.walkers, measured.thin, measured.step) == (9, 48, 2, 0)
    assert measured.system == record.system
    density = measured.profile("momentum_distribution")
    for values in density.components.values():
        assert values.mean.sum() == pytest.approx(3, abs=1e-9)
    double = measured.profile("pair_correlation").components["s"]
    difference = double.mean[0] - record.observables["double_occupancy"].mean
    assert abs(difference) < 5 * double.stderr[0]


def test_files_read_back_equal_and_broken_ones_are_one_line(tmp_path):
    written = content(compose(["model=sj", "system=hubbard_chain_6"]))
    path = tmp_path / FILE
    path.write_text(written.to_json())
    assert read_observables(path) == written
    for broken, message in (
        (written.to_json().replace('"thin": 2', '"thin": 0'), "thin"),
        (written.to_json().replace('"stderr": [', '"stderr": [0.5, ', 1), r"has 7 values: expected 6"),
        ("{", "Invalid JSON"),
    ):
        path.write_text(broken)
        with pytest.raises(ZooError, match=message) as caught:
            read_observables(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ZooError, match="No such file"):
        read_observables(tmp_path / "none.json")
    with pytest.raises(ValidationError, match="wave_vectors or distances"):
        profile_record(Profile(components={}))


def test_committed_schema_is_current():
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == json_schema()


# The command line ---------------------------------------------------------------------------------------------------


def test_help_names_every_observable(capsys):
    assert cli.main(["evaluate", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in (*NAMES, "observables=all", "thin"))


def test_what_cannot_be_measured_is_one_line_on_the_command_line(run, capsys):
    folder, _ = run
    assert cli.main(["evaluate", str(folder), "observables=[momentum_distributions]"]) == 2
    assert capsys.readouterr().err == (
        "zoo: unknown observable 'momentum_distributions': did you mean 'momentum_distribution'?\n"
    )
    assert cli.main(["evaluate", str(folder), "observables=all", "draws=20", "thin=5"]) == 2
    assert "observables would be measured 4 times: expected at least 8" in capsys.readouterr().err


def test_the_terminal_shows_the_largest_values():
    measured = content(
        compose(["model=sj", "system=hubbard_chain_6"]), names=["spin_structure_factor", "pair_correlation"]
    )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(observables(measured))
    text = console.export_text()
    values = measured.profile("pair_correlation").components["extended_s"]
    largest = 1 + np.argmax(values.mean[1:])
    assert f"{values.mean[largest]:.2f}"[:3] in text
    assert f"r = {largest}" in text
    assert "measured on 1 draw in 2, 20 in all" in text


# Figures ------------------------------------------------------------------------------------------------------------

FIGURES = {
    "chain": ("system=hubbard_chain_6 system.boundary=A system.n_down=2", "momentum_distribution"),
    "ladder": ("system=hubbard_ladder_2x8", "momentum_distribution"),
    "square": ("system=hubbard_4x4", "spin_structure_factor"),
    "shifted": (
        "system=hubbard system.lattice=rectangle system.extent=[4,3] system.boundary=AP system.n_up=2",
        "momentum_distribution",
    ),
    "honeycomb": ("system=t_v_honeycomb_3x3", "charge_structure_factor"),
    "open": ("system=hubbard system.boundary=O", "pair_correlation"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_lattice_has_its_figure(name, tmp_path):
    keys, observable = FIGURES[name]
    config = compose(["model=sj", *keys.split()])
    measured = content(config, names=[observable])
    path = tmp_path / "figure.svg"
    observables_figure(path, [("a model $x$", measured)], config)
    root = ElementTree.parse(path).getroot()
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    words = observable.replace("_", " ")
    assert title.text == f"a model $x$ on {config.system_name}, measured: {words}."
    if name == "chain":  # the same numbers give the same bytes
        observables_figure(tmp_path / "again.svg", [("a model $x$", measured)], config)
        assert (tmp_path / "again.svg").read_bytes() == path.read_bytes()


def test_runs_are_drawn_side_by_side(run, tmp_path):
    folder, _ = run
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.yaml").write_text((folder / "config.yaml").read_text())
    config = compose(["model=sj", "system=hubbard_chain_6"])
    (other / "evaluations" / "20250101T000000Z-s0").mkdir(parents=True)
    file = other / "evaluations" / "20250101T000000Z-s0" / FILE
    file.write_text(content(config, names=["charge_correlation"]).to_json())
    for folders in ([folder, other], [other, newest(folder).parent]):
        path = plot_observables(folders, tmp_path / "both.png")
        assert path.read_bytes()[:4] == b"\x89PNG"
    assert cli.main(["plot", "observables", str(other)]) == 0
    assert (other / "observables.svg").is_file()
    file.write_text(content(compose(["model=sj", "system=hubbard_chain_10"])).to_json())
    with pytest.raises(ZooError, match=r"of other parameters than .*: expected runs on one system"):
        plot_observables([folder, other], path)
    with pytest.raises(ZooError, match=r"expected a file that ends in \.svg or \.png"):
        plot_observables([folder], tmp_path / "figure.pdf")


@pytest.mark.parametrize(
    ("lattice", "corners"),
    [
        (Lattice("square", (4, 4), "PP"), 4),
        (Lattice("rectangle", (4, 6), "AP"), 4),
        (Lattice("triangular", (3, 6), "PP"), 6),
        (Lattice("honeycomb", (3, 3), "PP"), 6),
    ],
)
def test_the_parts_of_the_zone_fill_it(lattice, corners):
    """Their areas add up, and so many of them as there are wave vectors make a zone."""
    zone, part = polygon(reciprocal_vectors(lattice)), polygon(steps(lattice))
    assert len(zone) == corners
    assert area(zone) == pytest.approx(len(WaveVectors.of(lattice)) * area(part))
    cells = int(np.prod(lattice.extent))
    assert area(polygon(cell_reciprocal_vectors(lattice))) == pytest.approx(cells * area(part))


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def test_the_path_meets_the_wave_vectors_that_lie_on_it():
    lattice = Lattice("square", (4, 4), "PP")
    corners, names = _path(lattice)
    assert names == ["Γ", "X", "M", "Γ"]
    points = WaveVectors.of(lattice).cartesian
    where, which = _along_path(corners, points, lattice)
    shown = np.abs(points[which]) / np.pi
    np.testing.assert_allclose(shown, [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 0.5], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(where / np.pi, [0, 0.5, 1, 1.5, 2, 2 + 0.5**0.5, 2 + 2**0.5], atol=1e-6)


def test_classes_and_distances_agree_with_the_number_of_values():
    config = compose(["model=sj", "system=hubbard_honeycomb_3x3"])
    points = Displacements(config.create_system())
    assert points.pairs.sum() == 18**2
    assert np.all(np.diff(points.distances) >= 0)
