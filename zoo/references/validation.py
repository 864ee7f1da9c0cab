"""Consistency of the reference energies among themselves.

A record is refused when it lies below the non-interacting energy of a purely repulsive system, below an exact value
by more than three standard deviations although its method is bounded from below by the ground state, when it and
another record that claims the same number contradict each other, when its energy was sampled but has no error, or when
it is not about the Hamiltonian whose hash it has. A record that breaks one of these is excused for few reasons only,
and then reported as such: its note already says SUSPECT, DOUBTFUL or low trust, its method gives no upper bound, the
note of one of two says that it disagrees, or that no error was published.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable

from zoo.references.choice import parse_key
from zoo.references.records import KINDS, Reference, load

DIGITS = 1e-8
"""Relative error taken for a record without one: rounding of published digits and of published parameters."""

DISAGREES, NO_ERROR = "disagrees", "no error published"
"""What a note says about a record that contradicts another one, or that was sampled and has no error."""
_SAMPLED = re.compile(r"VMC|DMC|QMC|GFMC|fixed-node|FN \(|FermiNet|Psiformer")
_CLAIMS = ("exact", "extrapolated", "estimate")
"""Kinds that claim to be the energy of the ground state within their uncertainty."""
_PARAMETER_NAMES = {"w": "omega", "U": "U", "rs": "rs"}


@dataclasses.dataclass(frozen=True)
class Report:
    """What `validate` found, one line each.

    Attributes:
        problems: Records that must be mended or marked.
        excused: Records that break a rule and may: the line says why.
    """

    problems: tuple[str, ...]
    excused: tuple[str, ...]


def validate(records: Iterable[Reference] | None = None) -> Report:
    """Check records against each other; without an argument, the whole file."""
    records = load() if records is None else tuple(records)
    problems, excused = [], []
    for record in records:
        problems += _malformed(record)
    by_key = sorted(records, key=lambda r: r.key)
    for _, group in itertools.groupby(by_key, key=lambda r: r.key):
        for record, finding in _inconsistent(list(group)):
            reason = _excuse(record, finding)
            line = f"{record.key}: {record.method}: {finding}"
            if reason is None:
                problems.append(line)
            else:
                excused.append(f"{line}; excused: {reason}")
    return Report(tuple(problems), tuple(excused))


def standard_deviation(record: Reference) -> float:
    """The record's uncertainty, or `DIGITS` of its energy where it states none."""
    return DIGITS * abs(record.energy) if record.uncertainty is None else record.uncertainty


def _malformed(record: Reference) -> list[str]:
    found = []
    if not math.isfinite(record.energy):
        found.append("energy is not finite")
    if record.uncertainty is not None and not (math.isfinite(record.uncertainty) and record.uncertainty >= 0):
        found.append("uncertainty is not a number >= 0")
    if record.kind not in KINDS:
        found.append(f"unknown kind {record.kind!r}")
    if record.exact != (record.kind == "exact"):
        found.append(f"exact={record.exact} contradicts kind {record.kind!r}")
    if record.exact and record.uncertainty is None:
        found.append("exact, but without an uncertainty")
    if record.status not in ("computed", "cited", "recalled"):
        found.append(f"unknown status {record.status!r}")
    if not record.source.strip():
        found.append("no source")
    if record.hamiltonian != record.expected_hamiltonian:
        has = record.hamiltonian or "missing"
        found.append(f"hash of the Hamiltonian {has}: key and parameters give {record.expected_hamiltonian}")
    parsed = parse_key(record.key)
    if parsed is not None:
        name = _PARAMETER_NAMES[parsed[0].rsplit("/", 1)[1]]
        if not math.isclose(record.parameters[name], parsed[1], rel_tol=1e-12):
            found.append(f"key says {name}={parsed[1]}, parameters say {record.parameters[name]}")
    return [f"{record.key}: {record.method}: {text}" for text in found]


def _inconsistent(group: list[Reference]):
    """Yield (record, what is wrong) for the records of one key."""
    exact = [r for r in group if r.exact]
    for record in group:
        floor = _noninteracting_energy(record, group)
        if floor is not None and record.energy < floor - 1e-9 * max(1.0, abs(floor)):
            yield record, f"{record.energy} lies below the non-interacting {floor}"
        if record.exact or record.kind == "noninteracting":
            continue
        for other in exact:
            allowed = 3 * math.hypot(standard_deviation(record), standard_deviation(other))
            if record.energy < other.energy - allowed:
                yield record, f"{record.energy} lies below the exact {other.energy} by more than {allowed:.1e}"
        if record.uncertainty is None and _SAMPLED.search(record.method):
            yield record, f"{record.energy} was sampled and has no error"
    for first, second in itertools.combinations(group, 2):
        if first.hamiltonian != second.hamiltonian:
            yield first, f"its Hamiltonian {first.hamiltonian} is not the {second.hamiltonian} of {second.method}"
        allowed = 3 * math.hypot(standard_deviation(first), standard_deviation(second))
        if _claim_the_same(first, second) and abs(first.energy - second.energy) > allowed:
            blamed = first if _excuse(first, "contradicts") else second  # the one whose note says so, if any
            other = second if blamed is first else first
            yield blamed, f"{blamed.energy} contradicts {other.energy} ({other.method}), allowed {allowed:.1e}"


def _claim_the_same(first: Reference, second: Reference) -> bool:
    """Whether two records give the same number: the ground state, or the same approximation in the same basis."""
    if first.kind in _CLAIMS and second.kind in _CLAIMS:
        return first.uncertainty is not None and second.uncertainty is not None
    if first.kind != second.kind:
        return False
    same_basis = first.parameters.get("basis") == second.parameters.get("basis")
    return first.kind == "noninteracting" or (
        first.kind == "mean_field" and first.method == second.method and same_basis
    )


def _noninteracting_energy(record: Reference, group: list[Reference]) -> float | None:
    """Lower bound where the interaction only repels: dots, and lattices with U >= 0.

    The electron gas and molecules have none here: their background and nuclei attract.
    """
    if record.key.startswith("dot"):
        from zoo.systems.quantum_dot import QuantumDot

        parameters = record.parameters
        dot = QuantumDot(parameters["dimension"], parameters["omega"], record.n_up or 0, record.n_down or 0)
        return dot.noninteracting_energy()
    if record.key.startswith("hubbard") and record.parameters["U"] >= 0:
        free = [r.energy for r in group if r.kind == "noninteracting"]
        return min(free) if free else None
    return None


def _excuse(record: Reference, finding: str) -> str | None:
    """Why a record may break a rule, or None. Exact records and variational energies have only their note."""
    if "Hamiltonian" in finding:
        return None
    if not record.trusted:
        return "marked as doubtful in its note, and never chosen as a reference"
    if "contradicts" in finding:
        return "its note says that it disagrees" if DISAGREES in record.note else None
    if "sampled" in finding:
        return "its note says that no error was published" if NO_ERROR in record.note else None
    if record.kind in ("extrapolated", "estimate"):
        return f"kind {record.kind!r} is no upper bound"
    if record.kind == "projected" and "AFQMC" in record.method:
        return "constrained-path AFQMC is no upper bound"
    return None
