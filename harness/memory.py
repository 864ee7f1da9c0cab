"""Memory of this process on a CPU."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SELF = Path("/proc/self")


def peak_bytes() -> int:
    """The most that the process has had since it began."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def peak_of(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """What a call gives, and how much memory it took at most beyond what was there; None where Linux does not tell."""
    if not _mark():
        return call(), None
    before = _status("VmRSS")
    result = call()
    return result, max(0, _status("VmHWM") - before)


def _mark() -> bool:
    """Give back what is free, and let the peak begin anew from here."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        (_SELF / "clear_refs").write_text("5")
    except (AttributeError, OSError):  # another system, or a kernel that does not allow it
        return False
    return True


def _status(name: str) -> int:
    line = next(line for line in (_SELF / "status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
