"""Runs whose folder is damaged, full or out of reach: named, and nothing that was good is lost."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import checkpoint, files, runs, training_log
from harness.config import RunConfig, compose
from harness.execution import Run
from harness.interruption import Interrupted
from harness.record import read_record
from zoo.cli import main
from zoo.errors import Failure, ZooError

KEYS = (
    "model=slater_jastrow system=hubbard system.lattice=chain system.extent=[4] system.boundary=A system.n_up=2 "
    "system.n_down=2 train.steps=8 train.walkers=16 train.read_every=2 train.checkpoint_every=0 evaluate.walkers=16 "
    f"evaluate.draws=10 evaluate.equilibration=2 seed=3 backend={keras.config.backend()}"
).split()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A completed run."""
    folder = tmp_path_factory.mktemp("whole") / "a run, ü"
    runs.start_or_resume(folder, compose(KEYS), "zoo run ...")
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """The same, stopped after 6 of its 8 steps, with the checkpoints of 4 and 6."""
    folder = tmp_path_factory.mktemp("stopped") / "a run, ü"
    save = Run.save_checkpoint

    def save_and_stop(run, best=False):
        save(run, best)
        if run.vmc.current_step == 6:
            raise Interrupted("stopped by SIGINT")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_checkpoint", save_and_stop)
        runs.start_or_resume(folder, compose(KEYS), "zoo run ...")
    assert read_record(folder / "record.json").status == "interrupted"
    return folder


@pytest.fixture
def run(stopped, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def assert_same_end(folder: Path, other: Path) -> None:
    states = [checkpoint.load(checkpoint.of_run(f, RunConfig.read(f).sha256))[1] for f in (folder, other)]
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name], err_msg=name)
    np.testing.assert_array_equal(*(np.load(f / "blocks.npz")["energies"] for f in (folder, other)))
    assert read_record(folder / "record.json").energy == read_record(other / "record.json").energy


# Damaged files -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_flipped_byte_costs_the_steps_since_the_checkpoint_before(run, finished):
    damaged = run / "checkpoints/step-000006.npz"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    record = runs.resume(run)
    (event,) = [event for event in record.events if event.kind == "checkpoint_skipped"]
    assert event.step == 4
    assert event.message.startswith(f"{damaged}: damaged")
    assert_same_end(run, finished)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def of_another_step(path: Path) -> None:
    path.write_bytes(path.with_name("step-000004.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("step-000006.npz", cut_short, "step-000006.npz: damaged"),
        ("step-000006.json", of_another_step, "step-000006.json: is the manifest of step 4: expected that of step 6"),
        ("step-000006.json", cut_short, "step-000006.json: not a readable manifest"),
        ("step-000006.weights.h5", os.unlink, "step-000006.weights.h5: No such file"),
    ],
)
def test_the_older_checkpoint_is_taken_and_nothing_overwritten(run, name, damage, message):
    damage(run / "checkpoints" / name)
    before = content_of(run)
    saved = checkpoint.of_run(run, RunConfig.read(run).sha256)
    assert saved.step == 4 and message in saved.skipped[0]
    assert content_of(run) == before


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def swap_configuration(run: Path) -> None:
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("steps: 8", "steps: 9").replace("u: 4.0", "u: 5.0"))


def spoil_log(run: Path) -> None:
    lines = (run / "train.jsonl").read_text().splitlines(keepends=True)
    (run / "train.jsonl").write_text("".join([*lines[:2], "\0" * 40 + "\n", *lines[3:]]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: edit(run / "record.json", lambda r: r.update(schema_version=0)), "schema_version=0: expected 1"),
        (lambda run: edit(run / "record.json", lambda r: r.pop("model")), "record.json: model: Field required"),
        (lambda run: cut_short(run / "record.json"), "record.json: not a JSON record"),
        (lambda run: (run / "config.yaml").write_text("model: [\n"), "config.yaml: not readable as YAML"),
        (swap_configuration, "config.yaml was changed since the run began: expected system.u=4.0, train.steps=8"),
        (spoil_log, "train.jsonl: line 3 is damaged: expected a whole row for each step up to 6"),
        (lambda run: (run / "train.jsonl").unlink(), "train.jsonl: line 1 is damaged"),
    ],
)
def test_what_cannot_be_mended_is_named_and_left_alone(run, damage, message, capsys):
    damage(run)
    before = content_of(run)
    assert main(["run", "--resume", str(run)]) == 2
    printed = capsys.readouterr().err
    assert message in printed and str(run) in printed and "Traceback" not in printed
    changed = {path.name for path, content in content_of(run).items() if before.get(path) != content}
    told = {"record.json", ".reserve"} if "train.jsonl" in message else set()  # found when the run goes on: it failed
    assert changed <= told


