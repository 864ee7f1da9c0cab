"""How far a suite is: its runs are found by what they did, wherever they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from harness.suite.definition import Planned, Suite
from harness.sweep.plan import Job, Sweep
from harness.sweep.reuse import recorded

FOLDER = "suites"
_HASH_DIGITS = 8


@dataclasses.dataclass(frozen=True)
class Progress:
    """A suite, and what has been run of it.

    Attributes:
        suite: The suite.
        sweep: Its runs as jobs, the cheapest first. The folder of a job is that of a finished run of its configuration
            if there is one, otherwise one of the suite's own, where a run that has begun goes on.
        left: Rough seconds that the runs take which are not completed.
        unreadable: A message for each record below ``out`` that could not be read.
    """

    suite: Suite
    sweep: Sweep
    left: float
    unreadable: tuple[str, ...]

    @property
    def completed(self) -> int:
        return len(self.sweep.jobs) - len(self.sweep.unfinished)

    @property
    def finished(self) -> list[Path]:
        """Folders of its completed runs."""
        waiting = set(self.sweep.unfinished)
        return [job.folder for job in self.sweep.jobs if job not in waiting]

    def __str__(self) -> str:
        left = f"{self.left / 3600:.1f} h" if self.left >= 3600 else f"{self.left / 60:.0f} min"
        todo = f", about {left} left on two CPU cores" if self.completed < len(self.sweep.jobs) else ""
        return f"{self.suite.name}: {self.completed} of {len(self.sweep.jobs)} runs completed{todo}"


def progress(suite: Suite, further: Sequence[str] = ()) -> Progress:
    """Match the runs of a suite with what lies below ``out``.

    Args:
        suite: The suite.
        further: Arguments for all of its runs, ``out=DIR`` among them.

    Raises:
        ZooError: An argument cannot be used.
    """
    runs = suite.runs(further)
    out = Path(runs[0].config.out)
    found = recorded(out, diverged=False)
    done, unreadable = found.ended, found.unreadable
    folder = out / FOLDER / suite.name
    jobs = tuple(Job(run.overrides, done.get(run.config.sha256, folder / _folder_name(run))) for run in runs)
    left = sum(run.seconds for run in runs if run.config.sha256 not in done)
    return Progress(suite, Sweep(folder, jobs), left, unreadable)


def _folder_name(run: Planned) -> str:
    """With a hash, so that the same run with other settings has another folder."""
    return f"{run.label}-{run.config.model_name}-s{run.config.seed}-{run.config.sha256[:_HASH_DIGITS]}"
