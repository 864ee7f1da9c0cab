"""A run that is killed at any moment goes on, and ends in the bits of one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import checkpoint
from harness.config import RunConfig, compose
from harness.record import read_record

ROOT = Path(__file__).parents[2]
RUN = (
    "model=slater_jastrow system=hubbard system.lattice=chain system.extent=[4] system.boundary=A system.n_up=2 "
    "system.n_down=2 train.walkers=16 train.read_every=2 train.checkpoint_every=0 evaluate.walkers=16 "
    f"evaluate.draws=60 evaluate.equilibration=3 seed=5 backend={keras.config.backend()}"
).split()
PATIENCE = 300  # seconds, on a machine that is busy with other work
SLEEP = 0.001


class Zoo:
    """Commands as real processes, of which each starts where Keras has been imported."""

    def __init__(self, folder: Path):
        self.log = folder / "log"
        self.server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py")), keras.config.backend()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.server.stdout.readline() == "ready\n"

    def _ask(self, **request) -> int:
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def start(self, *arguments) -> int:
        """The number of a process that does ``zoo ARGUMENTS``."""
        self.log.unlink(missing_ok=True)
        return self._ask(arguments=[str(argument) for argument in arguments], log=str(self.log))

    def end(self, process: int, number: int | None = None) -> int:
        """Send a signal, if any, and wait for the exit code."""
        if number is not None:
            os.kill(process, number)
        return self._ask(wait=process)

    def run(self, *arguments) -> tuple[int, str]:
        """Exit code of a command, and what it printed."""
        code = self.end(self.start(*arguments))
        return code, self.log.read_text()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    zoo = Zoo(tmp_path_factory.mktemp("zoo"))
    yield zoo
    zoo.server.stdin.close()
    zoo.server.wait(PATIENCE)


def rows(folder: Path) -> list[dict]:
    """The training log without the times, which no two runs share."""
    lines = (folder / "train.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "cpu_seconds")} for line in lines]


def assert_same_end(folder: Path, other: Path) -> None:
    """Every energy of the training and of the measurement, and the whole final state, to the bit."""
    states = []
    for each in (folder, other):
        saved = checkpoint.latest(each / "checkpoints", RunConfig.read(each).sha256)
        assert saved.skipped == ()
        states.append(checkpoint.load(saved)[1])
    assert rows(folder) == rows(other)
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name], err_msg=name)
    np.testing.assert_array_equal(*(np.load(each / "blocks.npz")["energies"] for each in (folder, other)))
    one, two = read_record(folder / "record.json"), read_record(other / "record.json")
    assert (one.status, one.energy, one.events) == ("completed", two.energy, two.events)


# Moments -------------------------------------------------------------------------------------------------------------


def saved_steps(folder: Path) -> set[str]:
    return {path.name for path in (folder / "checkpoints").glob("*.json") if ".tmp." not in path.name}


def unfinished(folder: Path) -> list[str]:
    """What a checkpoint that is being written has on the disk."""
    return [path.name for path in (folder / "checkpoints").glob("*.tmp.*")]


def wait_until(condition, process: int) -> None:
    """Until something is so, or the process has ended, which a zombie has."""
    until = time.monotonic() + PATIENCE
    while not condition():
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        assert state != "Z", "the process ended before its moment came"
        assert time.monotonic() < until, "the moment never came"
        time.sleep(SLEEP)


def wait_for_moment(kind: str, folder: Path, process: int, steps: int, chance: random.Random) -> None:
    before = saved_steps(folder)
    if kind == "starting":
        time.sleep(chance.uniform(0, 3))
        return
    if kind == "measuring":
        wait_until(lambda: f"step-{steps:06d}.json" in saved_steps(folder), process)
        time.sleep(chance.uniform(0, 2))
        return
    wait_until(lambda: len(saved_steps(folder) - before) > 0, process)
    time.sleep(chance.uniform(0, 0.05))
    if kind == "writing":
        wait_until(lambda: unfinished(folder), process)


def disturb(zoo: Zoo, folder: Path, steps: int, moments: list[tuple[str, int]], seed: int) -> int:
    """A run that at each of the moments gets a signal, and is resumed.

    Returns:
        How many signals met a checkpoint half written.
    """
    chance, met = random.Random(seed), 0
    arguments = ["--folder", folder, *RUN, f"train.steps={steps}"]
    for kind, number in moments:
        process = zoo.start("run", *arguments)
        wait_for_moment(kind, folder, process, steps, chance)
        code = zoo.end(process, number)
        met += bool(unfinished(folder))
        if number == signal.SIGKILL:
            assert code == -signal.SIGKILL, zoo.log.read_text()
            assert not (folder / "record.json").exists() or read_record(folder / "record.json").status == "running"
        else:
            assert code == 128 + number, zoo.log.read_text()
            assert_stopped(folder, number)
        if (folder / "config.yaml").exists():
            arguments = ["--resume", folder]
    code, printed = zoo.run("run", *arguments)
    assert code == 0, printed
    return met


def assert_stopped(folder: Path, number: signal.Signals) -> None:
    """The record says so, and there is a checkpoint of the very last step that was made."""
    record = read_record(folder / "record.json")
    assert (record.status, record.message) == ("interrupted", f"stopped by {number.name}")
    saved = checkpoint.latest(folder / "checkpoints", RunConfig.read(folder).sha256)
    assert [row["step"] for row in rows(folder)] == list(range(1, saved.step + 1))
    assert record.compute.train_steps == saved.step > 0


@pytest.fixture(scope="module")
def uninterrupted(zoo, tmp_path_factory):
    """A function from a number of steps to the folder of a run of so many that nothing disturbed."""

    def make(steps: int) -> Path:
        folder = tmp_path_factory.mktemp("left alone") / "run"
        code, printed = zoo.run("run", "--folder", folder, *RUN, f"train.steps={steps}")
        assert code == 0, printed
        return folder

    return make


@pytest.mark.slow
def test_a_run_that_is_killed_and_stopped_ends_in_the_same_bits(zoo, uninterrupted, tmp_path):
    KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM
    moments = [("starting", KILL), ("writing", KILL), ("training", INT), ("training", TERM), ("measuring", KILL)]
    disturb(zoo, tmp_path / "run", 60, moments, seed=1)
    assert_same_end(tmp_path / "run", uninterrupted(60))


@pytest.mark.slow
def test_a_run_killed_at_20_random_moments_ends_in_the_same_bits(zoo, uninterrupted, tmp_path):
    chance = random.Random(20)
    kinds = chance.sample(["starting"] * 4 + ["writing"] * 7 + ["training"] * 6, 17) + ["measuring"] * 3
    met = disturb(zoo, tmp_path / "run", 400, [(kind, signal.SIGKILL) for kind in kinds], seed=20)
    assert met >= 3, "too few kills met a checkpoint that was being written"
    assert_same_end(tmp_path / "run", uninterrupted(400))


def test_a_run_killed_before_its_record_was_written_can_be_resumed(zoo, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(compose(RUN).to_yaml())
    process = zoo.start("run", "--resume", folder)
    wait_until((folder / "record.json").exists, process)
    code, printed = zoo.run("run", "--resume", folder)  # and a second process on the folder is refused
    assert code == 2
    assert f"process {process} on " in printed and "is working in this run folder" in printed
    assert zoo.end(process, signal.SIGKILL) == -signal.SIGKILL
    assert read_record(folder / "record.json").provenance.command.startswith("zoo run --resume ")
