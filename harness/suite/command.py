"""What `zoo suite` does and shows."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table

from harness.files import check_writable
from harness.suite.definition import load, names
from harness.suite.progress import Progress, progress
from harness.sweep import Options, command


def overview(further: Sequence[str]) -> Table:
    """A row for each suite: how far it is, and what it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column, style in (("suite", "cyan"), ("completed", ""), ("summary", "")):
        table.add_column(column, style=style, no_wrap=column != "summary", overflow="fold")
    for name in names():
        state = progress(load(name), further)
        table.add_row(name, f"{state.completed} of {len(state.sweep.jobs)}", state.suite.summary)
    return table


def show(state: Progress) -> RenderableType:
    """Every run of a suite with its status."""
    messages = [f"left out: {message}" for message in state.unreadable]
    return Group(state.suite.summary, "", command.table(state.sweep), "", str(state), *messages)


def carry_out(name: str, arguments: Sequence[str], console: Console) -> int:
    """Do what is left of a suite; returns the exit code.

    Raises:
        ZooError: There is no such suite, an argument cannot be used, or the folder cannot be written.
    """
    options, further = Options.take(arguments)
    state = progress(load(name), further)
    check_writable(state.sweep.folder)
    for message in state.unreadable:
        console.print(f"left out: {message}", soft_wrap=True)
    console.print(str(state), soft_wrap=True)
    return command.carry_out(
        state.sweep,
        options,
        console,
        look=shlex.join(["zoo", "suite", "show", name, *further]),
        again=shlex.join(["zoo", "suite", "run", name, *arguments]),
    )
