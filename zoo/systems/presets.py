"""Systems that have names: each family with its default parameters, and presets on which models are compared."""

from __future__ import annotations

from zoo.registry import SystemSpec
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.elements import SYMBOLS
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot
from zoo.systems.reference_geometry import parameters_of

FAMILIES = [
    SystemSpec("quantum_dot", "Electrons in a harmonic trap, in 2 or 3 dimensions", QuantumDot),
    SystemSpec("electron_gas", "Homogeneous electron gas in a periodic cell, in 2 or 3 dimensions", ElectronGas),
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

GASES = [
    SystemSpec(name, summary, ElectronGas, {"dim": dim, "rs": 1.0, "n_up": n_up, "n_down": n_down})
    for name, summary, dim, n_up, n_down in (
        ("electron_gas_n14", "7+7 electrons of a 3D gas, closed shells", 3, 7, 7),
        ("electron_gas_n38", "19+19 electrons of a 3D gas, closed shells", 3, 19, 19),
        ("electron_gas_n54", "27+27 electrons of a 3D gas, closed shells", 3, 27, 27),
        ("electron_gas_polarised_n7", "7 electrons of one spin of a 3D gas, a closed shell", 3, 7, 0),
        ("electron_gas_polarised_n19", "19 electrons of one spin of a 3D gas, a closed shell", 3, 19, 0),
        ("electron_gas_polarised_n27", "27 electrons of one spin of a 3D gas, a closed shell", 3, 27, 0),
        ("electron_gas_2d_n10", "5+5 electrons of a 2D gas, closed shells", 2, 5, 5),
        ("electron_gas_2d_n26", "13+13 electrons of a 2D gas, closed shells", 2, 13, 13),
    )
]

ATOMS = [
    SystemSpec(name, f"{name.capitalize()} atom", Molecule, parameters_of(f"atom/{symbol}"))
    for name, symbol in zip(
        ("hydrogen", "helium", "lithium", "beryllium", "boron", "carbon", "nitrogen", "oxygen", "fluorine", "neon"),
        SYMBOLS,
        strict=False,
    )
]

MOLECULES = [
    SystemSpec(name, summary, Molecule, parameters_of(f"mol/{key}"))
    for name, key, summary in (
        ("hydrogen_molecule", "H2", "H2"),
        ("lithium_hydride", "LiH", "LiH"),
        ("lithium_molecule", "Li2", "Li2"),
        ("beryllium_molecule", "Be2", "Be2, bound by correlation alone"),
        ("boron_molecule", "B2", "B2, a triplet"),
        ("carbon_molecule", "C2", "C2, of several determinants"),
        ("nitrogen_molecule", "N2", "N2"),
        ("oxygen_molecule", "O2", "O2, a triplet"),
        ("fluorine_molecule", "F2", "F2"),
        ("carbon_monoxide", "CO", "CO"),
        ("water", "H2O", "H2O"),
        ("ammonia", "NH3", "NH3"),
        ("methane", "CH4", "CH4"),
        (
            "hydrogen_square",
            "H4_square_R3.2843",
            "Square of 4 hydrogen atoms, frontier orbitals degenerate",
        ),
        ("hydrogen_chain_10", "H10_chain_R1.8", "Chain of 10 hydrogen atoms"),
    )
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

SPECS = [*FAMILIES, *DOTS, *GASES, *ATOMS, *MOLECULES, *LATTICES]
