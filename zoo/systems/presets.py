"""Systems that have names: each family with its default parameters, and presets on which models are compared."""

from __future__ import annotations

from zoo.registry import SystemSpec
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

FAMILIES = [
    SystemSpec("quantum_dot", "Electrons in a harmonic trap, in 2 or 3 dimensions", QuantumDot),
    SystemSpec("molecule", "Atoms and molecules with fixed nuclei", Molecule),
    SystemSpec("hubbard", "Hubbard model on a chain or a rectangle", Hubbard),
]

DOTS = [
    SystemSpec(
        f"quantum_dot_n{2 * pairs}",
        f"{2 * pairs} electrons in a 2D harmonic trap, closed shell",
        QuantumDot,
        {"dim": 2, "omega": 1.0, "n_up": pairs, "n_down": pairs},
    )
    for pairs in (1, 3, 6, 10)
]

MOLECULES = [
    SystemSpec("helium", "Helium atom", Molecule, {"atoms": "He 0 0 0"}),
    SystemSpec("beryllium", "Beryllium atom", Molecule, {"atoms": "Be 0 0 0"}),
    SystemSpec("lithium_hydride", "LiH at a bond length of 3.015 bohr", Molecule, {"atoms": "Li 0 0 0; H 0 0 3.015"}),
    SystemSpec("hydrogen_molecule", "H2 at a bond length of 1.4 bohr", Molecule, {"atoms": "H 0 0 0; H 0 0 1.4"}),
]

LATTICES = [
    SystemSpec(
        name,
        summary,
        Hubbard,
        {"lattice": lattice, "extent": extent, "boundary": boundary, "u": 4.0, "n_up": pairs, "n_down": pairs},
    )
    for name, summary, lattice, extent, boundary, pairs in (
        ("hubbard_chain_6", "Half-filled ring of 6 sites", "chain", (6,), "P", 3),
        ("hubbard_chain_10", "Half-filled ring of 10 sites", "chain", (10,), "P", 5),
        ("hubbard_4x4", "4x4 torus with 5+5 electrons, a closed shell", "rectangle", (4, 4), "PP", 5),
        ("hubbard_4x4_half", "Half-filled 4x4 torus", "rectangle", (4, 4), "PP", 8),
    )
]

SPECS = [*FAMILIES, *DOTS, *MOLECULES, *LATTICES]
