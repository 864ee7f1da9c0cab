"""What a person sees while a model trains: a live display on a terminal, plain lines on a pipe."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

LINE_EVERY = 5.0
"""Seconds between two lines on a pipe."""
_LEAST_BAR, _MOST_BAR = 10, 40


class Progress:
    """Training display: step, energy with its error, variance, acceptance and time left.

    A terminal shows two lines that are redrawn four times a second; a pipe, a file or a dumb terminal gets the first
    update at once, then one line every 5 seconds, and the last update at the end::

        with Progress(300, "slater_jastrow on quantum_dot_n6", reference=20.1597) as progress:
            progress.update(10, energy=20.31, stderr=0.02, variance=1.9, acceptance=0.52)

    Args:
        total: Steps of the whole run; a resumed one starts its updates at a later step.
        title: What is trained on what.
        reference: Energy to compare with, if there is one.
        console: Where to write; standard error unless told.
        unit: What is counted, in the singular.
    """

    def __init__(
        self,
        total: int,
        title: str,
        reference: float | None = None,
        console: Console | None = None,
        unit: str = "step",
    ):
        self._total, self._title, self._reference, self._unit = total, title, reference, unit
        self._console = console or Console(stderr=True)
        self._step = 0
        self._fields: list[tuple[str, str]] = []
        self._started = time.monotonic()
        self._first: tuple[float, int] | None = None
        self._printed_at = -math.inf
        self._pending = False
        terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(get_renderable=self._display, console=self._console, auto_refresh=True) if terminal else None

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        if self._live:
            self._live.start(refresh=True)
        else:
            self._line(f"{self._title}: {self._total} {self._unit}s")
        return self

    def __exit__(self, *exception) -> None:
        if self._live:
            self._live.stop()
        elif self._pending:
            self._line(self._summary())

    def update(
        self,
        step: int,
        energy: float,
        stderr: float,
        variance: float,
        acceptance: float,
        extra: Mapping[str, float] | None = None,
    ) -> None:
        """Show the state after a step.

        Args:
            step: Steps done.
            energy: Mean local energy.
            stderr: Its standard error.
            variance: Variance of the local energies.
            acceptance: Share of accepted moves.
            extra: Further numbers by name, shown where there is room.
        """
        decimals = _decimals(stderr)
        sign = "+/-" if self._console.options.ascii_only else "±"
        fields = [("E", f"{energy:.{decimals}f} {sign} {stderr:.{decimals}f}")]
        if self._reference is not None:
            fields.append(("to reference", f"{energy - self._reference:+.{decimals}f}"))
        fields += [("variance", f"{variance:.3g}"), ("acceptance", f"{acceptance:.2f}")]
        self.show(step, fields + [(name, f"{value:.3g}") for name, value in (extra or {}).items()])

    def show(self, step: int, fields: list[tuple[str, str]]) -> None:
        """Show the state after a step by other numbers than `update` does.

        Args:
            step: Steps done.
            fields: Name and value of each number.
        """
        now = time.monotonic()
        if self._first is None:
            self._first = (now, step)  # what came before is compilation, which says nothing about the time left
        self._step = step
        self._fields = fields  # in one go: the display is drawn from another thread
        self._pending = True
        if self._live is None and now - self._printed_at >= LINE_EVERY:
            self._printed_at = now
            self._line(self._summary())
            self._pending = False

    def message(self, text: str) -> None:
        """Print a line that stays, such as a recovery, above the display."""
        self._line(text)

    def _line(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _time_note(self) -> str:
        """Time since the start before the first update, time left from the mean speed since it, time taken."""
        now = time.monotonic()
        if self._step >= self._total:
            return f"in {_clock(now - self._started)}"
        if self._first is None:
            return f"{_clock(now - self._started)} starting"
        first_time, first_step = self._first
        if self._step <= first_step:
            return ""
        seconds = (now - first_time) / (self._step - first_step) * (self._total - self._step)
        return f"{_clock(seconds)} left"

    def _summary(self) -> str:
        """One line for a pipe."""
        numbers = [f"{name} {value}" for name, value in self._fields]
        parts = [f"{self._unit} {self._step}/{self._total}", *numbers, self._time_note()]
        return "  ".join(part for part in parts if part)

    def _display(self) -> Group:
        """Two lines for a terminal: how far, and with what energy. Fields that do not fit are left out."""
        width = self._console.width
        steps, note = f"{self._step}/{self._total}", self._time_note()
        room = width - len(steps) - len(note) - 6
        title = Text(self._title, style="bold")
        title.truncate(max(8, room - _LEAST_BAR), overflow="ellipsis")
        bar = max(_LEAST_BAR, min(_MOST_BAR, room - title.cell_len))
        head = Table.grid(padding=(0, 2), expand=False)
        for _ in range(4):
            head.add_column(no_wrap=True)
        done = ProgressBar(total=max(self._total, 1), completed=self._step, width=bar)
        head.add_row(title, done, Text(steps), Text(note, style="cyan"))
        numbers = Text(no_wrap=True, overflow="crop")
        for name, value in self._fields:
            if numbers.cell_len + len(name) + len(value) + 3 > width:
                break
            numbers.append("  " if numbers else "")
            numbers.append(f"{name} ", "dim").append(value, "bold green" if name == "E" else "")
        return Group(head, numbers)


def _decimals(stderr: float) -> int:
    """Decimals that show two digits of the error; 6 where there is none."""
    if not math.isfinite(stderr) or stderr <= 0:
        return 6
    return min(12, max(0, 1 - math.floor(math.log10(stderr))))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
