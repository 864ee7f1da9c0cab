"""The jobs of a sweep on a Slurm cluster, through submitit."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.sweep.plan import Sweep
from zoo.errors import ZooError

GRACE = 60
"""Seconds in which a run that is preempted has to save a checkpoint."""


class Command:
    """A run as submitit calls it, on the node; after a preemption Slurm starts it again, and it goes on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def __call__(self, command: list[str], log: str) -> int:
        # In a session of its own: the signal by which Slurm warns submitit would end a run at once.
        with Path(log).open("a", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
            return self._process.wait()

    def checkpoint(self, command: list[str], log: str) -> Any:
        """Called by submitit before the job is stopped and queued again."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return DelayedSubmission(Command(), command, log)


def require() -> None:
    """Raises `ZooError` where submitit is not installed."""
    if importlib.util.find_spec("submitit") is None:
        raise ZooError("launcher=slurm needs submitit: pip install 'backflow-zoo[slurm]'")


def submit(sweep: Sweep, at_once: int, options: Mapping[str, str | int]) -> list[str]:
    """Queue the jobs that are not completed as one array, of which ``at_once`` run at a time.

    Args:
        sweep: The jobs.
        at_once: Largest number of running jobs; 1 runs them one after another.
        options: Parameters of `submitit.AutoExecutor`, such as ``timeout_min``, ``gpus_per_node`` or
            ``slurm_partition``, with or without ``slurm_``; ``cluster`` chooses another of its clusters, such as
            ``local``, for a trial without Slurm.

    Returns:
        Names of the queued jobs, in the order of `Sweep.unfinished`.

    Raises:
        ZooError: submitit is not installed, Slurm is not there, or it does not take a parameter.
    """
    require()
    import submitit

    options = dict(options)
    cluster = str(options.pop("cluster", "slurm"))
    try:
        executor = submitit.AutoExecutor(folder=sweep.folder / "slurm", cluster=cluster)
        known = {"timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "name"}
        named = {key if key in known or key.startswith("slurm_") else f"slurm_{key}": v for key, v in options.items()}
        executor.update_parameters(**{"slurm_array_parallelism": at_once, "name": sweep.folder.name, **named})
        with executor.batch():
            queued = [executor.submit(Command(), job.command, str(job.log)) for job in sweep.unfinished]
    except (
        RuntimeError,
        ValueError,
        TypeError,
        NameError,
        AssertionError,
        submitit.core.utils.FailedJobError,
    ) as error:
        raise ZooError(f"launcher=slurm: {' '.join(str(error).split())}") from error
    return [job.job_id for job in queued]
