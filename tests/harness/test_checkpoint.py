"""A checkpoint can be resumed from whatever happened to the one after it."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness import checkpoint, files
from zoo.errors import ZooError

CONFIG = "c0" * 32
REPOSITORY = Path(__file__).parents[2]


def state(step):
    return {"walkers": np.full((50, 6, 2), float(step)), "optimizer/phi": np.arange(step, step + 1000), "width": 0.5}


def save(folder, step, **options):
    weights = b"weights of step %d" % step * 100
    return checkpoint.save(folder, step, state(step), lambda p: Path(p).write_bytes(weights), CONFIG, **options)


def assert_good(found, step):
    """State and weights are those of this one step."""
    loaded, arrays = checkpoint.load(found)
    assert loaded == found.step == step
    assert set(arrays) == {"walkers", "optimizer/phi", "width"}
    np.testing.assert_array_equal(arrays["walkers"], np.full((50, 6, 2), float(step)))
    np.testing.assert_array_equal(arrays["optimizer/phi"], np.arange(step, step + 1000))
    assert found.weights.read_bytes() == b"weights of step %d" % step * 100


def steps(folder):
    return sorted(int(p.stem.split("-")[1]) for p in folder.glob("*.json"))


@pytest.mark.parametrize("name", ["checkpoints", "with a space", "żółw ünï 波動"])
def test_what_is_saved_is_loaded(tmp_path, name):
    folder = tmp_path / name / "checkpoints"
    assert checkpoint.latest(folder, CONFIG) is None
    save(folder, 0)
    save(folder, 123)
    found = checkpoint.latest(folder, CONFIG)
    assert_good(found, 123)
    assert found.skipped == ()
    assert found.state.name == "step-000123.npz"
    assert found.weights.name == "step-000123.weights.h5"
    assert len(list(folder.iterdir())) == 6


@pytest.mark.parametrize(
    "array",
    [
        np.array([0.1, -0.0, np.nan, np.inf]),
        np.float32(1.5),
        np.zeros((0, 3), np.int8),
        np.array([True, False]),
        np.array([1, 2], np.uint32),
        np.array(["spring"]),
        np.arange(6.0).reshape(2, 3).T,
        np.array([1 + 2j]),
    ],
)
@pytest.mark.parametrize("name", ["x", "file", "allow_pickle", "a/b c/ψ"])
def test_every_array_comes_back_to_the_bit(tmp_path, name, array):
    checkpoint.save(tmp_path, 1, {name: array}, lambda p: Path(p).touch(), CONFIG)
    _, loaded = checkpoint.load(checkpoint.latest(tmp_path, CONFIG))
    assert loaded[name].dtype == np.asarray(array).dtype
    assert loaded[name].shape == np.shape(array)
    assert loaded[name].tobytes() == np.asarray(array).tobytes()


def test_the_same_state_gives_the_same_bytes(tmp_path):
    first, second = save(tmp_path / "a", 5), save(tmp_path / "b", 5)
    assert first.state.read_bytes() == second.state.read_bytes()


@pytest.mark.parametrize("array", [np.array([{}]), np.zeros(2, dtype=[("a", "f8")]), np.zeros(2, "V2")])
def test_a_state_that_would_need_pickle_is_refused(tmp_path, array):
    with pytest.raises(ZooError, match="'memory' is of type"):
        checkpoint.save(tmp_path, 1, {"memory": array}, lambda p: None, CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_the_last_two_and_the_best_are_kept(tmp_path):
    for step in (10, 20, 30, 40):
        save(tmp_path, step, best=step == 20)
    assert steps(tmp_path) == [20, 30, 40]
    assert len(list(tmp_path.iterdir())) == 9
    assert_good(checkpoint.best(tmp_path, CONFIG), 20)
    assert_good(checkpoint.latest(tmp_path, CONFIG), 40)
    save(tmp_path, 50, best=True)
    assert steps(tmp_path) == [40, 50]
    assert_good(checkpoint.best(tmp_path, CONFIG), 50)


def test_without_a_best_there_is_none(tmp_path):
    save(tmp_path, 1)
    assert checkpoint.best(tmp_path, CONFIG) is None


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip, empty, os.unlink])
@pytest.mark.parametrize("ending", [".npz", ".weights.h5"])
def test_a_damaged_file_is_skipped_and_named(tmp_path, damage, ending):
    save(tmp_path, 10)
    save(tmp_path, 20)
    damage(tmp_path / f"step-000020{ending}")
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    found = checkpoint.latest(tmp_path, CONFIG)
    assert_good(found, 10)
    (message,) = found.skipped
    assert f"step-000020{ending}" in message and "\n" not in message
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_no_flipped_bit_of_a_manifest_gives_a_wrong_state(tmp_path):
    save(tmp_path, 10)
    save(tmp_path, 20)
    manifest = tmp_path / "step-000020.json"
    intact = manifest.read_bytes()
    skipped = 0
    for position in range(len(intact)):
        content = bytearray(intact)
        content[position] ^= 1 << position % 7
        manifest.write_bytes(content)
        found = checkpoint.latest(tmp_path, CONFIG)
        assert_good(found, found.step)
        assert found.step == (10 if found.skipped else 20)
        skipped += len(found.skipped)
    assert skipped > 0.8 * len(intact)  # the rest is white space


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"step": 20}', "\0" * 300])
def test_a_manifest_that_is_none_is_skipped(tmp_path, text):
    save(tmp_path, 10)
    save(tmp_path, 20)
    (tmp_path / "step-000020.json").write_text(text)
    found = checkpoint.latest(tmp_path, CONFIG)
    assert_good(found, 10)
    assert "step-000020.json: not a readable manifest" in found.skipped[0]


def test_the_manifest_of_another_step_is_skipped(tmp_path):
    save(tmp_path, 10)
    save(tmp_path, 20)
    (tmp_path / "step-000020.json").write_bytes((tmp_path / "step-000010.json").read_bytes())
    found = checkpoint.latest(tmp_path, CONFIG)
    assert_good(found, 10)
    assert "manifest of step 10" in found.skipped[0]


def test_a_manifest_cannot_name_files_elsewhere(tmp_path):
    save(tmp_path / "run", 10)
    manifest = tmp_path / "run" / "step-000010.json"
    content = json.loads(manifest.read_text())
    content["files"]["../secret.npz"] = content["files"].pop("step-000010.npz")
    manifest.write_text(json.dumps(content))
    with pytest.raises(ZooError, match="expected that of step 10 and its two files"):
        checkpoint.latest(tmp_path / "run", CONFIG)


def test_when_all_are_damaged_it_says_so_instead_of_starting_afresh(tmp_path):
    save(tmp_path, 10)
    save(tmp_path, 20)
    flip(tmp_path / "step-000010.npz")
    truncate(tmp_path / "step-000020.weights.h5")
    with pytest.raises(ZooError, match=r"no intact checkpoint: .*step-000020\.weights\.h5.*; .*step-000010\.npz"):
        checkpoint.latest(tmp_path, CONFIG)


def test_a_damaged_checkpoint_does_not_push_out_a_good_one(tmp_path):
    save(tmp_path, 10)
    save(tmp_path, 20)
    flip(tmp_path / "step-000020.npz")
    save(tmp_path, 15)  # resumed from 10
    assert steps(tmp_path) == [10, 15]
    flip(tmp_path / "step-000015.npz")
    assert_good(checkpoint.latest(tmp_path, CONFIG), 10)


def test_a_step_saved_twice_never_overwrites(tmp_path):
    first = save(tmp_path, 10)
    inode = first.state.stat().st_ino
    second = save(tmp_path, 10)
    assert first.state.stat().st_ino == inode
    third = save(tmp_path, 10)
    assert len({first.state, second.state, third.state}) == 3
    assert steps(tmp_path) == [10, 10]
    found = checkpoint.latest(tmp_path, CONFIG)
    assert found.state == third.state
    assert_good(found, 10)
    truncate(third.state)
    assert checkpoint.latest(tmp_path, CONFIG).state == second.state


def test_another_configuration_is_refused_and_nothing_lost(tmp_path):
    save(tmp_path, 10)
    other = "d1" * 32
    with pytest.raises(ZooError, match="belongs to configuration c0c0c0c0c0c0: expected d1d1d1d1d1d1"):
        checkpoint.latest(tmp_path, other)
    with pytest.raises(ZooError, match="belongs to configuration c0c0c0c0c0c0: expected d1d1d1d1d1d1"):
        checkpoint.save(tmp_path, 20, state(20), lambda p: Path(p).touch(), other)
    assert_good(checkpoint.latest(tmp_path, CONFIG), 10)


def test_only_our_own_leftovers_are_removed(tmp_path):
    save(tmp_path, 10)
    ours = ["step-000020.tmp.weights.h5", "step-000020.tmp.npz", "step-000020.tmp.json", "step-000020.npz"]
    theirs = ["notes.tmp", "step-final.npz", "step-000010.npz.bak", "my.tmp.weights.h5", "step-000020.tmp.csv"]
    for name in ours + theirs:
        (tmp_path / name).write_text("half")
    assert_good(checkpoint.latest(tmp_path, CONFIG), 10)
    assert (tmp_path / ours[0]).exists()  # looking changes nothing
    save(tmp_path, 30)
    assert not any((tmp_path / name).exists() for name in ours)
    assert all((tmp_path / name).read_text() == "half" for name in theirs)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the code under test may run on."""


