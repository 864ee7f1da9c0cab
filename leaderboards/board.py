"""From records to ranked rows.

Runs are compared within one system (equal content hash), one protocol and one version of it. A row has a rank if its
run completed, kept to the budget of its protocol and passed the statistics gate; every other row is shown with the
reason why it has none. Rows that agree with the best of their group within two standard errors share its rank.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.record import RECORD, ReferenceEnergy, RunRecord, System, read_record
from harness.settings import PROTOCOLS
from harness.sweep.plan import FILE as SWEEP
from zoo.errors import ZooError

RESULTS = Path(__file__).with_name("results")

MINIMUM_ESS = 1000
DRAWS_PER_TAU = 20
MAXIMUM_DRIFT_Z = 3
MAXIMUM_RHAT = 1.1
"""Chains that have not met. Chains of 20 autocorrelation times, as many as are asked for, have about 1.05."""
TIE_SIGMAS = 2


def gate(record: RunRecord) -> list[str]:
    """Why the statistics of a measured energy do not suffice for a rank; empty if they do.

    ESS >= 1000, draws of each chain >= 20 tau, |drift z| < 3 and R-hat < 1.1.
    """
    energy = record.energy
    if energy is None:
        return ["no energy"]
    per_tau, drift = energy.draws / energy.tau, abs(energy.drift_z)
    checks = [
        (energy.ess >= MINIMUM_ESS, f"ESS {energy.ess:.4g}, needs >= {MINIMUM_ESS}"),
        (per_tau >= DRAWS_PER_TAU, f"draws / tau {per_tau:.4g}, needs >= {DRAWS_PER_TAU}"),
        (drift < MAXIMUM_DRIFT_Z, f"|drift z| {drift:.4g}, needs < {MAXIMUM_DRIFT_Z}"),
        (energy.rhat < MAXIMUM_RHAT, f"R-hat {energy.rhat:.4g}, needs < {MAXIMUM_RHAT}"),
    ]
    return [reason for passed, reason in checks if not passed]


def budget(record: RunRecord) -> list[str]:
    """How a run departs from the budget of the protocol that it names; empty if it does not, or has no fixed one."""
    protocol = PROTOCOLS.get(record.protocol.name)
    if protocol is None or protocol.version != record.protocol.version or record.energy is None:
        return []
    spent = {
        "train.steps": record.compute.train_steps,
        "evaluate.draws": record.energy.draws,
        "evaluate.walkers": record.energy.walkers,
    }
    wanted = protocol.budget()
    return [
        f"{name} {value}, protocol {protocol.name} has {wanted[name]}"
        for name, value in spent.items()
        if value != wanted[name]
    ]


@dataclasses.dataclass(frozen=True)
class Row:
    """One run on a board.

    Attributes:
        rank: Place among the ranked rows, 1 the lowest energy; None if the row is not ranked.
        record: The run.
        reasons: Why the row is not ranked.
    """

    rank: int | None
    record: RunRecord
    reasons: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """Runs of one system under one protocol: ranked rows by energy, then the others by energy, model and seed."""

    protocol: str
    version: str
    rows: tuple[Row, ...]

    @property
    def best(self) -> Row | None:
        return self.rows[0] if self.rows and self.rows[0].rank is not None else None


@dataclasses.dataclass(frozen=True)
class Board:
    """Every run of one system.

    Attributes:
        name: The first, alphabetically, of the names under which the system was run.
        unit: Unit of energies.
        references: The energies that the runs were compared with, lowest first; more than one where the reference
            changed between runs.
        tables: One for each protocol and version.
    """

    name: str
    unit: str
    references: tuple[ReferenceEnergy, ...]
    tables: tuple[Table, ...]

    @property
    def system(self) -> System:
        """The record's description of the system, from any of the runs."""
        return self.tables[0].rows[0].record.system

    @property
    def space(self) -> str:
        return self.tables[0].rows[0].record.model.space

    @property
    def runs(self) -> int:
        return sum(len(table.rows) for table in self.tables)

    @property
    def slug(self) -> str:
        """Name of its page, without ending."""
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.name)
        return f"{safe}-{self.system.sha256[:8]}"


def collect(sources: Iterable[Path]) -> list[RunRecord]:
    """Records found in files and folders, each once, in an order that does not depend on where they lie.

    A folder gives every ``record.json`` below it and every ``*.json`` directly in it, but the list of a sweep.

    Raises:
        ZooError: A source does not exist, or a file is not a valid record.
    """
    paths: set[Path] = set()
    for source in map(Path, sources):
        if source.is_dir():
            paths |= {*source.rglob(RECORD), *source.glob("*.json")} - {source / SWEEP}
        elif source.is_file():
            paths.add(source)
        else:
            raise ZooError(f"{source}: expected a folder of runs or a record")
    records = {record.to_json(): record for record in (read_record(path) for path in sorted(paths))}
    return [records[text] for text in sorted(records)]


def boards(records: Iterable[RunRecord]) -> list[Board]:
    """One board for each system, by name."""
    systems: dict[str, list[RunRecord]] = {}
    for record in records:
        systems.setdefault(record.system.sha256, []).append(record)
    return sorted((_board(group) for group in systems.values()), key=lambda board: (board.name, board.slug))


def rank(records: Sequence[RunRecord]) -> tuple[Row, ...]:
    """Rows of one table. The best energy leads a group of ties; the first row outside it leads the next."""
    sound, others = [], []
    for record in records:
        reasons = _reasons(record)
        if reasons:
            others.append(Row(None, record, tuple(reasons)))
        else:
            sound.append(record)
    rows: list[Row] = []
    leader, place = None, 0
    for position, record in enumerate(sorted(sound, key=_order), start=1):
        if leader is None or not _tied(leader, record):
            leader, place = record, position
        rows.append(Row(place, record))
    return (*rows, *sorted(others, key=lambda row: _order(row.record)))


def _board(records: list[RunRecord]) -> Board:
    references = {record.reference for record in records if record.reference is not None}
    tables: dict[tuple[str, str], list[RunRecord]] = {}
    for record in records:
        tables.setdefault((record.protocol.name, record.protocol.version), []).append(record)
    return Board(
        name=min(record.system.name for record in records),
        unit="t" if records[0].model.space == "lattice" else "hartree",
        references=tuple(sorted(references, key=lambda r: (r.energy, r.citation))),
        tables=tuple(Table(name, version, rank(tables[name, version])) for name, version in sorted(tables, key=_size)),
    )


def _size(protocol: tuple[str, str]) -> tuple[int, str, str]:
    """Protocols from the largest budget to the smallest, then those without a fixed one."""
    known = PROTOCOLS.get(protocol[0])
    return (-known.train_steps if known else 0), *protocol


def _reasons(record: RunRecord) -> list[str]:
    if record.status != "completed":
        return [record.status if record.message is None else f"{record.status}: {record.message}"]
    return [*budget(record), *gate(record)]


def _order(record: RunRecord) -> tuple:
    energy = math.inf if record.energy is None else record.energy.mean
    return energy, record.model.name, record.provenance.seed, record.to_json()


def _tied(leader: RunRecord, record: RunRecord) -> bool:
    """Whether two measured energies agree within `TIE_SIGMAS` standard errors of their difference."""
    assert leader.energy is not None  # `_reasons` lets no record through without an energy
    assert record.energy is not None
    error = math.hypot(leader.energy.stderr, record.energy.stderr)
    return abs(record.energy.mean - leader.energy.mean) <= TIE_SIGMAS * error
