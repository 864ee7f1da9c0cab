"""Many runs from one command."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.config import compose
from harness.sweep import Job, Options, Sweep, expand
from harness.sweep.processes import run_here
from zoo.cli import main
from zoo.errors import ZooError

SMALL = ["train.steps=4", "train.walkers=16", "train.read_every=2", "evaluate.draws=8", "evaluate.walkers=16"]


# Expansion -----------------------------------------------------------------------------------------------------------


def test_every_combination_the_last_key_fastest():
    runs = expand(["model=sj,sjb", "system=quantum_dot_n2", "system.omega=1,0.5", "seed=range(1,3)"])
    found = [(c.model_name, c.system["omega"], c.seed) for _, c in runs]
    both = [("slater_jastrow", omega, seed) for omega in (1.0, 0.5) for seed in (1, 2)]
    assert found == both + [("slater_jastrow_backflow", omega, seed) for _, omega, seed in both]
    assert runs[0][0] == ("model=sj", "system=quantum_dot_n2", "system.omega=1", "seed=1")


def test_lists_and_texts_stay_whole():
    runs = expand(["model=projected", "system=hubbard_4x4", "model.momentum=[0,0],[2,0]"])
    assert [c.model["momentum"] for _, c in runs] == [[0, 0], [2, 0]]
    ((_, config),) = expand(["model=sj", "system=molecule", "system.atoms=H 0 0 0; H 0 0 1.4"])
    assert (
        config.system["atoms"]
        == compose(["model=sj", "system=molecule", "system.atoms=H 0 0 0; H 0 0 1.4"]).system["atoms"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=sj,sjx", "system=helium"], r"model=sjx system=helium: unknown model 'sjx'"),
        (["model=sj,slater_jastrow", "system=helium"], "the same run as model=sj system=helium"),
        (["model=sj", "system=helium", "seed=interval(0,1)"], "expected values"),
        (["model=sj", "system=helium", "seed=range(0,20000)"], "20000 runs: expected at most"),
        (["model=sj", "helium"], "helium: expected KEY=VALUE"),
        (["model=sj", "system=helium", "train.steps=-1,5"], "train.steps=-1: .*expected 0 or more"),
    ],
)
def test_what_cannot_be_expanded(arguments, message):
    with pytest.raises(ZooError, match=message):
        expand(arguments)


def test_options_are_told_from_keys_of_runs():
    options, others = Options.take(
        ["model=sj", "jobs=3", "launcher=slurm", "slurm.partition=gpu", "slurm.timeout_min=9"]
    )
    assert options == Options(jobs=3, launcher="slurm", slurm={"partition": "gpu", "timeout_min": 9})
    assert others == ["model=sj"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jobs=x"], "jobs=x: expected a whole number"),
        (["jobs=0"], "jobs=0: expected 1 or more"),
        (["launcher=slrm"], "launcher 'slrm'.*slurm"),
        (["slurm.partition=gpu"], "slurm.partition: expected launcher=slurm"),
    ],
)
def test_options_that_cannot_be(arguments, message):
    with pytest.raises(ZooError, match=message):
        Options.take(arguments)


# On the disk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sweep(tmp_path):
    return Sweep.create(tmp_path / "a sweep, ü", expand(["model=sj", "system=quantum_dot_n2", "seed=range(0,3)"]))


def test_a_sweep_reads_back(sweep):
    assert Sweep.read(sweep.folder) == sweep
    assert [job.folder.name for job in sweep.jobs] == [f"{n}-quantum_dot_n2-slater_jastrow-s{n}" for n in range(3)]
    assert {job.status for job in sweep.jobs} == {"waiting"}
    assert sweep.unfinished == sweep.jobs


def test_a_sweep_overwrites_nothing(sweep):
    with pytest.raises(ZooError, match="exists: expected a new folder, or --resume"):
        Sweep.create(sweep.folder, [])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.pop("jobs"), "damaged: KeyError"),
        (lambda c: c.update(schema_version=2), "schema version 2: expected 1"),
        (lambda c: c["jobs"][0].update(folder="../elsewhere"), "damaged: ValueError: folder '../elsewhere'"),
    ],
)
def test_a_damaged_list_is_named(sweep, damage, message):
    content = json.loads((sweep.folder / "sweep.json").read_text())
    damage(content)
    (sweep.folder / "sweep.json").write_text(json.dumps(content))
    with pytest.raises(ZooError, match=message):
        Sweep.read(sweep.folder)


# As processes --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Script(Job):
    """A job that is a few lines of Python, and leaves its status in a file."""

    code: str = ""

    @property
    def command(self):
        return [sys.executable, "-c", self.code, str(self.folder)]

    @property
    def status(self):
        return self.folder.read_text() if self.folder.exists() else "waiting"


def scripts(folder, *codes):
    return [Script((), folder / str(number), code) for number, code in enumerate(codes)]


DONE = "import sys, os; print(len(os.sched_getaffinity(0))); open(sys.argv[1], 'w').write('completed')"


def test_a_failed_job_stops_no_other(tmp_path):
    jobs = scripts(tmp_path, DONE, "raise SystemExit('no such orbital')", DONE)
    said = []
    assert run_here(jobs, 1, lambda job, change: said.append((job.folder.name, change)))
    starts = [("0", "started"), ("0", "completed"), ("1", "started"), ("1", "waiting"), ("2", "started")]
    assert said == [*starts, ("2", "completed")]
    assert "no such orbital" in jobs[1].log.read_text()


def test_jobs_side_by_side_share_the_processors(tmp_path):
    """Each waits for the other's file, so they must run at the same time."""
    meet = "import sys, time, pathlib; f = pathlib.Path(sys.argv[1]); f.with_suffix('.here').touch()\n"
    meet += "while len(list(f.parent.glob('*.here'))) < 2: time.sleep(0.01)\n" + DONE
    jobs = scripts(tmp_path, meet, meet)
    assert run_here(jobs, 2, lambda *_: None)
    shares = [int(job.log.read_text()) for job in jobs]
    everything = len(os.sched_getaffinity(0))
    assert sum(shares) == everything or everything == 1