@pytest.mark.parametrize("call", ["replace", "fsync", "unlink"])
@pytest.mark.parametrize("after", [False, True])
def test_death_at_any_system_call_leaves_a_good_state(tmp_path, monkeypatch, call, after):
    original = getattr(os, call) if call != "unlink" else Path.unlink
    owner = os if call != "unlink" else Path
    deaths = 0
    for fatal in range(1, 12):
        folder = tmp_path / str(fatal)
        for step in (10, 20):
            save(folder, step)
        count = 0

        def dying(*arguments, fatal=fatal, **options):
            nonlocal count
            count += 1
            if count == fatal and not after:
                raise Killed
            original(*arguments, **options)
            if count == fatal:
                raise Killed

        monkeypatch.setattr(owner, call, dying)
        try:
            save(folder, 30)
        except Killed:
            deaths += 1
        monkeypatch.setattr(owner, call, original)
        found = checkpoint.latest(folder, CONFIG)
        assert found.skipped == () and found.step in (20, 30)
        assert_good(found, found.step)
        save(folder, 40)
        assert_good(checkpoint.latest(folder, CONFIG), 40)
        assert len(list(folder.iterdir())) == 6
    assert deaths >= 3


def test_death_in_the_middle_of_the_manifest_leaves_no_trace_of_it(tmp_path, monkeypatch):
    save(tmp_path, 10)

    def dying(path, text, encoding):
        path.write_bytes(text.encode(encoding)[:100])
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", dying)
        with pytest.raises(Killed):
            save(tmp_path, 20)
    found = checkpoint.latest(tmp_path, CONFIG)
    assert found.skipped == ()
    assert_good(found, 10)


