"""Tables of energies as VarBench keeps them: a Markdown file for each Hamiltonian, a row for each method.

The columns are those of github.com/varbench/varbench: the energy of the whole system, its statistical error, its
variance, the number of particles, the energy at infinite temperature, the method, and where its data lie. The name of
a file, such as ``Hubbard/square_16_P_5_4.md``, is its Hamiltonian (`zoo.systems.varbench`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.errors import UnknownNameError, ZooError
from zoo.references.records import Reference
from zoo.systems import varbench
from zoo.systems.hubbard import Hubbard
from zoo.systems.lattice_model import LatticeModel
from zoo.systems.t_v import TV

COLUMNS = ("Energy", "Sigma", "Energy Variance", "DOF", "Einf", "Method", "Data Repository")
FOLDERS = {"hubbard": "Hubbard", "t_v": "tV"}
"""Where VarBench keeps a family of Hamiltonians."""
_NEEDED = ("Energy", "Method")
_CITATION = "VarBench ({file}; Science 386, 296 (2024), arXiv:2302.04919)"
_MEAN_FIELD = re.compile(r"Hartree.Fock|\b[RU]?HF\b|mean.field", re.I)
_EXACT = re.compile(r"exact|^ED\b|Bethe", re.I)
_PROJECTED = re.compile(r"DMC|AFQMC|GFMC|QMC|\bFN\b|fixed-node")
_EXACT_ERROR = 1e-10
_EINF_ROUNDING = 1e-6
_KEY = re.compile(r"hubbard/(\d+)x(\d+)/([PAO]{1,2})/(\d+)-(\d+)/U(-?[\d.]+(?:e-?\d+)?)|tv/(\w+)/(\d+)/(-?[\d.]+)")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        energy: Of the whole system.
        sigma: Statistical error; None where the method has none.
        variance: Variance of the energy; None where it is not known.
        method: How it was obtained.
        data: Where its data, or its publication, are.
    """

    energy: float
    sigma: float | None
    variance: float | None
    method: str
    data: str


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of one Hamiltonian.

    Attributes:
        name: Of the Hamiltonian, without folder: ``square_16_P_5_4``.
        system: The system.
        rows: In the order in which they stand.
    """

    name: str
    system: LatticeModel
    rows: tuple[Row, ...]

    @property
    def file(self) -> str:
        """Its name in VarBench: ``Hubbard/square_16_P_5_4.md``."""
        return f"{FOLDERS[self.system.family]}/{self.name}.md"

    def to_markdown(self) -> str:
        """The text of the file."""
        shared = [str(self.system.n_electrons), f"{self.system.infinite_temperature_energy:.12g}"]
        lines = [
            [
                _number(row.energy),
                _number(row.sigma),
                _number(row.variance),
                *shared,
                _cell(row.method),
                _cell(row.data),
            ]
            for row in self.rows
        ]
        widths = [max(len(line[i]) for line in [list(COLUMNS), *lines]) for i in range(len(COLUMNS))]
        head = [list(COLUMNS), ["-" * width for width in widths]]
        return "".join(
            f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |\n"
            for line in [*head, *lines]
        )


def name_of(key: str) -> str | None:
    """What VarBench calls the Hamiltonian of a reference key; None where it has no name for it."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    long, short, boundary, n_up, n_down, strength, lattice, count, repulsion = match.groups()
    if lattice is not None:
        return f"tV/{lattice}_{count}_{repulsion}"
    if n_up != n_down:
        return None
    x, y = int(short), int(long)  # VarBench has the shorter axis first
    letters = boundary[0] if len(set(boundary)) == 1 else boundary if x == y else boundary[::-1]
    if x == 1:
        return f"chain_{y}_{boundary}_{n_up}_{strength}"
    shape = f"square_{x * y}" if x == y else f"rectangular-{x}x{y}_{x * y}"
    return f"{shape}_{letters}_{n_up}_{strength}"


def tables(records: Iterable[Reference]) -> list[Table]:
    """Tables of the records that VarBench has a name for, without those that are doubted or are no trial state."""
    rows: dict[str, list[Row]] = {}
    for record in records:
        name = name_of(record.key) if record.trusted and record.kind not in ("noninteracting",) else None
        if name is not None and _is_that_of(name, record.key):
            rows.setdefault(name, []).append(_row(record))
    return [table(name, rows[name]) for name in sorted(rows)]


def table(name: str, rows: Sequence[Row]) -> Table:
    """A table of the Hamiltonian of that name; raises as `zoo.systems.varbench.parse` does."""
    family, values = varbench.parse(name)
    system = registry.create_system(family.family, **values)
    assert isinstance(system, LatticeModel)
    return Table(name.rpartition("/")[2], system, tuple(rows))


