"""Requests for figures: what is refused, before any backend is needed."""

import os
import shutil
from pathlib import Path

import pytest

from harness import checkpoint
from harness.config import compose
from harness.figures import Request
from zoo.errors import ZooError

ROOT = Path(__file__).parents[2]


def run_folder(folder, *keys):
    """The folder of a run that has saved a checkpoint, in which nothing is read."""
    folder.mkdir()
    config = compose([*keys, "train.walkers=16"])
    (folder / "config.yaml").write_text(config.to_yaml())
    checkpoint.save(folder / "checkpoints", 3, {}, lambda path: Path(path).touch(), config.sha256)
    return folder


@pytest.fixture
def dot(tmp_path):
    return run_folder(tmp_path / "dot", "model=sj", "system=quantum_dot_n6")


def test_the_figure_goes_into_the_folder_of_the_first_run(dot, tmp_path):
    other = run_folder(tmp_path / "other", "model=sjb", "system=quantum_dot_n6")
    request = Request.of([dot, other], "nodes")
    assert request.path == dot / "nodes.svg"
    assert request.labels == ["slater_jastrow", "slater_jastrow_backflow"]
    assert (request.walker, request.electron, request.plane) == (0, 0, None)
    elsewhere = Request.of([dot], "nodes", output=tmp_path / "pictures" / "a.PNG")
    assert elsewhere.path == tmp_path / "pictures" / "a.PNG" and elsewhere.path.parent.is_dir()


def test_the_figure_of_a_result_of_a_leaderboard_does_not_go_into_its_folder(tmp_path, monkeypatch):
    """There `zoo leaderboard check` would find a file that nobody knows."""
    monkeypatch.chdir(tmp_path)
    result = next((ROOT / "leaderboards" / "results").glob("helium-*/slater_jastrow/*"))
    request = Request.of([result], "nodes")
    assert request.path == Path("nodes.svg") and request.saved[0].state is None


def test_a_run_without_a_checkpoint_is_refused(dot):
    shutil.rmtree(dot / "checkpoints")
    with pytest.raises(ZooError, match=f"{dot}: expected a run with a checkpoint, this one has none yet"):
        Request.of([dot], "nodes")


def test_runs_of_one_model_are_told_apart_by_their_folders(dot, tmp_path):
    other = run_folder(tmp_path / "other", "model=sj", "system=quantum_dot_n6", "seed=1")
    assert Request.of([dot, other], "nodes").labels == ["slater_jastrow dot", "slater_jastrow other"]


def test_equal_systems_may_have_different_names(dot, tmp_path):
    keys = ("system=quantum_dot", "system.n_up=3", "system.n_down=3")
    other = run_folder(tmp_path / "other", "model=sjb", *keys)
    assert Request.of([dot, other], "nodes").system.n_electrons == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"walker": 16}, "--walker 16: expected 0 to 15"),
        ({"walker": -1}, "--walker -1: expected 0 to 15"),
        ({"electron": 6}, "--electron 6: expected 0 to 5, of 3 up, then 3 down"),
        ({"plane": "xz"}, "--plane xz: expected none, as the system has two dimensions"),
        ({"output": "a.pdf"}, r"a\.pdf: expected a file that ends in \.svg or \.png"),
        ({"output": "a"}, r"a: expected a file that ends in \.svg or \.png"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_named(dot, options, message):
    with pytest.raises(ZooError, match=message):
        Request.of([dot], "nodes", **options)


def test_an_unknown_plane_is_named(tmp_path):
    atom = run_folder(tmp_path / "atom", "model=sj", "system=helium")
    assert Request.of([atom], "nodes", plane="xz").plane == "xz"
    with pytest.raises(ZooError, match="--plane zx: unknown plane: did you mean"):
        Request.of([atom], "nodes", plane="zx")


def test_runs_of_different_systems_are_refused(dot, tmp_path):
    other = run_folder(tmp_path / "other", "model=sj", "system=quantum_dot_n6", "system.omega=0.5")
    with pytest.raises(ZooError, match=r"other: is a run on quantum_dot .*omega=0\.5.*: expected .*omega=1\.0"):
        Request.of([dot, other], "nodes")


def test_a_lattice_is_refused(tmp_path):
    chain = run_folder(tmp_path / "chain", "model=sj", "system=hubbard_chain_6")
    with pytest.raises(ZooError, match="hubbard_chain_6 is a lattice: expected a run of a system in continuous space"):
        Request.of([chain], "nodes")


def test_a_folder_that_is_no_run_is_refused(dot, tmp_path):
    with pytest.raises(ZooError, match="expected the folder of a run"):
        Request.of([dot, tmp_path], "nodes")


def test_a_place_that_cannot_be_written_is_found_first(dot, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ZooError, match="file: cannot write there"):
        Request.of([dot], "nodes", output=tmp_path / "file" / "a.svg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_run_needs_another_place(dot, tmp_path):
    dot.chmod(0o500)
    with pytest.raises(ZooError, match="cannot write there"):
        Request.of([dot], "nodes")
    assert Request.of([dot], "nodes", output=tmp_path / "a.svg").path == tmp_path / "a.svg"
