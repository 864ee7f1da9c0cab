"""From records to ranked rows, by the rules of `leaderboards.rules`.

Runs are compared within one system (equal content hash), one protocol and one version of it and of the zoo. Runs that
differ in their seed alone make one row.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.record import RECORD, ReferenceEnergy, RunRecord, System, read_record
from harness.settings import PROTOCOLS
from harness.sweep.plan import FILE as SWEEP
from leaderboards import curves, known, rules
from zoo.errors import ZooError
from zoo.references import ReferenceSet

RESULTS = Path(__file__).with_name("results")


@dataclasses.dataclass(frozen=True)
class Result:
    """A run, with its training curve where that lies beside the record."""

    record: RunRecord
    curve: curves.Curve | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """Seeds of one recipe that count together, or one run that does not count.

    Attributes:
        rank: Place among the ranked rows, 1 the lowest energy; None if the row is not ranked.
        results: The runs, by seed.
        reasons: Why the row is not ranked.
        missing: How many runs of the same recipe do not count, and stand in rows of their own.
    """

    rank: int | None
    results: tuple[Result, ...]
    reasons: tuple[str, ...] = ()
    missing: int = 0

    @property
    def records(self) -> tuple[RunRecord, ...]:
        return tuple(result.record for result in self.results)

    @property
    def record(self) -> RunRecord:
        """The run with the lowest seed: for what all of them have in common."""
        return self.results[0].record

    @property
    def energies(self) -> tuple[float, ...]:
        return tuple(record.energy.mean for record in self.records if record.energy is not None)

    @property
    def energy(self) -> float | None:
        """Mean over the seeds."""
        return statistics.fmean(self.energies) if self.energies else None

    @property
    def stderr(self) -> float:
        """Standard error of the mean: of the measurements, or of the scatter of the seeds where that is larger."""
        errors = [record.energy.stderr for record in self.records if record.energy is not None]
        if not errors:
            return math.nan
        measured = math.hypot(*errors) / len(errors)
        scatter = statistics.stdev(self.energies) / math.sqrt(len(errors)) if len(errors) > 1 else 0.0
        return max(measured, scatter)

    def mean(self, values: Iterable[float | None]) -> float | None:
        """Mean of what the seeds have, None where one of them has nothing."""
        found = list(values)
        return statistics.fmean(v for v in found if v is not None) if found and None not in found else None

    @property
    def variance(self) -> float | None:
        return self.mean(record.variance for record in self.records)

    @property
    def v_score(self) -> float | None:
        return self.mean(record.v_score for record in self.records)

    @property
    def cpu_seconds(self) -> float | None:
        """Of training, by all processors; pretraining is added by the clock."""
        return self.mean(_with_pretraining(record, record.compute.train_cpu_seconds) for record in self.records)

    @property
    def clock_seconds(self) -> float | None:
        """Of training and pretraining, by the clock."""
        return self.mean(_with_pretraining(record, record.compute.train_seconds) for record in self.records)

    @property
    def cost(self) -> float | None:
        """Seconds that training took: `cpu_seconds`, or `clock_seconds` where a record has no others."""
        return self.clock_seconds if self.cpu_seconds is None else self.cpu_seconds


@dataclasses.dataclass(frozen=True)
class Table:
    """Runs of one system that are compared: ranked rows by energy, then the others by energy, model and seed.

    Attributes:
        protocol, version: The budget.
        zoo_version: Version of systems and harness.
        rows: Ranked ones first.
    """

    protocol: str
    version: str
    zoo_version: str
    rows: tuple[Row, ...]

    @property
    def ranked(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.rank is not None)

    @property
    def best(self) -> Row | None:
        return self.rows[0] if self.rows and self.rows[0].rank is not None else None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes tables of different systems comparable."""
        return self.protocol, self.version, self.zoo_version


@dataclasses.dataclass(frozen=True)
class Board:
    """Every run of one system.

    Attributes:
        name: What the system is called (`known.title`).
        unit: Unit of energies.
        reference: What energies are compared with: the best value that the zoo knows, or that of the newest record
            where it knows none.
        published: What the zoo knows of this Hamiltonian; None where its family is not installed.
        tables: One for each protocol and version, the largest budget first.
    """

    name: str
    unit: str
    reference: ReferenceEnergy | None
    published: ReferenceSet | None
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
        return sum(len(row.results) for table in self.tables for row in table.rows)

    @property
    def slug(self) -> str:
        """Name of its page, without ending."""
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.name.partition(" ")[0])
        return f"{safe}-{self.system.sha256[:8]}"

    @property
    def hartree_fock(self) -> float | None:
        """From where correlation energy is counted."""
        found = None if self.published is None else self.published.hartree_fock
        return None if found is None else found.energy

    def error(self, energy: float) -> float | None:
        """The energy minus the reference."""
        return None if self.reference is None else energy - self.reference.energy

    def relative_error(self, energy: float) -> float | None:
        if self.reference is None or self.reference.energy == 0:
            return None
        return (energy - self.reference.energy) / abs(self.reference.energy)

    def recovered(self, energy: float) -> float | None:
        """Share of the correlation energy."""
        if self.reference is None or self.hartree_fock is None or self.hartree_fock == self.reference.energy:
            return None
        return (self.hartree_fock - energy) / (self.hartree_fock - self.reference.energy)