def read(path: Path) -> Table:
    """The table in a file of VarBench.

    Raises:
        ZooError: The file cannot be read, its name is no Hamiltonian, or a line is not what it should be.
    """
    folder = "tV/" if path.parent.name.lower() == "tv" else ""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{path}: cannot be read: {error}") from error
    empty = table(folder + path.name.removesuffix(".md"), [])
    cells = [(number, _cells(line)) for number, line in enumerate(lines, start=1) if line.strip().startswith("|")]
    if len(cells) < 2:
        raise ZooError(f"{path}: expected a Markdown table with the columns {', '.join(COLUMNS)}")
    head = cells[0][1]
    for column in head:
        if column not in COLUMNS:
            raise UnknownNameError(f"column in {path}", column, COLUMNS)
    missing = [column for column in _NEEDED if column not in head]
    if missing:
        raise ZooError(f"{path}: no column {missing[0]}: expected {', '.join(COLUMNS)}")
    rows = []
    for number, line in cells[2:]:
        if len(line) != len(head):
            raise ZooError(f"{path}: line {number}: {len(line)} cells: expected {len(head)}")
        rows.append(_parsed(f"{path}: line {number}", dict(zip(head, line, strict=True)), empty.system))
    return dataclasses.replace(empty, rows=tuple(rows))


def references(table: Table) -> list[Reference]:
    """The rows of a table as reference energies, cited from VarBench.

    Raises:
        ZooError: The Hamiltonian has no key among the references.
    """
    system = table.system
    key = system.reference_key
    if key is None or name_of(key) is None:
        raise ZooError(f"{table.name}: expected a Hamiltonian that zoo/references has keys for")
    match = _KEY.fullmatch(key)
    assert match is not None  # `name_of` found its parts
    parameters: dict[str, Any]
    if isinstance(system, Hubbard):
        parameters = {"t": 1, "U": system.u, "Lx": int(match[1]), "Ly": int(match[2])}
    else:
        assert isinstance(system, TV)
        lattice = table.name.partition("_")[0]
        parameters = {"t": 1, "V": system.v, "extra": "", "lattice": lattice, "sites": system.n_sites}
    found = []
    for row in table.rows:
        kind = _kind(row.method)
        uncertainty = row.sigma if row.sigma or kind != "exact" else _EXACT_ERROR * max(1.0, abs(row.energy))
        record = Reference(
            key=key,
            system=f"{FOLDERS[system.family]} {table.name}",
            n_up=system.n_up,
            n_down=system.n_down,
            parameters=parameters,
            boundary=_in_words(system.boundary),
            energy=row.energy,
            uncertainty=uncertainty,
            units="t",
            method=row.method,
            kind=kind,
            exact=kind == "exact",
            status="cited",
            source=_CITATION.format(file=table.file) + (f"; {row.data}" if row.data else ""),
            note="as in VarBench",
            variance=row.variance,
        )
        found.append(dataclasses.replace(record, hamiltonian=record.expected_hamiltonian))
    return found


def _kind(method: str) -> str:
    """The kind of reference that a description of a method means."""
    kinds = {"mean_field": _MEAN_FIELD, "exact": _EXACT, "projected": _PROJECTED}
    return next((kind for kind, pattern in kinds.items() if pattern.search(method)), "variational")


def _row(record: Reference) -> Row:
    rounding = record.uncertainty is not None and record.uncertainty <= 1e-8 * max(1.0, abs(record.energy))
    citation, _, data = record.source.partition("2302.04919)")
    return Row(
        energy=record.energy,
        sigma=None if rounding else record.uncertainty,
        variance=record.variance,
        method=record.method,
        data=data.removeprefix("; ") if citation.startswith("VarBench (") else record.source,
    )


def _is_that_of(name: str, key: str) -> bool:
    """Whether a name stands for the Hamiltonian of a key in this project's own reading of it."""
    try:
        return table(name, []).system.reference_key == key
    except ZooError:
        return False


def _parsed(where: str, cells: Mapping[str, str], system: LatticeModel) -> Row:
    energy = _float(where, "Energy", cells["Energy"])
    if energy is None:
        raise ZooError(f"{where}: no energy")
    particles = _float(where, "DOF", cells.get("DOF", ""))
    if particles not in (None, system.n_electrons):
        raise ZooError(f"{where}: DOF {particles:g}: the name of the file says {system.n_electrons}")
    infinite = _float(where, "Einf", cells.get("Einf", ""))
    expected = system.infinite_temperature_energy
    if infinite is not None and not math.isclose(infinite, expected, rel_tol=_EINF_ROUNDING, abs_tol=_EINF_ROUNDING):
        raise ZooError(f"{where}: Einf {infinite:g}: the name of the file gives {expected:.12g}")
    sigma = _float(where, "Sigma", cells.get("Sigma", ""))
    if sigma is not None and sigma < 0:
        raise ZooError(f"{where}: Sigma {sigma:g}: expected 0 or more")
    variance = _float(where, "Energy Variance", cells.get("Energy Variance", ""))
    return Row(energy, sigma, variance, cells["Method"], cells.get("Data Repository", ""))


def _float(where: str, column: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ZooError(f"{where}: {column} {text}: expected a number") from None
    if not math.isfinite(value):
        raise ZooError(f"{where}: {column} {text}: expected a finite number")
    return value


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner.removesuffix("|") if not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _in_words(boundary: str) -> str:
    words = {"P": "PBC", "A": "APBC", "O": "OBC"}
    if len(boundary) == 1:
        return words[boundary]
    return ", ".join(f"{words[letter]} {axis}" for letter, axis in zip(boundary, "xyz", strict=False))
