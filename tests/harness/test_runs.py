"""Runs as a user makes them: folders, records, kills, resumption."""

import hashlib
import json
import os
import shutil

import keras
import numpy as np
import pytest
from omegaconf import OmegaConf

from harness import checkpoint, runs, statistics, vmc
from harness.config import RunConfig, compose, hash_of
from harness.lock import exclusive
from harness.record import read_record, write_record
from harness.steps import Steps
from zoo.errors import ZooError

SMALL = [
    "train.walkers=64",
    "evaluate.walkers=64",
    "evaluate.draws=24",
    "train.read_every=5",
    "train.checkpoint_every=0",
    f"backend={keras.config.backend()}",
]


def config(out, *keys):
    keys = keys if any(key.startswith("train.steps=") for key in keys) else ("train.steps=20", *keys)
    return compose(["model=slater_jastrow", "system=hubbard_chain_6", *SMALL, *keys, f"out={out}"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A completed run: its folder and its record."""
    out = tmp_path_factory.mktemp("a folder with spaces, ω")
    record = runs.start(config(out), "zoo run ...")
    (folder,) = out.glob("hubbard_chain_6/slater_jastrow/*-s0")
    return folder, record


def rows(folder):
    """Training log without the times, which no two runs share."""
    lines = (folder / "train.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "cpu_seconds")} for line in lines]


def final_arrays(folder):
    return checkpoint.load(checkpoint.latest(folder / "checkpoints", RunConfig.read(folder).sha256))[1]


def same_end(folder, other):
    """Whether two runs of one configuration ended in the same bits."""
    one, two = final_arrays(folder), final_arrays(other)
    return (
        rows(folder) == rows(other)
        and one.keys() == two.keys()
        and all(np.array_equal(one[name], two[name]) for name in one)
        and np.array_equal(np.load(folder / "blocks.npz")["energies"], np.load(other / "blocks.npz")["energies"])
        and read_record(folder / "record.json").energy == read_record(other / "record.json").energy
    )


def test_a_run_leaves_everything_that_its_record_names(finished):
    folder, record = finished
    assert record == read_record(folder / "record.json")
    assert record.status == "completed"
    assert [row["step"] for row in rows(folder)] == list(range(1, 21))
    assert {"config.yaml", "train.jsonl", "blocks.npz", "energy.svg"} <= {a.path for a in record.artifacts}
    for artifact in record.artifacts:
        content = (folder / artifact.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (artifact.bytes, artifact.sha256)
    assert RunConfig.read(folder).sha256 == record.provenance.config_sha256


def test_the_recorded_energy_is_that_of_the_raw_blocks(finished):
    folder, record = finished
    blocks = np.load(folder / "blocks.npz")["energies"]
    summary = statistics.summarise(blocks)
    assert blocks.shape == (24, 64)
    assert (record.energy.mean, record.energy.stderr) == (summary.mean, summary.stderr)
    assert record.error.absolute == record.energy.mean - record.reference.energy
    assert record.error.absolute > -4 * record.energy.stderr
    assert record.v_score == pytest.approx(6 * record.variance / (record.energy.mean - 4 * 9 / 6) ** 2, rel=1e-12)
    assert 0.05 < record.observables["double_occupancy"].mean < 0.25


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(finished, tmp_path):
    folder, _ = finished
    runs.start(config(tmp_path), "zoo run ...")
    runs.start(config(tmp_path, "seed=1"), "zoo run ...")
    (again,) = tmp_path.glob("*/*/*-s0*")
    (other,) = tmp_path.glob("*/*/*-s1*")
    assert same_end(folder, again)
    assert not same_end(folder, other)


def test_resuming_a_finished_run_changes_nothing(finished):
    folder, record = finished
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert runs.resume(folder) == record
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_resuming_with_a_changed_configuration_is_refused(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished[0], copy)
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text.replace("seed: 0", "seed: 5"))
    with pytest.raises(ZooError, match=r"config\.yaml was changed since the run began: expected seed=0$"):
        runs.resume(copy)


def copy_from_before_a_key(folder, copy, key="degrees_of_freedom", **changes):
    """A copy of a run as a version without that key of the optimiser would have left it."""
    shutil.copytree(folder, copy)
    plain = RunConfig.read(folder).to_dict()
    del plain["optimizer"][key]
    OmegaConf.save(OmegaConf.create(plain), copy / "config.yaml")
    digest = hash_of(plain)
    for manifest in (copy / "checkpoints").glob("*.json"):
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "config_sha256": digest}))
    record = read_record(copy / "record.json")
    provenance = {**dict(record.provenance), "config_sha256": digest, "zoo_version": "0.1.0"}
    write_record(copy / "record.json", record.updated(config=plain, provenance=provenance, **changes))
    return digest


def test_what_an_older_version_has_run_can_be_measured_and_gone_on_from(finished, tmp_path):
    digest = copy_from_before_a_key(finished[0], tmp_path / "run")
    read = RunConfig.read(tmp_path / "run")
    assert read.sha256 == digest and read == RunConfig.read(finished[0])
    assert runs.resume(tmp_path / "run").provenance.zoo_version == "0.1.0"  # it is complete
    again = runs.evaluate(tmp_path / "run", draws=10, walkers=32, seed=1)
    assert again.energy.mean == runs.evaluate(finished[0], draws=10, walkers=32, seed=1).energy.mean
    begun = runs.start(config(tmp_path, f"init_from={tmp_path / 'run'}", "train.steps=1"), "zoo run ...")
    assert begun.status == "completed"


def test_what_an_older_version_has_begun_is_not_continued_with_other_steps(finished, tmp_path):
    copy_from_before_a_key(finished[0], tmp_path / "run", status="interrupted", message="stopped")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ZooError, match=r"began with version 0\.1\.0, and this one, .* to go on, expected 0\.1\.0\."):
        runs.resume(tmp_path / "run")
    assert {path: path.read_bytes() for path in before} == before


def test_a_run_in_a_folder_of_its_own_goes_on_when_asked_again(tmp_path):
    folder = tmp_path / "a run, ü"
    first = runs.start_or_resume(folder, config("unused", "train.steps=0"), "zoo run")
    assert first.status == "completed" and (folder / "record.json").exists()
    assert runs.start_or_resume(folder, config("other", "train.steps=0"), "zoo run") == first
    with pytest.raises(ZooError, match=r"the run there has train\.steps=0, seed=0: expected the same, or another"):
        runs.start_or_resume(folder, config("unused", "seed=1", "train.steps=5"), "zoo run")
    assert RunConfig.read(folder).seed == 0


def test_a_second_process_in_the_folder_is_refused(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished[0], copy)
    record = json.loads((copy / "record.json").read_text())
    (copy / "record.json").write_text(json.dumps({**record, "status": "running"}))
    new = tmp_path / "new"
    new.mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with exclusive(copy), exclusive(new):
        with pytest.raises(ZooError, match="is working in this run folder"):
            runs.resume(copy)
        with pytest.raises(ZooError, match="is working in this run folder"):
            runs.start_or_resume(new, config("unused"), "zoo run")
    assert all(path.read_bytes() == content for path, content in before.items() if path.name != ".lock")
    assert not (new / "record.json").exists()


@pytest.mark.slow
def test_an_evaluation_uses_fresh_samples_and_leaves_the_run_alone(finished):
    folder, record = finished
    before = (folder / "record.json").read_bytes()
    one = runs.evaluate(folder, draws=40, walkers=96, seed=3)
    two = runs.evaluate(folder, draws=40, walkers=96, seed=3)
    other = runs.evaluate(folder, draws=40, walkers=96, seed=4)
    assert (folder / "record.json").read_bytes() == before
    assert (one.energy.draws, one.energy.walkers) == (40, 96)
    assert one.energy == two.energy != other.energy
    error = np.hypot(one.energy.stderr, record.energy.stderr)
    assert abs(one.energy.mean - record.energy.mean) < 5 * error
    assert len(list((folder / "evaluations").glob("*/evaluation.json"))) >= 2


@pytest.mark.slow
def test_a_run_without_training_can_be_evaluated_too(tmp_path):
    record = runs.start(config(tmp_path, "system.u=0", "train.steps=0"), "zoo run ...")
    (folder,) = tmp_path.glob("*/*/*-s0")
    again = runs.evaluate(folder, draws=10, walkers=32, seed=1)
    for energy in (record.energy, again.energy):
        assert energy.mean == pytest.approx(-8.0, abs=1e-9)
        assert energy.stderr < 1e-9


@pytest.mark.slow
def test_divergence_is_recorded_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    plain = Steps.step

    def poisoned(self, state):
        state, metrics = plain(self, state)
        ruined = keras.ops.where(state["step"] > 12, float("nan"), 0.0)
        return {**state, "parameters": [p + keras.ops.cast(ruined, p.dtype) for p in state["parameters"]]}, {
            **metrics,
            "finite": state["step"] <= 12,
        }

    monkeypatch.setattr(Steps, "step", poisoned)
    record = runs.start(config(tmp_path), "zoo run ...")
    (folder,) = tmp_path.glob("*/*/*-s0")
    assert record.status == "diverged"
    assert record == read_record(folder / "record.json")
    assert "not finite at step 13" in record.message
    assert [event.kind for event in record.events] == ["not_finite"] * 3 + ["diverged"]
    assert [row["step"] for row in rows(folder)] == list(range(1, 11))
    arrays = final_arrays(folder)
    assert arrays["step"] == 10
    assert all(np.isfinite(value).all() for name, value in arrays.items() if name.startswith("parameters"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ZooError, match="cannot be written"):
        runs.start(config(tmp_path / "deep"), "zoo run ...")


def test_a_file_in_place_of_the_folder_is_found_before_training(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ZooError, match="out"):
        runs.start(config(tmp_path / "out"), "zoo run ...")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ZooError, match=r"expected the folder of a run"):
        runs.resume(tmp_path)


def test_a_failure_is_recorded(tmp_path, monkeypatch):
    def broken(self, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vmc.VMC, "evaluate", broken)
    with pytest.raises(ZooError, match="No space"):
        runs.start(config(tmp_path), "zoo run ...")
    (path,) = tmp_path.glob("*/*/*/record.json")
    assert read_record(path).status == "failed"
    assert "No space left" in read_record(path).message
