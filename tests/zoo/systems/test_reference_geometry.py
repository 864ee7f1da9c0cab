"""From molecules to their references, and from references to their molecules."""

import numpy as np
import pytest

from zoo import references, registry
from zoo.systems.elements import SYMBOLS
from zoo.systems.molecule import Molecule
from zoo.systems.reference_geometry import parameters_of

HYDROGEN = "H 0 0 -0.7; H 0 0 0.7"
KEYS = sorted({r.key for r in (*references.load("atom"), *references.load("mol")) if "nuclei" in r.parameters})
PRESETS = [
    name for name in registry.list_systems() if registry.system_spec(name).family == "molecule" and name != "molecule"
]


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"atoms": "He"}, "atom/He"),
        ({"atoms": "H", "charge": -1}, "atom/H-"),
        ({"atoms": "He", "charge": 1}, None),
        ({"atoms": "C"}, "atom/C"),
        ({"atoms": "C", "spin": 0}, None),
        ({"atoms": "H 1 2 3; Li 1 5.015 3"}, "mol/LiH"),
        ({"atoms": "Li 0 0 0; H 0 0 3.0"}, None),
        ({"atoms": HYDROGEN, "basis": "sto-3g"}, "mol/H2"),
        ({"atoms": "H 0 0 0; H 0 0 1.6"}, "mol/H2_R1.6"),
        ({"atoms": "O 0 0 0; H 0.75695 0.58588 0; H -0.75695 0.58588 0; angstrom"}, "mol/H2O"),
    ],
)
def test_a_reference_is_found_by_geometry_and_electrons(parameters, key):
    assert Molecule(**parameters).reference_key == key


def test_keys_hold_molecules():
    assert len(KEYS) > 30


@pytest.mark.parametrize("key", KEYS)
def test_the_molecule_of_a_key_finds_it_also_when_turned_and_reordered(key):
    molecule = Molecule(**parameters_of(key))
    assert molecule.reference_key == key
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    nuclei = reversed(list(zip(molecule.symbols, molecule.nuclei, strict=True)))
    turned = "; ".join(" ".join([symbol, *map(str, rotation @ position + 0.3)]) for symbol, position in nuclei)
    assert Molecule(turned, charge=molecule.charge, spin=molecule.spin).reference_key == key


def test_only_what_is_not_a_default_is_given():
    assert parameters_of("atom/C") == {"atoms": "C 0 0 0"}
    assert parameters_of("atom/H-") == {"atoms": "H 0 0 0", "charge": -1}
    assert parameters_of("mol/H2") == {"atoms": HYDROGEN}
    assert parameters_of("mol/O2") == {"atoms": "O 0 0 -1.1415; O 0 0 1.1415", "spin": 2}


def test_a_key_without_a_geometry_is_an_error():
    with pytest.raises(KeyError):
        parameters_of("mol/unheard_of")


def test_presets_cover_the_first_ten_atoms_and_the_usual_molecules():
    found = {registry.create_system(name).reference_key for name in PRESETS}
    assert found == {
        *(f"atom/{symbol}" for symbol in SYMBOLS[:10]),
        *(f"mol/{atom}2" for atom in ("H", "Li", "Be", "B", "C", "N", "O", "F")),
        *(f"mol/{formula}" for formula in ("LiH", "CO", "H2O", "NH3", "CH4")),
        "mol/H4_square_R3.2843",
        "mol/H10_chain_R1.8",
    }


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_finds_the_energies_it_is_compared_with(name):
    known = registry.create_system(name).references()
    assert known.best is not None and known.hartree_fock is not None
    assert known.best.energy <= known.hartree_fock.energy
