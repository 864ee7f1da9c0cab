"""What several commands do alike: get a backend ready, print, and quote themselves."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from harness.config import RunConfig
    from harness.settings import DistributedSettings

EXIT_CODES = {"completed": 0, "running": 1, "diverged": 1, "failed": 1, "interrupted": 130}
"""By the status of a record."""


def prepare(config: RunConfig, processes: DistributedSettings | None = None) -> None:
    """Check the system of a run, and load its backend."""
    from harness.start import prepare

    config.create_system().validate()  # first, as a backend takes much longer to load
    if processes is not None:
        print(f"waiting for all processes at {processes.coordinator}", file=sys.stderr)
    prepare(config.backend, config.device, config.precision, config.devices, processes)


def output_console() -> Console:
    """Where answers are printed."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)  # a pipe has no width: keep one line for each row
    return console


def command_line(arguments: list[str]) -> str:
    """What to type in a shell for these arguments."""
    return shlex.join(["zoo", *arguments])
