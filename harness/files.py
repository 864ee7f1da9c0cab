"""Files that are there whole or not at all, whatever happens while they are written. Light: imports no backend."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from zoo.errors import ZooError


def replace(path: Path, writer: Callable[[str], object]) -> None:
    """Have ``writer`` fill a temporary file with the same ending, flush it, and give it its name.

    A reader, a kill or a power cut at any moment meets the old file or the new one.

    Args:
        path: ``NAME.ENDING``; the temporary file is ``NAME.tmp.ENDING``, as Keras insists on its own ending.
        writer: Called with the name of the temporary file.

    Raises:
        OSError: It cannot be written; names ``path``.
    """
    temporary = temporary_name(path)
    try:
        writer(str(temporary))
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except OSError as error:
        raise OSError(error.errno or errno.EIO, reason(error), str(path)) from error


def replace_content(path: Path, content: bytes | str) -> None:
    """Replace a file by that content, in UTF-8 where it is text; as `replace`, and leaves no temporary file behind."""
    data = content.encode() if isinstance(content, str) else content
    try:
        replace(path, lambda temporary: Path(temporary).write_bytes(data))
    except BaseException:
        temporary_name(path).unlink(missing_ok=True)
        raise


def temporary_name(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    stem, dot, ending = path.name.partition(".")
    return path.with_name(f"{stem}.tmp{dot}{ending}")


def fingerprint(path: Path) -> dict[str, str | int]:
    """``sha256`` and ``bytes`` of a file."""
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def reason(error: OSError) -> str:
    """What went wrong in a few words; HDF5 puts a paragraph with the system's message into its errors."""
    said = re.search(r"error message = '([^']*)'", str(error))
    return said[1] if said else error.strerror or str(error)


def require_space(path: Path, bytes_needed: int) -> None:
    """Notice a full disk before HDF5 does: h5py can crash the whole process when a write fails.

    Raises:
        OSError: There is less space where ``path`` is to be.
    """
    if shutil.disk_usage(path.parent).free < bytes_needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def check_writable(folder: str | os.PathLike, bytes_needed: int = 0) -> None:
    """Create the folder and make sure that files can be written there, before hours of work depend on it.

    Args:
        folder: Where files will go.
        bytes_needed: Least free space.

    Raises:
        ZooError: One line: the folder and why it cannot be used.
    """
    folder = Path(folder)
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"?")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ZooError(f"{folder}: cannot write there: {reason(error)}") from error
    if free < bytes_needed:
        raise ZooError(f"{folder}: {_megabytes(free)} free, expected at least {_megabytes(bytes_needed)}")


def _flush(path: Path) -> None:
    """Make a file's content, or a folder's names, survive a power cut (POSIX: a read-only handle will do)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