SAVING = """
import sys
from pathlib import Path
import numpy as np
from harness import checkpoint
step = int(sys.argv[2])
while True:
    step += 1
    state = {"walkers": np.full((50, 6, 2), float(step)), "optimizer/phi": np.arange(step, step + 1000), "width": 0.5}
    weights = b"weights of step %d" % step * 100
    checkpoint.save(sys.argv[1], step, state, lambda p: Path(p).write_bytes(weights), "c0" * 32)
    print(step, flush=True)
"""


def test_a_killed_process_loses_no_finished_checkpoint(tmp_path):
    moments, step = random.Random(41), 0
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING, str(tmp_path), str(step)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        assert process.stdout.readline()
        time.sleep(moments.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        finished = [int(line) for line in process.communicate()[0].split()]
        found = checkpoint.latest(tmp_path, CONFIG)
        assert found.skipped == ()
        assert_good(found, found.step)
        assert found.step >= max(finished, default=step + 1)
        step = found.step


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("fatal", range(1, 7))
def test_a_failing_disk_is_reported_and_the_last_good_state_stays(tmp_path, monkeypatch, number, fatal):
    save(tmp_path, 10)
    count, original = 0, os.fsync

    def failing(descriptor):
        nonlocal count
        count += 1
        if count == fatal:
            raise OSError(number, os.strerror(number))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ZooError) as caught:
        save(tmp_path, 20)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert f"cannot save step 20: {os.strerror(number)}; step " in str(caught.value)
    found = checkpoint.latest(tmp_path, CONFIG)
    assert_good(found, found.step)
    assert f"step {found.step} is still there" in str(caught.value)


