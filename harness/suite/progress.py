"""How far a suite is: its runs are found by what they did, wherever they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from harness.config import RunConfig
from harness.record import RECORD, RunRecord, read_record
from harness.settings import PROTOCOLS
from harness.suite.definition import Planned, Suite
from harness.sweep.plan import Job, Sweep
from zoo import registry
from zoo.errors import ZooError

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
    done, unreadable = finished(out)
    folder = out / FOLDER / suite.name
    jobs = tuple(Job(run.overrides, done.get(run.config.sha256, folder / _folder_name(run))) for run in runs)
    left = sum(run.seconds for run in runs if run.config.sha256 not in done)
    return Progress(suite, Sweep(folder, jobs), left, tuple(unreadable))


def finished(out: Path) -> tuple[dict[str, Path], list[str]]:
    """Folders of completed runs below ``out``, by the hash of their configurations, and messages about the unreadable.

    A run counts as long as what it was made with has the present version: the model, the protocol and the system.
    """
    found: dict[str, Path] = {}
    unreadable: list[str] = []
    for path in sorted(out.rglob(RECORD)):
        try:
            record = read_record(path)
            if record.status == "completed" and record.config is not None:
                config = RunConfig.from_dict(record.config)
                if _is_current(record, config):
                    found.setdefault(config.sha256, path.parent)
        except ZooError as error:
            unreadable.append(str(error))
    return found, unreadable


def _is_current(record: RunRecord, config: RunConfig) -> bool:
    protocol = PROTOCOLS.get(config.protocol)
    return (
        record.model.version == registry.model_spec(config.model_name).version
        and (protocol is None or record.protocol.version == protocol.version)
        and record.system.sha256 == config.create_system().sha256
    )


def _folder_name(run: Planned) -> str:
    """With a hash, so that the same run with other settings has another folder."""
    return f"{run.label}-{run.config.model_name}-s{run.config.seed}-{run.config.sha256[:_HASH_DIGITS]}"
