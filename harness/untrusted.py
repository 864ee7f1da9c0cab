"""Files that anybody may have written, read as data: nothing in them is executed, unpickled or expanded.

Each file has a largest size, and what it unpacks to cannot be larger than the file. No backend is imported.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError

MOST_TEXT = 16 * 2**20
"""Bytes of a record, a manifest or the list of a sweep: a thousand times what they have."""
DEEPEST = 50
"""Levels of lists and mappings in a configuration, which has three."""
MOST_YAML = 2**18
"""Bytes of a configuration: a hundred times what it has."""


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """A file in UTF-8.

    Raises:
        OSError: It cannot be read.
        ValueError: It is larger than ``most`` bytes, or not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"larger than {most:,} bytes")
    return content.decode("utf-8")


def parse_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: It is no JSON, holds NaN or an infinity, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_yaml(text: str) -> Any:
    """What a YAML text holds: plain values, ``${...}`` left as it is, and numbers such as 1e-3 read as numbers.

    Raises:
        ValueError: It is no YAML, makes objects by tags such as ``!!python/object``, repeats parts by anchors, by which
            a short text can stand for one that fills the memory, or is nested too deeply.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"*{event.anchor}: expected no anchors")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:  # as soon as that is seen: the time that PyYAML takes grows with its square
                raise ValueError("nested too deeply")
        return OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0]) from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file.

    Raises:
        ZooError: The file is damaged, an array holds Python objects, which would need pickle, or claims to be larger
            than its part of the file, as a compressed one can.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()}
    except (OSError, ValueError, NotImplementedError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise ZooError(f"{path}: cannot be read: {error}") from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    if entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{entry.filename} is compressed: expected arrays as they are")
    with archive.open(entry) as file:
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(np.lib.format.read_magic(file))
        if read_header is None:
            raise ValueError(f"{entry.filename}: expected version 1 or 2 of NumPy's format")
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError(f"{entry.filename} holds Python objects: expected numbers, booleans or strings")
        if file.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
            raise ValueError(f"{entry.filename} is not of the size that its shape {shape} has")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a finite number")
