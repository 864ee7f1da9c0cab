"""Finding the records of a system, and choosing among them."""

from __future__ import annotations

import dataclasses
import functools
import math
import re

from zoo.references.records import Reference, load

_PARAMETER = re.compile(r"(?P<stem>.*/(?:w|U|rs))(?P<number>[-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:/(?P<divisor>\d+))?")
_RELATIVE_TOLERANCE = 1e-9
_BENCHMARK = re.compile(r"DMC|[A-Z]*AFQMC|DMRG|QMC \(continuous-time")


@dataclasses.dataclass(frozen=True)
class ReferenceSet:
    """Every energy known for one Hamiltonian; empty where nothing is known.

    Attributes:
        key: The key as the file spells it, or as it was asked for where the file has none.
        records: By kind, then energy.
    """

    key: str | None
    records: tuple[Reference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.records)

    def with_record(self, record: Reference) -> ReferenceSet:
        """The set with one more record, at the end."""
        return dataclasses.replace(self, records=(*self.records, record))

    @property
    def best(self) -> Reference | None:
        """The reference for the ground-state energy, or None where no record deserves to be one.

        The first class that holds a record: exact and computed; exact and cited; cited DMC, AFQMC or DMRG; anything
        else. Within a class the smallest uncertainty among exact values, otherwise the lowest energy. Never a
        mean-field or non-interacting energy, one recalled from memory, or one whose note expresses doubt.
        """
        candidates = [r for r in self.records if _may_be_reference(r)]
        return min(candidates, key=_preference, default=None)

    @property
    def exact(self) -> Reference | None:
        """`best`, if it is exact within its uncertainty."""
        best = self.best
        return best if best is not None and best.exact else None

    @property
    def hartree_fock(self) -> Reference | None:
        """The restricted Hartree-Fock energy from which correlation energy is counted.

        A numerical limit before a basis-set limit before the lowest finite-basis RHF or ROHF energy; on lattices and
        in the electron gas the plane-wave determinant. Unrestricted energies do not count.
        """
        ranked = [(_restricted_rank(r), r.energy, r) for r in self.records if r.kind == "mean_field" and r.trusted]
        restricted = [entry for entry in ranked if entry[0] is not None]
        return min(restricted, key=lambda entry: entry[:2])[2] if restricted else None

    @property
    def noninteracting(self) -> Reference | None:
        """The energy without interaction, where it is on record."""
        candidates = [r for r in self.records if r.kind == "noninteracting" and r.trusted]
        return min(candidates, key=lambda r: (r.status != "computed", r.energy), default=None)


def find(key: str | None) -> ReferenceSet:
    """The records of a key; an empty set for None and for keys that the file does not hold.

    The parameter at the end of a key (``w`` of dots, ``U`` of lattices, ``rs`` of the electron gas) is compared as a
    number, equal to 1e-9 relative: ``w1``, ``w1.0`` and ``w1e0`` agree, as do ``w1/6`` and ``w0.16666666666666666``.
    """
    if key is None:
        return ReferenceSet(None)
    records, spellings = _index()
    if key not in records:
        parsed = parse_key(key)
        if parsed is not None:
            stem, value = parsed
            for known, spelling in spellings.get(stem, ()):
                if math.isclose(value, known, rel_tol=_RELATIVE_TOLERANCE):
                    key = spelling
                    break
    return ReferenceSet(key, records.get(key, ()))


@functools.cache
def _index() -> tuple[dict[str, tuple[Reference, ...]], dict[str, list[tuple[float, str]]]]:
    """Records of each key, and for each stem the parameter values with the key that spells them."""
    records: dict[str, list[Reference]] = {}
    for record in load():
        records.setdefault(record.key, []).append(record)
    spellings: dict[str, list[tuple[float, str]]] = {}
    for key in records:
        parsed = parse_key(key)
        if parsed is not None:
            spellings.setdefault(parsed[0], []).append((parsed[1], key))
    return {key: tuple(group) for key, group in records.items()}, spellings


def parse_key(key: str) -> tuple[str, float] | None:
    """``dot2d/1-1/w1/6`` -> (``dot2d/1-1/w``, 1/6); None for keys that do not end in such a parameter."""
    match = _PARAMETER.fullmatch(key)
    if match is None:
        return None
    try:
        value = float(match["number"]) / float(match["divisor"] or 1)
    except (ValueError, ZeroDivisionError):  # "w1.2.3" and "w1/0" are not numbers, so they name no record
        return None
    return match["stem"], value


def _may_be_reference(record: Reference) -> bool:
    return record.kind not in ("mean_field", "noninteracting") and record.status != "recalled" and record.trusted


def _preference(record: Reference) -> tuple[int, float]:
    if record.exact:
        uncertainty = math.inf if record.uncertainty is None else record.uncertainty
        return (0 if record.status == "computed" else 1), uncertainty
    return (2 if record.status == "cited" and _BENCHMARK.match(record.method) else 3), record.energy


def _restricted_rank(record: Reference) -> int | None:
    if record.method.startswith("numerical restricted HF limit"):
        return 0
    if record.method in ("HF/CBS", "RHF/CBS"):
        return 1
    return 2 if re.match(r"(RHF|ROHF)\b", record.method) else None
