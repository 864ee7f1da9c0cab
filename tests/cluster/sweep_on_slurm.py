"""A sweep on a real Slurm, of which a running job is put back into the queue: does it go on from its checkpoint?

    python tests/cluster/sweep_on_slurm.py [FOLDER]

as root, where ``slurm-wlm``, ``munge`` and submitit are installed. Takes some minutes, of which Slurm waits two before
it starts again what was put back. Prints what it sees; exit code 0 if all of it is as it must be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import single_node  # noqa: E402

from harness.sweep import Sweep  # noqa: E402

KEYS = (
    "model=slater_jastrow system=quantum_dot_n2 seed=range(0,3) train.steps=3000 train.walkers=16 train.read_every=5 "
    "train.checkpoint_every=1 evaluate.draws=10 evaluate.walkers=16 evaluate.equilibration=2 jobs=2 launcher=slurm "
    "slurm.timeout_min=30 slurm.cpus_per_task=1"
)
STEPS = 3000
PATIENCE = 1500.0  # seconds


def main(folder: Path) -> int:
    """Do it all in that folder."""
    reason = single_node.missing()
    if reason:
        print(f"cannot be done here: {reason}")
        return 2
    (folder / "slurm").mkdir()
    with single_node.slurm(folder / "slurm"):
        print(single_node.said("sinfo").strip())
        zoo("sweep", *KEYS.split(), "--name", "s", f"out={folder}")
        sweep = Sweep.read(folder / "sweeps/s")
        job = wait_for(lambda: next((j for j in sweep.jobs if running_with_checkpoint(j)), None), "no job ran")
        number = slurm_number(sweep, job)
        before = {path.name for path in (job.folder / "checkpoints").glob("*.json")}
        print(f"{job.folder.name} is Slurm's {number}, with {', '.join(sorted(before))}")
        subprocess.run(["scontrol", "requeue", number], check=True)
        stopped = wait_for(lambda: stopped_at(job), "the job that was put back did not stop")
        print(f"put back after step {stopped} ({job.status}): {single_node.said('squeue', '-h').strip()}")
        wait_for(lambda: not sweep.unfinished or None, "not all runs were completed")
        print(zoo("sweep", "--list", str(sweep.folder)))
        begun = [line for line in job.log.read_text().splitlines() if line.startswith("run folder:")]
        steps = [json.loads(line)["step"] for line in (job.folder / "train.jsonl").read_text().splitlines()]
        print(f"started {len(begun)} times; the second process begins with step {resumed_at(job)}")
        assert len(begun) == 2
        assert steps == list(range(1, STEPS + 1))
        assert job.record is not None and job.record.compute.train_steps == STEPS
        assert resumed_at(job) >= stopped > 0
    print("all runs are completed, and the one that was put back went on from its checkpoint")
    return 0


def zoo(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "zoo.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise RuntimeError(f"zoo {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def running_with_checkpoint(job) -> bool:
    return job.status == "running" and len(list((job.folder / "checkpoints").glob("step-*.json"))) >= 2


def slurm_number(sweep: Sweep, job) -> str:
    """Slurm's name for a job of the array, which the sweep's are in their order."""
    listed = single_node.said("squeue", "-h", "-r", "-o", "%i", "-t", "all").split()
    index = sweep.jobs.index(job)
    return next(name for name in listed if name.endswith(f"_{index}"))


def stopped_at(job) -> int | None:
    """The step that a run was stopped at by a signal, once it was."""
    record = job.record
    return record.compute.train_steps if record is not None and record.status == "interrupted" else None


def resumed_at(job) -> int:
    """The first step that the second process of a run shows."""
    second = job.log.read_text().split("run folder:")[2]
    line = next(line for line in second.splitlines() if line.startswith("step "))
    return int(line.removeprefix("step ").partition("/")[0])


def wait_for(find, complaint: str):
    until = time.monotonic() + PATIENCE
    while (found := find()) is None:
        if time.monotonic() > until:
            raise RuntimeError(complaint)
        time.sleep(0.2)
    return found


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="zoo-slurm-"))
    chosen.mkdir(parents=True, exist_ok=True)
    sys.exit(main(chosen.resolve()))
