"""What a reference energy belongs to, as a hash: nuclei, trap or lattice, interaction, and the numbers of electrons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGITS = 16
"""Hexadecimal digits that are kept."""
_NOT_OF_THE_HAMILTONIAN = {
    *("basis", "charge", "unit", "L", "correlation_energy_total"),
    *("kinetic_per_electron", "exchange_per_electron", "madelung_per_electron"),
}
"""Parameters that tell how an energy was obtained, or follow from others."""
_PLACES = 6
"""Decimals of coordinates, in bohr: files write them with different ones."""


def hamiltonian_hash(key: str, n_up: int | None, n_down: int | None, parameters: Mapping[str, Any]) -> str:
    """The same for records of one Hamiltonian with the same electrons, however their energies were obtained.

    Args:
        key: Of the record; its first parts name the family, the lattice and the boundaries.
        n_up, n_down: Electrons of each spin.
        parameters: Of the record. Names of basis sets and energies among them do not count.
    """
    physical = {
        name: value for name, value in parameters.items() if name not in _NOT_OF_THE_HAMILTONIAN and value != ""
    }
    if "nuclei" in physical:
        physical["nuclei"] = [
            [symbol, [round(float(x), _PLACES) + 0.0 for x in position]] for symbol, position in physical["nuclei"]
        ]
    numbers = {name: float(v) if isinstance(v, int) and not isinstance(v, bool) else v for name, v in physical.items()}
    content = json.dumps([key.split("/")[:-1], n_up, n_down, numbers], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:DIGITS]
