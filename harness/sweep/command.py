"""What `zoo sweep` does and shows. No backend is imported: the runs are processes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.clock import utc_now
from harness.format import shorthand
from harness.summary import STATUS_STYLES
from harness.sweep import slurm
from harness.sweep.expand import Options, expand
from harness.sweep.plan import Job, Sweep
from harness.sweep.processes import run_here
from zoo.errors import ZooError


def new(overrides: Sequence[str], name: str | None, launcher: str = "local") -> Sweep:
    """A new sweep in ``OUT/sweeps/NAME``.

    Raises:
        ZooError: A configuration cannot be used, what launches it is not installed, or the folder exists.
    """
    if launcher == "slurm":
        slurm.require()
    runs = expand(overrides)
    name = f"{utc_now():%Y%m%dT%H%M%SZ}" if name is None else name
    if not name or Path(name).name != name:
        raise ZooError(f"--name {name!r}: expected the name of a folder, without its path")
    return Sweep.create(Path(runs[0][1].out) / "sweeps" / name, runs)


def carry_out(
    sweep: Sweep, options: Options, console: Console, look: str | None = None, again: str | None = None
) -> int:
    """Run what is left, here or by Slurm; returns the exit code.

    Args:
        sweep, options: What is run, and how.
        console: Where to say so.
        look, again: Commands that show how far it is, and that go on with it; by default those of a sweep's folder.
    """
    look, again = look or f"zoo sweep --list {sweep.folder}", again or f"zoo sweep --resume {sweep.folder}"
    console.print(f"sweep: {sweep.folder}", soft_wrap=True)
    left = sweep.unfinished
    if options.launcher == "slurm":
        queued = slurm.submit(sweep, options.jobs, options.slurm) if left else []
        for job, name in zip(left, queued, strict=True):
            console.print(f"{job.folder.name}: queued as {name}", soft_wrap=True)
        console.print(f"{look} says how far they are", soft_wrap=True)
        return 0

    def say(job: Job, change: str) -> None:
        style = STATUS_STYLES.get(change, "dim")
        console.print(Text.assemble((change, style), f" {job.folder.name}{_energy(job)}"), soft_wrap=True)

    whole = run_here(left, options.jobs, say)
    console.print(table(sweep))
    for job in sweep.unfinished:
        console.print(f"{job.status}: {job.log}", soft_wrap=True)
    if not whole:
        console.print(f"stopped; {again} goes on", soft_wrap=True)
        return 130
    return 1 if sweep.unfinished else 0


def table(sweep: Sweep) -> Table:
    """A row for each run: how far it is, its energy, and its arguments."""
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    rows.add_column("status", no_wrap=True)
    rows.add_column("energy", justify="right", no_wrap=True)
    rows.add_column("arguments", overflow="fold")
    for job in sweep.jobs:
        rows.add_row(
            Text(job.status, STATUS_STYLES.get(job.status, "dim")), _energy(job).strip(), " ".join(job.overrides)
        )
    return rows


def _energy(job: Job) -> str:
    record = job.record
    if record is None or record.energy is None:
        return ""
    return f"  {shorthand(record.energy.mean, record.energy.stderr)}"