def collect(sources: Iterable[Path]) -> list[Result]:
    """Runs found in files and folders, each once, in an order that does not depend on where they lie.

    A folder gives every ``record.json`` below it and every ``*.json`` directly in it, but the list of a sweep. Of the
    same record in two places, one with a training curve counts.

    Raises:
        ZooError: A source does not exist, or a file is not a valid record or curve.
    """
    paths: set[Path] = set()
    for source in map(Path, sources):
        if source.is_dir():
            paths |= {*source.rglob(RECORD), *source.glob("*.json")} - {source / SWEEP}
        elif source.is_file():
            paths.add(source)
        else:
            raise ZooError(f"{source}: expected a folder of runs or a record")
    found: dict[str, Result] = {}
    for path in sorted(paths):
        record = read_record(path)
        curve = curves.of_run(path.parent) if path.name == RECORD else None
        text = record.to_json()
        if text not in found or found[text].curve is None:
            found[text] = Result(record, curve)
    return [found[text] for text in sorted(found)]


def boards(results: Iterable[Result]) -> list[Board]:
    """One board for each system, by name."""
    systems: dict[str, list[Result]] = {}
    for result in results:
        systems.setdefault(result.record.system.sha256, []).append(result)
    return sorted((_board(group) for group in systems.values()), key=lambda board: (board.name, board.slug))


def rank(results: Sequence[Result], reasons: Callable[[RunRecord], list[str]] = rules.reasons) -> tuple[Row, ...]:
    """Rows of one table. The best energy leads a group of ties; the first row outside it leads the next.

    Args:
        results: The runs.
        reasons: Why a run does not count.
    """
    recipes: dict[str, list[Result]] = {}
    for result in results:
        recipes.setdefault(rules.recipe(result.record), []).append(result)
    combined = [_combine(group, reasons) for group in recipes.values()]
    sound = [row for rows in combined for row in rows if not row.reasons]
    others = [row for rows in combined for row in rows if row.reasons]
    rows: list[Row] = []
    leader, place = None, 0
    for position, row in enumerate(sorted(sound, key=_order), start=1):
        if leader is None or not _tied(leader, row):
            leader, place = row, position
        rows.append(dataclasses.replace(row, rank=place))
    return (*rows, *sorted(others, key=_order))


def _combine(results: list[Result], reasons: Callable[[RunRecord], list[str]]) -> list[Row]:
    """The seeds that count in one row, and each other run in a row of its own."""
    newest: dict[int, Result] = {}
    others: list[Row] = []
    for result in sorted(results, key=lambda r: (r.record.provenance.started_utc, r.record.to_json()), reverse=True):
        seed, found = result.record.provenance.seed, reasons(result.record)
        if found:
            others.append(Row(None, (result,), tuple(found)))
        elif seed in newest:
            counted = newest[seed].record.provenance.started_utc
            others.append(Row(None, (result,), (f"seed {seed} again: the run of {counted} counts",)))
        else:
            newest[seed] = result
    if not newest:
        return others
    # A run that failed before it was repeated with success is no failure of the recipe.
    missing = {row.record.provenance.seed for row in others} - set(newest)
    return [Row(None, tuple(newest[seed] for seed in sorted(newest)), missing=len(missing)), *others]


def _board(results: list[Result]) -> Board:
    records = [result.record for result in results]
    tables: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        record = result.record
        key = (record.protocol.name, record.protocol.version, record.provenance.zoo_version)
        tables.setdefault(key, []).append(result)
    published = known.published(records[0].system)
    return Board(
        name=known.title([record.system for record in records]),
        unit="t" if records[0].model.space == "lattice" else "hartree",
        reference=known.reference(published) or _newest_reference(records),
        published=published,
        tables=tuple(Table(*key, rank(tables[key])) for key in sorted(tables, key=_size)),
    )


def _newest_reference(records: list[RunRecord]) -> ReferenceEnergy | None:
    named = [record for record in records if record.reference is not None]
    return max(named, key=lambda r: (r.provenance.started_utc, r.to_json())).reference if named else None


def _size(key: tuple[str, str, str]) -> tuple:
    """Protocols from the largest budget to the smallest, then those without a fixed one; the newest zoo first."""
    protocol, version, zoo_version = key
    known_protocol = PROTOCOLS.get(protocol)
    numbers = [-int(part) if part.isdigit() else 0 for part in zoo_version.split(".")]
    return (-known_protocol.train_steps if known_protocol else 0), protocol, version, numbers, zoo_version


def _order(row: Row) -> tuple:
    energy = math.inf if row.energy is None else row.energy
    return energy, row.record.model.name, row.record.provenance.seed, row.record.to_json()


def _tied(leader: Row, row: Row) -> bool:
    """Whether two energies agree within `TIE_SIGMAS` standard errors of their difference."""
    assert leader.energy is not None  # `rules.reasons` lets no record through without an energy
    assert row.energy is not None
    return abs(row.energy - leader.energy) <= rules.TIE_SIGMAS * math.hypot(leader.stderr, row.stderr)


def _with_pretraining(record: RunRecord, seconds: float | None) -> float | None:
    if seconds is None:
        return None
    return seconds + (record.pretraining.seconds if record.pretraining is not None else 0.0)
