"""From runs to committed results, and what is caught on the way: records, files and claims that somebody changed."""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import yaml

import zoo
from harness import provenance, runs, weights
from harness.config import compose, hash_of
from harness.record import read_record
from harness.saved import weights_of
from harness.statistics import Summary
from leaderboards import board, curves, verification
from leaderboards.board import RESULTS
from leaderboards.submission import submit
from leaderboards.validation import all_problems, place, result_problems, run_problems
from zoo.cli import main
from zoo.errors import ZooError

KEYS = (
    *("model=sj", "system=quantum_dot_n2", "train.steps=4", "train.walkers=64", "train.read_every=2"),
    *("evaluate.draws=24", "evaluate.walkers=64", "seed=3"),
)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """Folder of a run of some seconds, as if made from a commit without changes."""
    keys = [*KEYS, f"backend={keras.config.backend()}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_git_state", lambda: ("c" * 40, False))
        out = tmp_path_factory.mktemp("runs")
        record = runs.start(compose([*keys, f"out={out}"]), " ".join(["zoo", "run", *keys]))
    assert record.status == "completed"
    [folder] = out.glob("*/*/*")
    return folder


@pytest.fixture
def run(small_run, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(small_run, tmp_path / "run")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


@pytest.fixture
def result(run, results):
    """The run as a committed result, to be changed."""
    [outcome] = submit([run], results)
    return outcome.result


def change(folder, path, value, also=lambda content: None):
    """Replace one field of a record, such as ``energy.mean``; ``also`` mends what follows from it."""
    file = folder / "record.json"
    content = json.loads(file.read_text())
    *groups, field = path.split(".")
    place = content
    for group in groups:
        place = place[int(group) if group.isdigit() else group]
    place[field] = value(place[field]) if callable(value) else value
    also(content)
    file.write_text(json.dumps(content))


def rehash(folder, path):
    """Make the record agree with a file that was changed."""
    digest = hashlib.sha256((folder / path).read_bytes()).hexdigest()

    def mend(artifacts):
        return [
            {**a, "sha256": digest, "bytes": (folder / path).stat().st_size} if a["path"] == path else a
            for a in artifacts
        ]

    change(folder, "artifacts", mend)


def change_settings(result, change_of_config):
    """Other settings in the record and in its file, with every hash mended."""
    change(result, "config", change_of_config)
    content = json.loads((result / "record.json").read_text())["config"]
    (result / "config.yaml").write_text(yaml.safe_dump(content))
    rehash(result, "config.yaml")
    change(result, "provenance.config_sha256", hash_of(content))


# Submitting ----------------------------------------------------------------------------------------------------------


def test_one_folder_that_is_no_run_keeps_all_from_being_copied(run, results):
    with pytest.raises(ZooError, match=r"draws=8/record\.json: No such file"):
        submit([run, Path("draws=8")], results)
    assert not list(results.rglob("record.json"))


def test_a_sound_run_is_reduced_to_what_boards_need(run, results):
    [outcome] = submit([run], results)
    record = read_record(run / "record.json")
    assert outcome.result == results / place(record)
    kept = {str(path.relative_to(outcome.result)) for path in outcome.result.rglob("*") if path.is_file()}
    file = weights_of(record).path
    assert kept == {"record.json", "config.yaml", "training.jsonl", file}
    for name in ("record.json", "config.yaml", file):
        assert (outcome.result / name).read_bytes() == (run / name).read_bytes()
    assert curves.of_run(outcome.result) == curves.of_run(run)
    assert result_problems(outcome.result, results) == []
    assert [path.name for path in results.iterdir()] == [outcome.result.parents[1].name]  # and nothing temporary


def test_what_is_there_is_not_written_again(run, results):
    [first], [second] = submit([run], results), submit([run], results)
    assert (first.new, second.new, second.result) == (True, False, first.result)
    (first.result / "record.json").write_text("{}")
    [third] = submit([run], results)
    assert third.result is None and "holds another run of that second" in third.reasons[0]


def test_the_commands(run, results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["submit", "run", "--results", "results"]) == 0
    assert capsys.readouterr().out.startswith("submitted run: results/quantum_dot_n2-")
    change(run, "energy.per_particle", 1.0)
    assert main(["submit", "run", "--results", "results"]) == 1
    assert "refused run: energy.per_particle 1.0" in capsys.readouterr().out
    assert main(["submit"]) == 2
    assert main(["submit", "gone"]) == 2


# Records that were changed -------------------------------------------------------------------------------------------

CHANGES = {
    "energy.mean": 2.9,
    "energy.stderr": 1e-6,
    "energy.per_particle": 1.4,
    "energy.ess": 1e6,
    "energy.tau": 0.5,
    "energy.draws": 200,
    "variance": 1e-6,
    "error.absolute": 0.0,
    "error.relative": 0.0,
    "reference.energy": 3.1,
    "reference.kind": "variational",
    "compute.train_steps": 300,
    "compute.precision": "float32",
    "model.name": "transformer_backflow",
    "model.config": {},
    "system.name": "quantum_dot_n6",
    "system.parameters": {"dim": 2, "omega": 0.5, "n_up": 1, "n_down": 1, "coulomb": True},
    "system.sha256": "0" * 64,
    "system.n_up": 2,
    "protocol.name": "laptop",
    "protocol.version": "2",
    "provenance.config_sha256": "0" * 64,
    "provenance.dirty": True,
    "provenance.seed": 4,
    "provenance.command": "zoo run model=sj system=quantum_dot_n2",
    "config": None,
    "status": "interrupted",
}
SHOWN_AS = {  # what follows from the field, where the field itself may be any number
    "energy.mean": "energy.per_particle",
    "energy.stderr": "energy.ess",
    "variance": "energy.ess",
    "compute.precision": "compute.precision",
    "system.parameters": "system.parameters",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_field_is_named(result, results, field):
    change(result, field, CHANGES[field])
    if field in ("model.name", "system.name"):  # the folder would tell as well
        target = results / place(read_record(result / "record.json"))
        shutil.copytree(result, target)
        result = target
    found = result_problems(result, results)
    assert any(line.startswith(SHOWN_AS.get(field, field)) for line in found), found


def test_a_budget_below_that_of_the_protocol_is_named(result, results):
    """Every hash is mended: only the budget itself tells."""

    def claim(config):
        return {**config, "protocol": "laptop"}

    change_settings(result, claim)
    change(result, "protocol", {"name": "laptop", "version": "2"})
    change(result, "provenance.command", lambda command: f"{command} protocol=laptop")
    assert [line.split(":")[0] for line in result_problems(result, results)][:4] == [
        *("train.steps 4", "train.walkers 64", "evaluate.draws 24", "evaluate.walkers 64")
    ]


@pytest.mark.parametrize(("version", "sound"), [("0.0.1", True), (zoo.__version__, False)])
def test_another_version_may_have_had_other_defaults(result, results, version, sound):
    def older(config):
        return {**config, "optimizer": {**config["optimizer"], "decay_steps": 77.0}}

    change_settings(result, older)
    change(result, "provenance.zoo_version", version)
    problems = [line for line in result_problems(result, results) if line.startswith("provenance.command")]
    assert (problems == []) is sound
    assert sound or "gives optimizer.decay_steps=200.0, which config does not have" in problems[0]


@pytest.mark.parametrize("name", ["../../elsewhere", "a/b", "A", ".."])
def test_names_that_lead_out_of_the_results_are_refused(result, results, name):
    change(result, "model.name", name)
    with pytest.raises(ZooError, match=r"model.name '.*': expected lower-case letters"):
        result_problems(result, results)


# Files that were changed ---------------------------------------------------------------------------------------------


def weight_file(folder):
    return folder / weights_of(read_record(folder / "record.json")).path


def alter_weights(path, change_by):
    with h5py.File(path, "r+") as file:
        file["layers/oscillator_orbitals/vars/0"][()] += change_by
        file["jastrow/two_body/electron_electron_jastrow/vars/0"][0] += change_by


def test_a_changed_weight_file_is_named(result, results):
    alter_weights(weight_file(result), 0.1)
    [line] = result_problems(result, results)
    assert line.startswith(f"{weight_file(result).relative_to(result)}: SHA-256")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder, file: file.unlink(), "step-000004.weights.h5: expected a plain file"),
        (lambda folder, file: file.write_bytes(file.read_bytes()[:-1]), "bytes, the record says"),
        (lambda folder, file: (folder / "config.yaml").write_text("seed: 3\n"), "config.yaml: .* bytes"),
        (lambda folder, file: (folder / "model.pickle").write_bytes(b"x"), "model.pickle: expected no such file"),
        (lambda folder, file: (folder / "link").symlink_to("/"), "link: expected no such file"),
        (lambda folder, file: (folder / "training.jsonl").unlink(), "training.jsonl: missing"),
        (lambda folder, file: (folder / "training.jsonl").write_text("{}\n"), "line 1: expected step"),
        (lambda folder, file: os.replace(file, folder.parent / "w") or file.symlink_to(folder.parent / "w"), "plain"),
    ],
)
def test_a_changed_folder_is_named(result, results, spoil, message):
    spoil(result, weight_file(result))
    assert any(re.search(message, line) for line in result_problems(result, results))


