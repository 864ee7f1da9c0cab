"""Records of runs: what they refuse, that they survive, and that the committed schema is theirs."""

import json
import math
import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from harness.record import SCHEMA_PATH, RunRecord, json_schema, read_record, write_record
from zoo.errors import ZooError


def content(**changes) -> dict:
    """A made-up completed run."""
    return {
        "status": "completed",
        "model": {
            "name": "some_model",
            "space": "lattice",
            "version": "1",
            "distribution": "backflow-zoo",
            "config": {"hidden": 64, "widths": [1, 2], "scale": 0.5},
            "parameters": 1234,
        },
        "system": {
            "name": "some_system",
            "family": "hubbard",
            "parameters": {"u": 4.0},
            "n_up": 1,
            "n_down": 1,
            "sha256": "a" * 64,
        },
        "protocol": {"name": "open", "version": "1"},
        "energy": {
            "mean": -1.9,
            "stderr": 0.01,
            "per_particle": -0.475,
            "draws": 200,
            "walkers": 64,
            "ess": 5000.0,
            "tau": 2.5,
            "rhat": 1.001,
            "acceptance": 0.5,
            "drift_z": 0.3,
        },
        "variance": 0.1,
        "v_score": 0.02,
        "observables": {"double_occupancy": {"mean": 0.1, "stderr": 0.001}},
        "reference": {"energy": -2.0, "uncertainty": 1e-10, "kind": "exact", "citation": "test"},
        "error": {"absolute": 0.1, "relative": 0.05, "correlation_recovered": 0.9},
        "compute": {
            "backend": "tensorflow",
            "device": "cpu",
            "precision": "float64",
            "train_steps": 10,
            "train_seconds": 1.0,
            "evaluate_seconds": 1.0,
            "seconds_per_step": 0.1,
            "peak_memory_bytes": 1000,
        },
        "provenance": {
            "zoo_version": "0",
            "git_commit": None,
            "dirty": None,
            "python": "3.11",
            "keras": "3",
            "tensorflow": "2",
            "jax": None,
            "command": "zoo run",
            "config_sha256": "b" * 64,
            "seed": 1,
            "started_utc": "2025-01-01T00:00:00Z",
        },
        "events": [{"step": 3, "kind": "step_halved", "message": "the energy rose"}],
        "artifacts": [{"path": "checkpoints/1.weights.h5", "sha256": "c" * 64, "bytes": 10}],
        **changes,
    }


def changed(path: str, value) -> dict:
    """`content` with one value replaced, such as ``changed("energy.mean", 1.0)``."""
    data = content()
    *parents, name = path.split(".")
    target = data
    for parent in parents:
        target = target[parent]
    target[name] = value
    return data


def test_record_round_trips_exactly(tmp_path):
    record = RunRecord(**changed("energy.mean", -1.9 - 2**-52))
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json") == record
    assert read_record(tmp_path / "record.json").to_json() == record.to_json()


def test_tuples_of_a_configuration_read_back_equal(tmp_path):
    record = RunRecord(**changed("model.config", {"extent": (4, 4)}))
    write_record(tmp_path / "record.json", record)
    assert read_record(tmp_path / "record.json") == record


def test_running_record_knows_no_energy_yet():
    unknown = dict.fromkeys(("energy", "variance", "v_score", "reference", "error"))
    record = RunRecord(**content(status="running", **unknown))
    assert record.energy is None
    with pytest.raises(ValidationError, match="without energy and variance"):
        record.updated(status="completed")
    done = record.updated(status="failed", message="out of memory")
    assert (done.status, done.message, record.status) == ("failed", "out of memory", "running")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("energy.mean", math.nan),
        ("variance", math.inf),
        ("energy.drift_z", -math.inf),
        ("model.config", {"layers": [{"scale": math.nan}]}),
        ("system.parameters", {"u": math.inf}),
        ("observables", {"double_occupancy": {"mean": math.nan, "stderr": 0.0}}),
        ("surprise", 1),
        ("energy.surprise", 1),
        ("provenance.surprise", 1),
        ("status", "finished"),
        ("schema_version", 2),
        ("model.space", "momentum"),
        ("energy.stderr", -1.0),
        ("energy.acceptance", 1.5),
        ("energy.mean", "-1.9"),
        ("system.sha256", "a" * 63),
        ("provenance.config_sha256", "B" * 64),
        ("provenance.git_commit", "abc"),
        ("provenance.started_utc", "yesterday"),
        ("artifacts", [{"path": "/etc/passwd", "sha256": "c" * 64, "bytes": 1}]),
        ("artifacts", [{"path": "a/../../b", "sha256": "c" * 64, "bytes": 1}]),
        ("energy", None),
        ("reference", None),
        ("model.config", {"layer": object()}),
    ],
)
def test_records_refuse(path, value):
    with pytest.raises(ValidationError):
        RunRecord(**changed(path, value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not a JSON record"),
        ('{"schema_version": 1, "variance": NaN}', "NaN is not a finite number"),
        ("[]", "schema_version=None: expected 1"),
        (json.dumps({**content(), "schema_version": 2}), "schema_version=2: expected 1"),
        (json.dumps({**content(), "schema_version": 1, "surprise": 1}), "surprise: Extra inputs"),
        (json.dumps({**changed("energy.surprise", 1), "schema_version": 1}), "energy.surprise: Extra inputs"),
        (json.dumps({**content(), "schema_version": 1}).replace("-1.9", "1e999"), "energy.mean: "),
    ],
)
def test_unreadable_files_are_one_line_errors(tmp_path, text, expected):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(ZooError) as caught:
        read_record(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message


def test_missing_file_is_a_one_line_error(tmp_path):
    with pytest.raises(ZooError, match=r"record\.json: No such file"):
        read_record(tmp_path / "record.json")


def test_failed_write_keeps_the_old_record(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    old = RunRecord(**content())
    write_record(path, old)

    def killed(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(OSError, match="no space left"):
        write_record(path, old.updated(status="failed"))
    assert read_record(path) == old
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_committed_schema_is_current():
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == json_schema()


def test_schema_forbids_extra_keys_everywhere():
    schema = json_schema()
    objects = [schema, *schema["$defs"].values()]
    assert all(part["additionalProperties"] is False for part in objects)


def test_importing_records_loads_no_backend():
    code = (
        "import sys, harness.record, harness.format;"
        "print([m for m in ('keras', 'tensorflow', 'jax') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
