"""Positions of nuclei from text: written out, or in an XYZ file. Lengths are bohr once they are read."""

from __future__ import annotations

import functools
import math
import os
import re
from pathlib import Path

from zoo.errors import ZooError
from zoo.systems.elements import canonical_symbol

ANGSTROM = 1 / 0.529177210544
"""One angstrom in bohr, from the Bohr radius of CODATA 2022."""

UNITS = {"bohr": 1.0, "angstrom": ANGSTROM}

Nucleus = tuple[str, tuple[float, float, float]]
"""Symbol, and position in bohr."""

_EXPECTED = (
    "expected 'symbol x y z' of each nucleus in bohr, separated by ';' (after a last entry 'angstrom' in angstrom), "
    "one bare symbol, or the path of a file .xyz"
)


def canonical(atoms: str) -> str:
    """A geometry written out in bohr, from any form that is accepted.

    Args:
        atoms: ``"O 0 0 0; H 0 1.43 1.1; H 0 -1.43 1.1"``, with a last entry ``angstrom`` or ``bohr`` if need be; a bare
            symbol, an atom at the origin; or the path of an XYZ file, which ends in ``.xyz``.

    Raises:
        ZooError: The text is none of these, an element is unknown, or the file cannot be used.
    """
    if isinstance(atoms, str) and atoms.strip().lower().endswith(".xyz"):
        nuclei = _read_xyz(Path(os.path.expanduser(atoms.strip())))
    else:
        nuclei = parse(atoms)
    return "; ".join(_format(*nucleus) for nucleus in nuclei)


@functools.lru_cache(maxsize=256)
def parse(atoms: str) -> tuple[Nucleus, ...]:
    """Nuclei of a geometry that is written out.

    Raises:
        ZooError: An unknown element, or an entry that is not a symbol and three finite numbers.
    """
    if not isinstance(atoms, str):
        raise ZooError(f"system.atoms={atoms!r}: {_EXPECTED}")
    entries = [entry.split() for entry in atoms.replace("\n", ";").split(";") if entry.strip()]
    unit = 1.0
    if entries and len(entries[-1]) == 1 and entries[-1][0].lower() in UNITS:
        unit = UNITS[entries.pop()[0].lower()]
    if not entries:
        raise ZooError(f"system.atoms={atoms!r}: {_EXPECTED}")
    if len(entries) == 1 and len(entries[0]) == 1:
        if not entries[0][0].isalpha():
            raise ZooError(f"system.atoms={atoms!r}: {_EXPECTED}")
        return ((canonical_symbol(entries[0][0]), (0.0, 0.0, 0.0)),)
    nuclei = []
    for entry in entries:
        where = f"system.atoms: {' '.join(entry)!r}"
        if len(entry) != 4:
            raise ZooError(f"{where}: {_EXPECTED}")
        nuclei.append((canonical_symbol(entry[0]), _position(entry[1:], unit, where)))
    return tuple(nuclei)


def _read_xyz(path: Path) -> tuple[Nucleus, ...]:
    """Nuclei of an XYZ file: their number, a comment, then ``symbol x y z`` of each in angstrom.

    Further columns are left alone. Where the comment names the columns, as the extended format does, ``species`` and
    ``pos`` are read.
    """
    try:
        # Only the comment may hold letters that are not ASCII, and it does not matter how they are encoded.
        lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as error:
        raise ZooError(f"system.atoms={path}: {error.strerror}: expected an XYZ file that can be read") from error
    if not re.fullmatch(r"\s*[0-9]{1,6}\s*", lines[0]) or not (count := int(lines[0])):
        raise ZooError(f"system.atoms={path}: expected the number of nuclei on line 1, not {_quoted(lines[0])}")
    comment = lines[1] if len(lines) > 1 else ""
    species, position = _columns(comment, path)
    nuclei: list[Nucleus] = []
    for number, line in enumerate(lines[2:], 3):
        entries, where = line.split(), f"system.atoms={path}: line {number}, {_quoted(line)}"
        if not entries and (len(nuclei) == count or not any(map(str.strip, lines[number - 1 :]))):
            continue
        if len(nuclei) == count:
            raise ZooError(f"{where}: expected nothing after the {count} nuclei that line 1 announces")
        if len(entries) < max(species + 1, position + 3):
            raise ZooError(f"{where}: expected 'symbol x y z' in angstrom")
        try:
            symbol = canonical_symbol(entries[species])
        except ZooError as error:
            raise ZooError(f"{where}: {error}") from error
        nuclei.append((symbol, _position(entries[position : position + 3], ANGSTROM, where)))
    if len(nuclei) < count:
        raise ZooError(f"system.atoms={path}: expected the {count} nuclei that line 1 announces, found {len(nuclei)}")
    return tuple(nuclei)


def _columns(comment: str, path: Path) -> tuple[int, int]:
    """Column of the symbol and first column of the position."""
    if re.search(r'\bpbc="[^"]*[T1]', comment, re.IGNORECASE) or (
        re.search(r'\blattice="', comment, re.IGNORECASE) and "pbc=" not in comment.lower()
    ):
        raise ZooError(f"system.atoms={path}: line 2 makes it periodic: expected a molecule in open space")
    properties = re.search(r'\bproperties="?([^\s"]+)', comment, re.IGNORECASE)
    if properties is None:
        return 0, 1
    first, start, fields = {}, 0, properties[1].split(":")
    for name, width in zip(fields[::3], fields[2::3], strict=False):
        first[name.lower()] = start
        start += int(width) if width.isdecimal() else 0
    if not {"species", "pos"} <= first.keys():
        raise ZooError(f"system.atoms={path}: line 2: expected columns species and pos, not {_quoted(properties[1])}")
    return first["species"], first["pos"]


def _position(numbers: list[str], unit: float, where: str) -> tuple[float, float, float]:
    """Three numbers in units of ``unit`` bohr."""
    try:
        x, y, z = (float(number) * unit for number in numbers)
    except ValueError as error:
        raise ZooError(f"{where}: expected three numbers after the symbol") from error
    if not all(math.isfinite(number) for number in (x, y, z)):
        raise ZooError(f"{where}: expected finite coordinates")
    return x, y, z


def _format(symbol: str, position: tuple[float, float, float]) -> str:
    """One nucleus in canonical form; adding zero turns -0 into 0."""
    numbers = [repr(number + 0.0).removesuffix(".0") for number in position]
    return " ".join([symbol, *numbers])


def _quoted(line: str) -> str:
    """A line of a file for an error message, at most 60 characters of it."""
    text = repr(" ".join(line.split()))
    return text if len(text) <= 60 else text[:57] + "..."