def test_a_result_in_another_place_is_named(result, results):
    moved = result.rename(result.with_name("20200101T000000Z-s3"))
    [line] = result_problems(moved, results)
    assert "by its record it belongs to" in line


def test_the_energy_of_a_run_is_that_of_its_blocks(run):
    with np.load(run / "blocks.npz") as archive:
        energies = archive["energies"]
    np.savez(run / "blocks.npz", energies=energies - 0.1)
    rehash(run, "blocks.npz")
    assert any(line.startswith("energy.mean") and "blocks.npz gives mean" in line for line in run_problems(run))


# Weights of strangers ------------------------------------------------------------------------------------------------


def elsewhere(file):
    file["there"] = h5py.ExternalLink("/etc/passwd", "/")


def soft(file):
    file["there"] = h5py.SoftLink("/vars")


def objects(file):
    file.create_dataset("text", data=np.array(["a", "b"], dtype=object), dtype=h5py.string_dtype())


def large(file):
    file.create_dataset("large", shape=(10**9,), dtype="f8", chunks=True)  # takes no room in the file


def not_a_number(file):
    file["n"] = np.array([1.0, np.nan])


def virtual(file):
    layout = h5py.VirtualLayout(shape=(2,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(2,))
    file.create_virtual_dataset("virtual", layout)


def external(file):
    file.create_dataset("raw", shape=(2,), dtype="f8", external=[("other.bin", 0, 16)])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (elsewhere, "/there: a link to elsewhere"),
        (soft, "/there: a link to elsewhere"),
        (objects, "/text: of type object: expected numbers"),
        (large, "arrays of 80000.* bytes: expected at most"),
        (not_a_number, "/n: not finite"),
        (virtual, "/virtual: its data lie in other files"),
        (external, "/raw: its data lie in other files"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_weight_file_must_not_hold(tmp_path, spoil, message):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ones(3)
    assert weights.problems(path) == []
    with h5py.File(path, "r+") as file:
        spoil(file)
    [line] = weights.problems(path)
    assert re.search(message, line)


def test_what_is_no_weight_file(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_bytes(b"\x80\x04cos\nsystem\n")  # a pickle
    assert weights.problems(path) == ["a.weights.h5: not an HDF5 file"]
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    assert "not readable as HDF5" in weights.problems(path)[0]
    path.write_bytes(b"\0" * (weights.MOST_BYTES + 1))
    assert "expected at most" in weights.problems(path)[0]
    assert "ends in .weights.h5" in weights.problems(tmp_path / "model.keras")[0]


def test_groups_that_hold_themselves_end(tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_group("a")["again"] = file["/"]
    assert weights.problems(path) == []


# Claims --------------------------------------------------------------------------------------------------------------


def claim_energy(folder, mean):
    """Change the energy and everything that follows from it."""

    def mend(content):
        content["energy"]["per_particle"] = mean / 2
        content["error"].update(absolute=mean - 3.0, relative=(mean - 3.0) / 3.0)
        if content["error"]["correlation_recovered"] is not None:
            from zoo import create_system

            known = create_system("quantum_dot_n2").references()
            hartree_fock = known.hartree_fock.energy
            content["error"]["correlation_recovered"] = (hartree_fock - mean) / (hartree_fock - 3.0)

    change(folder, "energy.mean", mean, mend)


def test_weights_give_their_energy(small_run, capsys):
    assert main(["verify", str(small_run), "draws=60", "seed=1"]) == 0
    shown = capsys.readouterr().out
    assert "confirmed" in shown and "60 draws of 64 walkers" in shown


def test_a_claim_that_the_weights_do_not_give_is_refused(result, results, capsys):
    energy = read_record(result / "record.json").energy
    claim_energy(result, energy.mean - 0.05)
    assert result_problems(result, results) == []  # every number agrees with every other
    assert main(["verify", str(result), "draws=60"]) == 1
    assert "combined standard errors away" in capsys.readouterr().out


def test_other_weights_are_refused(result, results, capsys):
    alter_weights(weight_file(result), 0.3)
    rehash(result, str(weight_file(result).relative_to(result)))
    assert result_problems(result, results) == []
    assert main(["verify", str(result), "draws=60"]) == 1
    assert "refused" in capsys.readouterr().out


def test_weights_of_another_model_are_refused(result, capsys):
    with h5py.File(weight_file(result), "r+") as file:
        del file["jastrow"]
    rehash(result, str(weight_file(result).relative_to(result)))
    assert main(["verify", str(result), "draws=60"]) == 1
    assert "these are not weights of slater_jastrow" in capsys.readouterr().out


def test_a_damaged_result_is_refused_before_anything_is_measured(result, capsys):
    alter_weights(weight_file(result), 0.3)
    assert main(["verify", str(result)]) == 1
    shown = capsys.readouterr().out
    assert "SHA-256" in shown and "measured" not in shown


def test_judgement(small_run):
    record = read_record(small_run / "record.json")
    energy = record.energy
    same = Summary(energy.mean, energy.stderr, record.variance, energy.ess, energy.tau, 1.0, 0.0, 24, 64)

    def shifted(sigmas):
        return dataclasses.replace(same, mean=energy.mean + sigmas * np.hypot(energy.stderr, energy.stderr))

    assert verification.judge(record, shifted(3.9)).confirmed
    assert not verification.judge(record, shifted(-4.1)).confirmed
    assert verification.judge(record, shifted(2)).z == pytest.approx(2, rel=1e-6)
    assert not verification.judge(record, dataclasses.replace(same, variance=record.variance / 4)).confirmed


# What is committed ---------------------------------------------------------------------------------------------------


def test_committed_results_are_sound():
    assert all_problems(RESULTS) == []


def test_what_lies_among_the_results_is_looked_at(result, results):
    assert all_problems(results) == []
    (results / "README.md").write_text("Layout")
    (results / "quantum_dot_n2-d00ce980" / "notes.txt").write_text("mine")
    change(result, "energy.tau", 0.5)
    first, second = all_problems(results)
    assert first.startswith(f"{result}: energy.tau 0.5: samples / ess = ")
    assert second.endswith("notes.txt: expected no file outside the folder of a result")
    (result / "record.json").write_text("{}")
    assert f"{result}: schema_version=None: expected 1" in all_problems(results)


def test_the_check_of_the_boards_names_a_changed_result(result, results, monkeypatch, capsys):
    monkeypatch.setattr(board, "RESULTS", results)
    change(result, "energy.tau", 0.5)
    assert main(["leaderboard", "check"]) == 1
    assert "energy.tau 0.5" in capsys.readouterr().out