def test_a_failing_first_save_says_that_there_is_nothing_to_resume_from(tmp_path):
    def full(path):
        Path(path).write_bytes(b"half")
        raise OSError("Can't write data (errno = 28, error message = 'No space left on device', buf = 0x55)")

    with pytest.raises(ZooError, match=r"weights\.h5: cannot save step 7: No space left on device; no checkpoint is"):
        checkpoint.save(tmp_path, 7, state(7), full, CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_noticed_before_the_weights_are_written(tmp_path, monkeypatch):
    save(tmp_path, 10)
    usage = files.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(ZooError, match="No space left on device; step 10 is still there"):
        checkpoint.save(tmp_path, 20, state(20), lambda p: pytest.fail("HDF5 was called"), CONFIG)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_bug_in_saving_the_weights_is_not_mistaken_for_a_disk(tmp_path):
    def broken(path):
        raise RuntimeError("a layer without weights")

    with pytest.raises(RuntimeError, match="a layer without weights"):
        checkpoint.save(tmp_path, 7, state(7), broken, CONFIG)


def test_a_read_only_folder_is_reported(tmp_path):
    save(tmp_path / "run", 10)
    (tmp_path / "run").chmod(0o555)
    if os.access(tmp_path / "run", os.W_OK):
        pytest.skip("the superuser may write anywhere")
    with pytest.raises(ZooError, match="cannot save step 20: Permission denied; step 10 is still there"):
        save(tmp_path / "run", 20)
    with pytest.raises(ZooError, match="cannot write there: Permission denied"):
        files.check_writable(tmp_path / "run")
    (tmp_path / "run").chmod(0o755)


def test_check_writable_creates_the_folder_and_leaves_it_empty(tmp_path):
    folder = tmp_path / "a b" / "ü"
    files.check_writable(folder, 1000)
    assert list(folder.iterdir()) == []


def test_check_writable_says_why_not(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="file: cannot write there: File exists"):
        files.check_writable(tmp_path / "file")
    with pytest.raises(ZooError, match="run: cannot write there: Not a directory"):
        files.check_writable(tmp_path / "file" / "run")
    with pytest.raises(ZooError, match=r"[\d,]+ MB free, expected at least 1,000,000,000,000 MB"):
        files.check_writable(tmp_path, 10**18)

    def read_only(path, content):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "write_bytes", read_only)
    with pytest.raises(ZooError, match="cannot write there: Read-only file system"):
        files.check_writable(tmp_path)


def test_a_checkpoint_that_vanished_after_it_was_found_is_an_error(tmp_path):
    save(tmp_path, 10)
    found = checkpoint.latest(tmp_path, CONFIG)
    found.state.unlink()
    with pytest.raises(ZooError, match=r"step-000010\.npz: cannot be read"):
        checkpoint.load(found)
