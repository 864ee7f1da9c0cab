"""Weight files that somebody else has made: what they hold is looked at before anything is loaded. Light.

A file is HDF5 as Keras writes it, numbers in groups, and nothing is ever unpickled. What HDF5 can do beyond that is
refused: links to other files, data kept in other files, objects, and arrays that take more memory than they should.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

ENDING = ".weights.h5"
MOST_BYTES = 8 * 2**20
"""Size of the largest weight file that is taken, and memory that its arrays may take."""
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 100_000


def problems(path: Path) -> list[str]:
    """What is wrong with a weight file; empty if it can be loaded without harm."""
    if not path.name.endswith(ENDING):
        return [f"{path.name}: expected a file that ends in {ENDING}"]
    if path.is_symlink() or not path.is_file():
        return [f"{path.name}: expected a plain file"]
    size = path.stat().st_size
    if size > MOST_BYTES:
        return [f"{path.name}: {size} bytes: expected at most {MOST_BYTES}"]
    with path.open("rb") as file:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            return [f"{path.name}: not an HDF5 file"]
    try:
        with h5py.File(path, "r") as file:
            return [f"{path.name}: {found}" for found in _inside(file)]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        return [f"{path.name}: not readable as HDF5: {' '.join(str(error).split())}"]


def _inside(file: h5py.File) -> Iterator[str]:
    arrays, taken = [], 0
    for name, found in _objects(file):
        if isinstance(found, str):
            yield found
            continue
        if not isinstance(found, h5py.Dataset):
            continue
        if found.external or found.is_virtual:
            yield f"{name}: its data lie in other files"
        elif found.dtype.kind not in "fiub":
            yield f"{name}: of type {found.dtype}: expected numbers"
        else:
            arrays.append((name, found))
            taken += found.size * found.dtype.itemsize
    if taken > MOST_BYTES:
        yield f"arrays of {taken} bytes: expected at most {MOST_BYTES}"
        return
    for name, array in arrays:
        if not np.isfinite(array[()]).all():
            yield f"{name}: not finite"


def _objects(file: h5py.File) -> Iterator[tuple[str, h5py.Group | h5py.Dataset | str]]:
    """Every object by its name, each once, or what is wrong with the link to it."""
    waiting, seen = [("", file)], {h5py.h5o.get_info(file.id).addr}
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            name = f"{prefix}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                yield name, f"{name}: a link to elsewhere"
                continue
            found = group[key]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                yield name, f"more than {_MOST_OBJECTS} objects"
                return
            yield name, found
            if isinstance(found, h5py.Group):
                waiting.append((name, found))
