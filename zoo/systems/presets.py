"""Systems that have names: each family with its default parameters, and presets on which models are compared."""

from __future__ import annotations

from zoo.registry import SystemSpec
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.elements import SYMBOLS
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot
from zoo.systems.reference_geometry import parameters_of
from zoo.systems.t_v import TV

FAMILIES = [
    SystemSpec("quantum_dot", "Electrons in a harmonic trap, in 2 or 3 dimensions", QuantumDot),
    SystemSpec("electron_gas", "Homogeneous electron gas in a periodic cell, in 2 or 3 dimensions", ElectronGas),
    SystemSpec("molecule", "Atoms and molecules with fixed nuclei", Molecule),
    SystemSpec("hubbard", "Hubbard model on a chain, ladder, square, triangular or honeycomb lattice", Hubbard),
    SystemSpec("t_v", "Fermions without spin that repel on neighbouring sites, on the same lattices", TV),
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

HUBBARD_LATTICES = [
    SystemSpec(
        name,
        summary,
        Hubbard,
        {"lattice": lattice, "extent": extent, "boundary": boundary, "u": u, "n_up": pairs, "n_down": pairs},
    )
    for name, summary, lattice, extent, boundary, pairs, u in (
        ("hubbard_chain_6", "Half-filled ring of 6 sites", "chain", (6,), "P", 3, 4.0),
        ("hubbard_chain_10", "Half-filled ring of 10 sites", "chain", (10,), "P", 5, 4.0),
        ("hubbard_chain_14", "Half-filled ring of 14 sites", "chain", (14,), "P", 7, 4.0),
        ("hubbard_chain_50", "Half-filled ring of 50 sites", "chain", (50,), "P", 25, 4.0),
        ("hubbard_4x4_n6", "4x4 torus with 3+3 electrons, an open shell", "rectangle", (4, 4), "PP", 3, 4.0),
        ("hubbard_4x4_n8", "4x4 torus with 4+4 electrons, an open shell", "rectangle", (4, 4), "PP", 4, 4.0),
        ("hubbard_4x4", "4x4 torus with 5+5 electrons, a closed shell", "rectangle", (4, 4), "PP", 5, 4.0),
        ("hubbard_4x4_n14", "4x4 torus with 7+7 electrons, 1/8 doped", "rectangle", (4, 4), "PP", 7, 4.0),
        ("hubbard_4x4_half", "Half-filled 4x4 torus", "rectangle", (4, 4), "PP", 8, 4.0),
        ("hubbard_4x8_half", "Half-filled 4x8 torus", "rectangle", (4, 8), "PP", 16, 8.0),
        ("hubbard_4x8_doped", "4x8 torus, 1/8 doped", "rectangle", (4, 8), "PP", 14, 8.0),
        ("hubbard_6x6_half", "Half-filled 6x6 torus, a closed shell", "square", (6, 6), "PA", 18, 4.0),
        ("hubbard_8x8_half", "Half-filled 8x8 torus", "square", (8, 8), "PP", 32, 4.0),
        ("hubbard_8x8_doped", "8x8 torus, 1/8 doped", "square", (8, 8), "PP", 28, 8.0),
        ("hubbard_4x16_doped", "4x16 torus, 1/8 doped", "rectangle", (4, 16), "PP", 28, 8.0),
        ("hubbard_ladder_2x8", "Half-filled ladder of 8 rungs", "ladder", (2, 8), "OP", 8, 4.0),
        ("hubbard_ladder_2x8_doped", "Ladder of 8 rungs, 1/8 doped", "ladder", (2, 8), "OP", 7, 4.0),
        ("hubbard_triangular_3x4", "Half-filled triangular 3x4 torus", "triangular", (3, 4), "PP", 6, 8.0),
        ("hubbard_triangular_6x6", "Half-filled triangular 6x6 torus", "triangular", (6, 6), "PP", 18, 8.0),
        ("hubbard_honeycomb_2x3", "Half-filled honeycomb torus of 6 cells", "honeycomb", (2, 3), "PP", 6, 4.0),
        ("hubbard_honeycomb_3x3", "Half-filled honeycomb torus of 9 cells", "honeycomb", (3, 3), "PP", 9, 4.0),
        ("hubbard_honeycomb_6x6", "Half-filled honeycomb torus of 36 cells", "honeycomb", (6, 6), "PP", 36, 4.0),
    )
]

T_V_LATTICES = [
    SystemSpec(
        name, summary, TV, {"lattice": lattice, "extent": extent, "boundary": boundary, "v": 1.0, "n_up": fermions}
    )
    for name, summary, lattice, extent, boundary, fermions in (
        ("t_v_chain_8", "Half-filled t-V ring of 8 sites", "chain", (8,), "A", 4),
        ("t_v_chain_32", "Half-filled t-V ring of 32 sites", "chain", (32,), "P", 16),
        ("t_v_4x4", "t-V model on a 4x4 torus, 5 fermions, a closed shell", "square", (4, 4), "PP", 5),
        ("t_v_6x6", "t-V model on a 6x6 torus, 13 fermions, a closed shell", "square", (6, 6), "PP", 13),
        ("t_v_8x8", "Half-filled t-V model on an 8x8 torus", "square", (8, 8), "PP", 32),
        ("t_v_honeycomb_3x3", "Half-filled t-V model on a honeycomb torus of 9 cells", "honeycomb", (3, 3), "PP", 9),
    )
]

SPECS = [*FAMILIES, *DOTS, *GASES, *ATOMS, *MOLECULES, *HUBBARD_LATTICES, *T_V_LATTICES]
