"""What the zoo knows of the Hamiltonian that a record describes.

The record's parameters make the system again, and its hash must be that of the record: a name says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from harness.record import ReferenceEnergy, System
from zoo import parameters, registry
from zoo.errors import ZooError
from zoo.references import Reference, ReferenceSet

METHODS = ("exact", "projected", "variational", "extrapolated", "estimate", "mean_field")
"""Kinds of references that are an attempt at the ground state; the energy without interaction is none."""


def published(system: System) -> ReferenceSet | None:
    """Every energy on record for that Hamiltonian; None where the zoo here cannot make the same system."""
    for name in registry.list_systems():
        spec = registry.system_spec(name)
        if spec.family != system.family:
            continue
        try:
            rebuilt = parameters.build(spec.system, system.parameters, "system")
        except ZooError:  # another version had other parameters: that family is not the record's
            return None
        return rebuilt.references() if rebuilt.sha256 == system.sha256 else None
    return None


def reference(known: ReferenceSet | None) -> ReferenceEnergy | None:
    """The best of them, as a record has it."""
    best = None if known is None else known.best
    if best is None:
        return None
    return ReferenceEnergy(energy=best.energy, uncertainty=best.uncertainty, kind=best.kind, citation=best.source)  # type: ignore[arg-type]


def methods(known: ReferenceSet | None) -> list[Reference]:
    """Energies of other methods, lowest first."""
    return [] if known is None else sorted((r for r in known.records if r.kind in METHODS), key=lambda r: r.energy)


def title(systems: Collection[System]) -> str:
    """What to call a Hamiltonian that was run under these descriptions: ``hubbard_4x4``, or ``hubbard_4x4 u=8``.

    The name with the fewest changed parameters, which follow it; a preset before a family; then the alphabet.
    """
    changes = {system.name: _changes(system) for system in systems}
    families = {system.name: system.name == system.family for system in systems}
    name = min(changes, key=lambda name: (len(changes[name]), families[name], name))
    return " ".join([name, *changes[name]])


def _changes(system: System) -> list[str]:
    """Parameters that differ from those of the preset of that name."""
    if system.name not in registry.list_systems():
        return []
    preset = registry.system_spec(system.name).create()
    if preset.sha256 == system.sha256 or preset.family != system.family:
        return []
    before = preset.parameters()
    return [f"{key}={_short(value)}" for key, value in system.parameters.items() if before.get(key) != value]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else parameters.plain_text(value).replace(" ", "")
