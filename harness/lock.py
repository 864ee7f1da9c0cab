"""One process at a time in a run's folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError

NAME = ".lock"


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder while the body runs; the system lets go of it when the process ends, however it ends.

    Raises:
        ZooError: Another process holds it; names the process.
    """
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ZooError(f"{folder}: cannot write there: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise ZooError(f"{folder}: {holder} is working in this run folder; wait for it, or stop it first") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        os.fsync(descriptor)
        yield
    finally:
        os.close(descriptor)
