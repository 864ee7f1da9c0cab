"""Results of lattices as rows of VarBench's tables (`zoo.references.varbench`)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.record import RunRecord
from leaderboards import known
from zoo.errors import ZooError
from zoo.references.varbench import Row, Table, name_of, table


def tables(records: Iterable[RunRecord]) -> list[Table]:
    """A table for each Hamiltonian that VarBench has a name for, with a row for each completed run, lowest first."""
    rows: dict[str, list[Row]] = {}
    for record in records:
        found = known.published(record.system) if record.model.space == "lattice" else None
        name = name_of(found.key) if found is not None and found.key is not None else None
        if name is not None and record.energy is not None and record.status == "completed":
            rows.setdefault(name, []).append(_row(record))
    if not rows:
        raise ZooError("no completed run of a lattice that VarBench has a name for: expected some, as of hubbard_4x4")
    return [table(name, sorted(rows[name], key=lambda row: row.energy)) for name in sorted(rows)]


def _row(record: RunRecord) -> Row:
    assert record.energy is not None
    provenance = record.provenance
    protocol = f"protocol {record.protocol.name} {record.protocol.version}"
    return Row(
        energy=record.energy.mean,
        sigma=record.energy.stderr,
        variance=record.variance,
        method=f"VMC {record.model.name} {record.model.version}, {record.model.parameters} parameters",
        data=f"{provenance.command} ({record.model.distribution} {provenance.zoo_version}, {protocol})",
    )
