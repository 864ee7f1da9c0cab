"""What a check found, and the table of all of them."""

from __future__ import annotations

import dataclasses

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text


@dataclasses.dataclass(frozen=True)
class Result:
    """What one check found.

    Attributes:
        passed: Whether the model passed; None if the check could not be made.
        measured: The figure that decides; None if there is none.
        limit: What it is compared with.
        advice: One line: what to do if the check failed, or why it was skipped.
        at_least: Whether ``measured`` has to reach the limit instead of staying under it.
        name: Name of the check.
        claimed: Whether the model claims to have the property; where it does not, the figure is shown and not judged.
    """

    passed: bool | None
    measured: float | None
    limit: float | None
    advice: str
    at_least: bool = False
    name: str = ""
    claimed: bool = True

    @property
    def verdict(self) -> str:
        return {True: "passed", False: "FAILED", None: "skipped" if self.claimed else "not claimed"}[self.passed]


def at_most(measured: float, limit: float, advice: str) -> Result:
    """Passed if the figure does not exceed the limit; NaN fails."""
    return Result(bool(measured <= limit), float(measured), limit, advice)


def at_least(measured: float, limit: float, advice: str) -> Result:
    """Passed if the figure reaches the limit; NaN fails."""
    return Result(bool(measured >= limit), float(measured), limit, advice, at_least=True)


def skipped(reason: str) -> Result:
    return Result(None, None, None, reason)


def not_claimed(measured: float, reason: str) -> Result:
    """A figure for a property that the model says it does not have."""
    return Result(None, float(measured), None, reason, claimed=False)


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of every check that is due; a rich renderable.

    Attributes:
        title: What was checked.
        results: In the order of the checks.
    """

    title: str
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed; skipped ones, and those of what the model does not claim, do not count."""
        return all(result.passed is not False for result in self.results)

    def __getitem__(self, name: str) -> Result:
        return {result.name: result for result in self.results}[name]

    def __str__(self) -> str:
        console = Console(width=80, color_system=None, highlight=False)
        with console.capture() as capture:
            console.print(self)
        return capture.get()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colours = {True: "green", False: "bold red", None: "yellow"}
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("check", "result", "measured", "limit"):
            table.add_column(column, no_wrap=True, justify="left" if column in ("check", "result") else "right")
        for result in self.results:
            limit = "" if result.limit is None else f"{'>=' if result.at_least else '<='} {result.limit:.2g}"
            measured = "" if result.measured is None else f"{result.measured:.2g}"
            table.add_row(result.name, Text(result.verdict, colours[result.passed]), measured, limit)
        yield Text(self.title, "bold")
        yield table
        for result in self.results:
            if not result.passed:
                yield Text.assemble((f"{result.name} {result.verdict}: ", colours[result.passed]), result.advice)
        verdicts = [result.verdict.lower() for result in self.results]
        counts = [(verdicts.count(word), word) for word in ("passed", "failed", "skipped", "not claimed")]
        yield Text(", ".join(f"{count} {word}" for count, word in counts if count))