def test_a_signal_stops_what_runs_and_begins_nothing_more(tmp_path):
    wait = "import signal, sys, time\ndef stop(*_):\n open(sys.argv[1], 'w').write('interrupted'); sys.exit(143)\n"
    wait += "signal.signal(signal.SIGTERM, stop); print('ready', flush=True); time.sleep(60)"
    jobs = scripts(tmp_path, wait, DONE)

    def interrupt():
        while not (jobs[0].log.exists() and "ready" in jobs[0].log.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    assert not run_here(jobs, 1, lambda *_: None)
    assert [job.status for job in jobs] == ["interrupted", "waiting"]


# The command ---------------------------------------------------------------------------------------------------------


def test_the_commands_of_a_sweep(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "model=sj,sjb", "system=helium", "--print-cmd", "--name", "first"]) == 0
    lines = capsys.readouterr().out.splitlines()
    folder = "runs/sweeps/first/1-helium-slater_jastrow_backflow-s0"
    assert lines[1] == f"zoo run --folder {folder} model=sjb system=helium"
    assert main(["sweep", "--list", "runs/sweeps/first"]) == 0
    assert capsys.readouterr().out.count("waiting") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "gone"], "gone: expected the folder of a sweep"),
        (["--list", "gone", "model=sj"], "model=sj: expected no more than the sweep gone"),
        (["model=sj", "system=helium", "--name", "a/b"], "--name 'a/b': expected the name of a folder"),
    ],
)
def test_a_sweep_that_cannot_be(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_sweep_runs_goes_on_and_is_gathered(tmp_path, monkeypatch, capsys):
    """One of three runs cannot be made, and says so; with its cause gone the sweep is completed."""
    monkeypatch.chdir(tmp_path)
    arguments = ["model=sj,sjb", "system=quantum_dot_n2", "--name", "s", "jobs=2", "seed=0,1", *SMALL]
    blocked = tmp_path / "runs/sweeps/s/3-quantum_dot_n2-slater_jastrow_backflow-s1"
    real_create = Sweep.create.__func__

    def create(cls, folder, runs):
        made = real_create(cls, folder, runs)
        blocked.write_text("a file where a folder should be")
        return made

    monkeypatch.setattr(Sweep, "create", classmethod(create))
    assert main(["sweep", *arguments]) == 1
    assert "waiting" in capsys.readouterr().out
    assert "cannot write there" in blocked.with_name(f"{blocked.name}.log").read_text()
    blocked.unlink()
    assert main(["sweep", "--resume", "runs/sweeps/s"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("started") == 1 and shown.count("completed") == 5
    assert main(["leaderboard", "build", "runs/sweeps/s", "--site", "site"]) == 0


def test_slurm_without_submitit_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(["sweep", "model=sj", "system=quantum_dot_n2", "seed=0,1", "launcher=slurm"]) == 2
    assert "launcher=slurm needs submitit: pip install 'backflow-zoo[slurm]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_slurm_by_the_local_executor_of_submitit(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.chdir(tmp_path)
    options = ["launcher=slurm", "slurm.cluster=local", "slurm.timeout_min=5"]
    assert main(["sweep", "model=sj", "system=quantum_dot_n2", "seed=0,1", "--name", "s", *options, *SMALL]) == 0
    sweep = Sweep.read(tmp_path / "runs/sweeps/s")
    deadline = time.monotonic() + 240
    while sweep.unfinished and time.monotonic() < deadline:
        time.sleep(1)
    assert not sweep.unfinished, [job.log.read_text() for job in sweep.jobs]


@pytest.mark.slow
def test_24_runs_of_which_two_are_killed_are_completed_by_one_resume(tmp_path):
    """The killed processes are those of two runs; the others go on, and are not run again."""
    keys = [*SMALL, "model=sj", "system=hubbard", "system.lattice=chain", "system.extent=[4]", "system.boundary=A"]
    keys += ["system.n_up=2", "system.n_down=2", "train.checkpoint_every=0", "seed=range(0,24)", "jobs=3"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def zoo(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "zoo.cli", "sweep", *arguments], cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    process, killed = zoo(*keys, "--name", "s"), []
    while process.poll() is None:
        if (tmp_path / "runs/sweeps/s/sweep.json").exists():
            for job in Sweep.read(tmp_path / "runs/sweeps/s").jobs:
                if job.folder.name[:2] in ("04", "13") and job not in killed and job.status == "running":
                    os.kill(int((job.folder / ".lock").read_text().split()[1]), signal.SIGKILL)
                    killed.append(job)
        time.sleep(0.05)
    printed = process.communicate()[0]
    assert process.returncode == 1, printed
    sweep = Sweep.read(tmp_path / "runs/sweeps/s")
    assert list(sweep.unfinished) == killed and len(killed) == 2
    assert printed.count("completed") >= 22 and all(
        f"running: {job.log.relative_to(tmp_path)}" in printed for job in killed
    )
    before = {job: (job.folder / "record.json").stat().st_mtime_ns for job in sweep.jobs if job not in killed}
    again = zoo("--resume", "runs/sweeps/s", "jobs=2")
    assert again.communicate()[0].count("started") == 2 and again.returncode == 0
    assert len(sweep.jobs) == 24 and sweep.unfinished == ()
    assert before == {job: (job.folder / "record.json").stat().st_mtime_ns for job in before}
