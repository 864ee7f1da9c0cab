"""One reference energy, and the file that holds them all. Imports no library."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

from zoo.references.hamiltonian import hamiltonian_hash

KINDS = ("exact", "projected", "variational", "extrapolated", "estimate", "mean_field", "noninteracting")
"""What an energy is; the README of this folder defines each."""

PATH = Path(__file__).with_name("references.jsonl")

_DISTRUST = ("SUSPECT", "DOUBTFUL", "low trust")


@dataclasses.dataclass(frozen=True)
class Reference:
    """One energy of one Hamiltonian with a fixed number of electrons.

    Attributes:
        key: The Hamiltonian and its electrons, such as ``hubbard/4x4/PP/5-5/U4``; records of one key compare.
        system: The same in words.
        n_up, n_down: Electrons of each spin; None for infinite systems.
        parameters: Parameters of the Hamiltonian, and the basis set where the method has one.
        boundary: Boundary condition in words.
        energy: Total energy in ``units`` (per site for infinite lattices).
        uncertainty: One standard deviation, or the bound the source gives; None where the source gives none.
        units: ``"hartree"``, ``"t"`` or ``"t per site"``.
        method: How the energy was obtained.
        kind: One of `KINDS`.
        exact: Whether the energy is that of the ground state within ``uncertainty``.
        status: ``"computed"`` for this collection, ``"cited"`` from a source that was read, or ``"recalled"`` from
            memory, and then never the preferred reference.
        source: Citation.
        note: Checks, and doubts.
        hamiltonian: Hash of the Hamiltonian and its electrons (`zoo.references.hamiltonian`), the same for records of
            one key.
        variance: Variance of the energy, where the source gives it; left out of the file otherwise.
    """

    key: str
    system: str
    n_up: int | None
    n_down: int | None
    parameters: dict[str, Any]
    boundary: str
    energy: float
    uncertainty: float | None
    units: str
    method: str
    kind: str
    exact: bool
    status: str
    source: str
    note: str
    hamiltonian: str = ""
    variance: float | None = None

    @property
    def expected_hamiltonian(self) -> str:
        """The hash that its key, electrons and parameters give."""
        return hamiltonian_hash(self.key, self.n_up, self.n_down, self.parameters)

    @property
    def doubts(self) -> str:
        """Why it is not trusted; empty where it is."""
        return "" if self.trusted else self.note

    @property
    def trusted(self) -> bool:
        """Whether the note is free of ``SUSPECT``, ``DOUBTFUL`` and ``low trust``."""
        return not any(word in self.note for word in _DISTRUST)

    def to_json(self) -> str:
        """Its line of the file."""
        content = dataclasses.asdict(self)
        if self.variance is None:
            del content["variance"]
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


@functools.cache
def load(family: str = "") -> tuple[Reference, ...]:
    """Records of the file in its order: by key, then kind, then energy. Read once.

    Args:
        family: What the key begins with up to its first slash, such as ``"mol"``; by default every record. Records of
            other families are not parsed, which takes most of the time.
    """
    start = f'{{"key": "{family}/' if family else "{"
    with PATH.open(encoding="utf-8") as lines:
        return tuple(Reference(**json.loads(line)) for line in lines if line.startswith(start))
