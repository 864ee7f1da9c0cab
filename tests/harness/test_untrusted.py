"""Files from strangers are data: what they would execute, unpack or overwrite does not happen."""

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from harness import checkpoint, untrusted
from harness.config import RunConfig, compose
from harness.record import Artifact, read_record
from harness.sweep import Sweep
from zoo.cli import main
from zoo.errors import ZooError


@pytest.fixture
def trap(tmp_path):
    """A Python object that leaves a file when it is unpickled, and the file."""
    sprung = tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(sprung),)

    return Trap(), sprung


def npy(array, **options) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, **options)
    return content.getvalue()


def zipped(path, compression=zipfile.ZIP_STORED, **contents):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_arrays_of_objects_are_not_unpickled(tmp_path, trap):
    content = npy(np.array([trap[0]], dtype=object), allow_pickle=True)
    with pytest.raises(ZooError, match=r"state\.npz: cannot be read: x\.npy holds Python objects: expected numbers"):
        untrusted.read_arrays(zipped(tmp_path / "state.npz", x=content))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(trap[0]))
    with pytest.raises(ZooError, match=r"bare\.npz: cannot be read"):
        untrusted.read_arrays(tmp_path / "bare.npz")
    assert not trap[1].exists()


def test_nothing_unpacks_to_more_than_the_file(tmp_path):
    zeros = npy(np.zeros(10**6))
    bomb = zipped(tmp_path / "bomb.npz", zipfile.ZIP_DEFLATED, x=zeros)
    assert bomb.stat().st_size < len(zeros) / 100
    with pytest.raises(ZooError, match=r"x\.npy is compressed"):
        untrusted.read_arrays(bomb)
    claim = npy(np.zeros(3)).replace(b"(3,)", b"(9999999999999,)").replace(b" " * 13, b"", 1)
    with pytest.raises(ZooError, match=r"not of the size that its shape|cannot be read"):
        untrusted.read_arrays(zipped(tmp_path / "claim.npz", x=claim))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00\x05\x00__im", b"no array"])
def test_arrays_that_are_none(tmp_path, content):
    with pytest.raises(ZooError, match="cannot be read"):
        untrusted.read_arrays(zipped(tmp_path / "a.npz", x=content))


def test_a_checkpoint_is_read_that_way(tmp_path, trap):
    """Its hashes are those of its files: a stranger can compute them too."""
    config = "c0" * 32
    saved = checkpoint.save(tmp_path / "run", 1, {"x": np.zeros(2)}, lambda path: open(path, "w").close(), config)
    zipped(saved.state, x=npy(np.array([trap[0]], dtype=object), allow_pickle=True))
    manifest = saved.state.with_suffix(".json")
    content = json.loads(manifest.read_text())
    content["files"][saved.state.name] = checkpoint.files.fingerprint(saved.state)
    manifest.write_text(json.dumps(content))
    with pytest.raises(ZooError, match="holds Python objects"):
        checkpoint.load(checkpoint.latest(tmp_path / "run", config))
    assert not trap[1].exists()


ALIASES = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "model: !!python/object/apply:os.mkdir [SPRUNG]",
        "model: !!python/name:os.system",
        ALIASES,
        "[" * 100_000,
        "model: {name: [" + "{a: " * 5000,
        "x: " + "y" * untrusted.MOST_YAML,
        "\udcff",
        "- a list",
    ],
    ids=["object", "name", "aliases", "depth", "deep mappings", "size", "no UTF-8", "list"],
)
def test_configurations_are_plain_yaml(tmp_path, text):
    sprung = tmp_path / "sprung"
    content = text.replace("SPRUNG", str(sprung)).encode("utf-8", "surrogateescape")
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ZooError, match=r"config\.yaml: ") as refusal:
        RunConfig.read(tmp_path)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 1000
    assert not sprung.exists()


def test_hydra_makes_nothing_of_a_configuration(tmp_path, monkeypatch):
    """``_target_`` is a key that nothing has, and ``${...}`` is text."""
    monkeypatch.setenv("SECRET", "He 0 0 0")
    values = compose(["model=sj", "system=molecule", "system.atoms=H 0 0 0"]).to_dict()
    (tmp_path / "config.yaml").write_text(json.dumps({**values, "model": {"_target_": "os.mkdir", "path": "x"}}))
    with pytest.raises(ZooError, match=r"model=NAME is missing|unknown key"):
        RunConfig.read(tmp_path)
    values["system"]["atoms"] = "${oc.env:SECRET}"
    (tmp_path / "config.yaml").write_text(json.dumps(values))
    with pytest.raises(ZooError, match=r"oc\.env") as refusal:
        RunConfig.read(tmp_path)
    assert "He 0 0 0" not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, " " * (untrusted.MOST_TEXT + 1)], ids=len
)
def test_records_and_sweeps_of_any_depth_and_size_are_refused(tmp_path, text):
    for name, read in (("record.json", read_record), ("sweep.json", lambda path: Sweep.read(path.parent))):
        (tmp_path / name).write_text(text)
        with pytest.raises(ZooError, match=name) as refusal:
            read(tmp_path / name)
        assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "..\\x"])
def test_no_artifact_lies_outside_of_the_run(path):
    with pytest.raises(ValueError, match=r"relative to the run's folder|at least 1"):
        Artifact(path=path, sha256="0" * 64, bytes=1)


def test_a_stranger_s_run_can_be_neither_resumed_nor_taken_over(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("model: !!python/name:os.system")
    for arguments in (["run", "--resume", str(tmp_path)], ["evaluate", str(tmp_path)],
                      ["run", "model=sj", "system=helium", f"init_from={tmp_path}", f"out={tmp_path}"]):  # fmt: skip
        assert main(arguments) == 2
        assert "config.yaml: not readable as YAML" in capsys.readouterr().err
