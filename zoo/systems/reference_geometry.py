"""Molecules whose energies are on record: from a geometry to its references, and from references to their geometry."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from zoo import references
from zoo.systems import geometry
from zoo.systems.molecule import Molecule

_SAME_LENGTH = 1e-4
"""Distances in bohr that differ by less belong to one geometry."""


def parameters_of(key: str) -> dict[str, Any]:
    """Parameters of the `Molecule` whose energies are kept under a key; those that are defaults are left out.

    Raises:
        KeyError: No record of that key holds a geometry.
    """
    for record in references.load(key.split("/")[0]):
        if record.key == key and (nuclei := record.parameters.get("nuclei")) is not None:
            assert record.n_up is not None and record.n_down is not None
            atoms = geometry.canonical("; ".join(" ".join([symbol, *map(repr, at)]) for symbol, at in nuclei))
            charge = Molecule(atoms).n_electrons - record.n_up - record.n_down
            spin = record.n_up - record.n_down
            given: dict[str, Any] = {"atoms": atoms, **({"charge": charge} if charge else {})}
            return given if Molecule(**given).spin == spin else {**given, "spin": spin}
    raise KeyError(key)


@functools.lru_cache(maxsize=256)
def key_of(molecule: Molecule) -> str | None:
    """Key of the references with a molecule's elements, distances between nuclei, and electrons of each spin."""
    for record in (*references.load("atom"), *references.load("mol")):
        nuclei = record.parameters.get("nuclei")
        if nuclei is None:
            continue
        symbols, positions = [n[0] for n in nuclei], np.array([n[1] for n in nuclei], dtype=float)
        if (record.n_up, record.n_down) == (molecule.n_up, molecule.n_down) and _congruent(
            molecule.symbols, molecule.nuclei, symbols, positions
        ):
            return record.key
    return None


def _congruent(symbols, positions: np.ndarray, other_symbols, other_positions: np.ndarray) -> bool:
    """Whether some pairing of like nuclei keeps every distance: a rotation, reflection and shift join the two."""
    if sorted(symbols) != sorted(other_symbols):
        return False
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    other = np.linalg.norm(other_positions[:, None] - other_positions, axis=-1)

    def extend(pairing: list[int]) -> bool:
        i = len(pairing)
        if i == len(symbols):
            return True
        return any(
            np.all(np.abs(distances[i, :i] - other[j, pairing]) < _SAME_LENGTH) and extend([*pairing, j])
            for j in range(len(symbols))
            if j not in pairing and symbols[i] == other_symbols[j]
        )

    return extend([])