def test_a_run_of_another_configuration_in_the_folder_is_refused(run):
    before = content_of(run)
    with pytest.raises(ZooError, match=r"the run there has system\.u=4\.0, seed=3: expected the same, or another"):
        runs.start_or_resume(run, compose([*KEYS[:-2], "seed=4", KEYS[-1], "system.u=2"]), "zoo run")
    assert content_of(run) == before


def test_the_end_of_a_log_that_a_power_cut_spoiled_is_made_again(tmp_path):
    row = {"energy": -1.0, "stderr": 0.1, "variance": 0.2, "acceptance": 0.5, "seconds": 1.0}
    good = [json.dumps({"step": step, **row}) for step in (1, 2, 3)]
    for spoiled in ("\0\0\0\n", '{"step": 4, "ener', '{"step": 4}\n', "[4]\n", "null\n", "é\n", "[" * 100_000 + "\n"):
        path = tmp_path / "train.jsonl"
        path.write_bytes("\n".join([*good, spoiled]).encode("latin-1"))
        training_log.cut(path, 2)
        assert [entry["step"] for entry in training_log.read_rows(path)] == [1, 2]


# Disks ---------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path, *options: str):
    """A file system of its own in memory."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(["size=72M", *options]), "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


@pytest.mark.slow
def test_a_disk_that_is_full_in_mid_run(tmp_path, finished, monkeypatch):
    """A real one: everything up to the last byte is taken after the second checkpoint."""
    with small_disk(tmp_path / "a disk, ö") as disk:
        ballast, save = disk / "ballast", Run.save_checkpoint

        def save_and_fill(run, best=False):
            save(run, best)
            if run.vmc.current_step == 4:
                fill(ballast)

        monkeypatch.setattr(Run, "save_checkpoint", save_and_fill)
        with pytest.raises(Failure, match=r"No space left on device; step 4 is still there to resume from") as failure:
            runs.start_or_resume(disk / "run", compose(KEYS), "zoo run")
        assert "\n" not in str(failure.value) and str(disk / "run") in str(failure.value)
        record = read_record(disk / "run/record.json")
        assert (record.status, record.message) == ("failed", str(failure.value))
        assert checkpoint.of_run(disk / "run", RunConfig.read(disk / "run").sha256).step == 4
        ballast.unlink()
        monkeypatch.undo()
        assert runs.resume(disk / "run").status == "completed"
        assert_same_end(disk / "run", finished)
        assert not (disk / "run/.reserve").exists()


def failing_call(plain, number: int):
    """The function, but from its ``number``-th call on there is no space left."""
    calls = []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
        return plain(*arguments, **options)

    return failing


def test_no_space_for_anything_is_one_line_and_exit_code_1(run, monkeypatch, capsys):
    """Not even for the record, which stays as it was."""
    monkeypatch.setattr(files, "replace", failing_call(files.replace, 4))
    assert main(["run", "--resume", str(run)]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("zoo: ")]
    assert len(said) == 1
    assert said[0].endswith("No space left on device; step 6 is still there to resume from")
    assert read_record(run / "record.json").status == "running"


def test_a_disk_that_can_only_be_read(stopped, tmp_path, capsys):
    with small_disk(tmp_path / "disk") as disk:
        shutil.copytree(stopped, disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for arguments in (["--resume", str(disk / "run")], [*KEYS, f"out={disk}"], ["--folder", f"{disk}/x", *KEYS]):
            assert main(["run", *arguments]) == 2
            assert "cannot write there: Read-only file system" in capsys.readouterr().err


def test_folders_that_are_missing(tmp_path, capsys):
    for arguments in (["run", "--resume"], ["evaluate"]):
        assert main([*arguments, str(tmp_path / "gone, ß")]) == 2
        assert "gone, ß: expected the folder of a run" in capsys.readouterr().err
