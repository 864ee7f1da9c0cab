"""What `zoo compare` runs: some models on one system, with the same seeds and settings."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.config import RunConfig
from harness.files import check_writable
from harness.format import shorthand
from harness.summary import STATUS_STYLES
from harness.sweep.expand import Options, expand
from harness.sweep.plan import WAITING, Job
from harness.sweep.processes import run_here
from harness.sweep.reuse import recorded
from zoo.errors import ZooError

FOLDER = "comparisons"
_HASH_DIGITS = 8
_MOST_SEEDS = 1000
_OVER = ("completed", "diverged")

Runs = list[tuple[tuple[str, ...], RunConfig]]


@dataclasses.dataclass(frozen=True)
class Plan:
    """The runs of a comparison.

    Attributes:
        arguments: Those of the command.
        jobs: One for each run, in the order of the models; the folder of one that is there already is its own.
        seeds: The seed of each job.
        page: Where the page of the comparison goes.
        unreadable: A message for each record below ``out`` that could not be read.
    """

    arguments: tuple[str, ...]
    jobs: tuple[Job, ...]
    seeds: tuple[int, ...]
    page: Path
    unreadable: tuple[str, ...]

    @property
    def unfinished(self) -> tuple[Job, ...]:
        """Jobs that have not ended, the first seed of every model before the second of any."""
        left = [(seed, number) for number, seed in enumerate(self.seeds) if self.jobs[number].status not in _OVER]
        return tuple(self.jobs[number] for _, number in sorted(left))


def runs(arguments: Sequence[str]) -> Runs:
    """Arguments and configuration of every run, by model, the seeds of each together.

    Args:
        arguments: Names of models, settings for all of them, and ``seeds=N``: N seeds from ``seed``, or from 0.

    Raises:
        ZooError: An argument cannot be used, two runs are the same, or there is more than one system.
    """
    names = [argument for argument in arguments if "=" not in argument]
    keys = _with_seeds([argument for argument in arguments if "=" in argument])
    if not names:
        raise ZooError("MODEL is missing: expected names, such as zoo compare sj sjb system=quantum_dot_n2")
    found: Runs = []
    for name in names:
        found += expand([f"model={name}", *keys])
    for (first, config), (second, other) in itertools.combinations(found, 2):
        if config.sha256 == other.sha256:
            raise ZooError(f"{' '.join(second)}: the same run as {' '.join(first)}")
    systems = {config.create_system().sha256: config for _, config in found}
    if len(systems) > 1:
        raise ZooError(f"{len(systems)} systems: expected one, as energies of different ones cannot be compared")
    return found


def plan(arguments: Sequence[str]) -> Plan:
    """Match the runs of a comparison with what lies below ``out``.

    Raises:
        ZooError: As in `runs`, or ``out`` cannot be written.
    """
    found = runs(arguments)
    config = found[0][1]
    config.create_system().validate()  # before processes are started that would find out one after the other
    out = Path(config.out)
    check_writable(out)
    before = recorded(out)
    jobs = tuple(Job(words, before.folder(c) or out / FOLDER / _folder_name(c)) for words, c in found)
    every = hashlib.sha256("".join(sorted(c.sha256 for _, c in found)).encode()).hexdigest()
    page = out / FOLDER / f"{config.system_name}-{every[:_HASH_DIGITS]}.html"
    return Plan(tuple(arguments), jobs, tuple(c.seed for _, c in found), page, before.unreadable)


def carry_out(planned: Plan, options: Options, console: Console) -> int:
    """Run what has not ended; returns the exit code.

    Raises:
        ZooError: The options ask for a cluster.
    """
    if options.launcher != "local":
        raise ZooError(f"launcher={options.launcher}: expected none, or zoo sweep, which knows clusters")
    left = planned.unfinished
    for message in planned.unreadable:
        console.print(f"left out: {message}", soft_wrap=True)
    begun = sum(job.status != WAITING for job in left)
    console.print(f"{len(planned.jobs) - len(left)} of {len(planned.jobs)} runs are there, {begun} have begun")
    for job in left:
        job.folder.parent.mkdir(parents=True, exist_ok=True)  # the log of a run lies beside its folder

    def say(job: Job, change: str) -> None:
        record = job.record
        done = change != "started" and record is not None and record.energy is not None
        energy = f"  {shorthand(record.energy.mean, record.energy.stderr)}" if done else ""  # type: ignore[union-attr]
        where = f", log: {job.log}" if change == "started" else ""
        text = Text.assemble((change, STATUS_STYLES.get(change, "dim")), f" {' '.join(job.overrides)}{energy}{where}")
        console.print(text, soft_wrap=True)

    whole = run_here(left, options.jobs, say)
    for job in planned.jobs:
        if job.status != "completed":
            console.print(f"{job.status}: {job.log if job.log.exists() else job.folder}", soft_wrap=True)
    if not whole:
        console.print(f"stopped; {shlex.join(['zoo', 'compare', *planned.arguments])} goes on", soft_wrap=True)
        return 130
    return 0 if all(job.status == "completed" for job in planned.jobs) else 1


def _with_seeds(keys: Sequence[str]) -> list[str]:
    """``seeds=N`` written as a range of ``seed``."""
    given = [key.partition("=")[2] for key in keys if key.startswith("seeds=")]
    others = [key for key in keys if not key.startswith("seeds=")]
    if not given:
        return others
    first = [key.partition("=")[2] for key in others if key.startswith("seed=")] or ["0"]
    if len(given) > 1 or not given[0].isdigit() or not 1 <= int(given[0]) <= _MOST_SEEDS:
        raise ZooError(f"seeds={given[-1]}: expected how many, from 1 to {_MOST_SEEDS}, once")
    if len(first) > 1 or not first[0].isdigit():
        raise ZooError(f"seed={first[-1]} with seeds={given[0]}: expected the first seed, a whole number")
    start = int(first[0])
    return [
        *(key for key in others if not key.startswith("seed=")),
        f"seed={','.join(str(start + n) for n in range(int(given[0])))}",
    ]


def _folder_name(config: RunConfig) -> str:
    """With a hash, so that the same run with other settings has another folder."""
    return f"{config.system_name}-{config.model_name}-s{config.seed}-{config.sha256[:_HASH_DIGITS]}"
