"""A sweep on the disk: which runs it has, and how far each of them is."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import untrusted
from harness.config import RunConfig
from harness.record import RECORD, RunRecord, read_record
from zoo.errors import ZooError

FILE = "sweep.json"
SCHEMA_VERSION = 1
WAITING = "waiting"


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a sweep.

    Attributes:
        overrides: Arguments of ``zoo run``.
        folder: Where the run is kept.
    """

    overrides: tuple[str, ...]
    folder: Path

    @property
    def log(self) -> Path:
        """What the process of the run printed."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def command(self) -> list[str]:
        """What carries it out; given again, it goes on where it stopped."""
        return [sys.executable, "-m", "zoo.cli", "run", "--folder", str(self.folder), *self.overrides]

    @property
    def shell_command(self) -> str:
        """The same for a shell."""
        return shlex.join(["zoo", "run", "--folder", str(self.folder), *self.overrides])

    @property
    def record(self) -> RunRecord | None:
        """The record, None before the run has begun."""
        path = self.folder / RECORD
        return read_record(path) if path.exists() else None

    @property
    def status(self) -> str:
        """That of the record, or ``waiting``. ``running`` is also that of a run which was killed."""
        record = self.record
        return WAITING if record is None else record.status


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A folder with the list of its jobs, their runs and their logs."""

    folder: Path
    jobs: tuple[Job, ...]

    @classmethod
    def create(cls, folder: Path, runs: Sequence[tuple[tuple[str, ...], RunConfig]]) -> Sweep:
        """Write the list of jobs into a new folder.

        Raises:
            ZooError: The folder exists, or cannot be written.
        """
        width = len(str(len(runs) - 1))
        jobs = tuple(
            Job(overrides, folder / f"{number:0{width}d}-{config.system_name}-{config.model_name}-s{config.seed}")
            for number, (overrides, config) in enumerate(runs)
        )
        content = {
            "schema_version": SCHEMA_VERSION,
            "jobs": [{"overrides": list(job.overrides), "folder": job.folder.name} for job in jobs],
        }
        try:
            folder.mkdir(parents=True)
            (folder / FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        except FileExistsError:
            raise ZooError(f"{folder} exists: expected a new folder, or --resume {folder}") from None
        except OSError as error:
            raise ZooError(f"{folder}: cannot write there: {error.strerror}") from error
        return cls(folder, jobs)

    @classmethod
    def read(cls, folder: Path) -> Sweep:
        """The sweep in a folder.

        Raises:
            ZooError: There is none, or its list is damaged.
        """
        path = folder / FILE
        try:
            content = untrusted.parse_json(untrusted.read_text(path))
            version = content["schema_version"]
            jobs = tuple(
                Job(tuple(map(str, job["overrides"])), folder / _plain(str(job["folder"]))) for job in content["jobs"]
            )
        except OSError as error:
            raise ZooError(f"{folder}: expected the folder of a sweep, which holds {FILE}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ZooError(f"{path}: damaged: {type(error).__name__}: {error}") from error
        if version != SCHEMA_VERSION:
            raise ZooError(f"{path}: schema version {version}: expected {SCHEMA_VERSION}")
        return cls(folder, jobs)

    @property
    def unfinished(self) -> tuple[Job, ...]:
        """Jobs that are not completed."""
        return tuple(job for job in self.jobs if job.status != "completed")


def _plain(name: str) -> str:
    """A name of a folder inside the sweep's own, nothing else."""
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"folder {name!r}")
    return name
