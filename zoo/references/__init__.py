"""Reference energies: what is known about each system, with its citation.

    from zoo import references

    known = references.find("hubbard/4x4/PP/5-5/U4")
    known.best.energy, known.best.kind, known.best.source

`zoo/references/README.md` says what the kinds mean and how far the numbers can be trusted.
"""

from zoo.references.choice import ReferenceSet, find
from zoo.references.hamiltonian import hamiltonian_hash
from zoo.references.records import KINDS, Reference, load
from zoo.references.validation import Report, validate

__all__ = ["KINDS", "Reference", "ReferenceSet", "Report", "find", "hamiltonian_hash", "load", "validate"]
