"""Ground states of atoms and ions by Hund's rule."""

import pytest

from zoo import references
from zoo.systems.elements import SYMBOLS, nuclear_charge, unpaired_electrons

MULTIPLICITIES = "212123432121234321212347654321234321"
"""Spectroscopic multiplicities 2S + 1 of H and He, Li to Ne, Na to Ar, K to Kr; chromium is a septet."""


def test_neutral_atoms_have_the_multiplicity_of_their_ground_state():
    spins = [unpaired_electrons(nuclear_charge(symbol), nuclear_charge(symbol)) for symbol in SYMBOLS]
    assert [spin + 1 for spin in spins] == [int(multiplicity) for multiplicity in MULTIPLICITIES]


@pytest.mark.parametrize(
    ("symbol", "n_electrons", "spin"),
    [("H", 2, 0), ("O", 7, 3), ("O", 9, 1), ("O", 10, 0), ("Ca", 19, 1), ("Sc", 18, 0), ("Ga", 30, 0), ("Br", 36, 0)],
)
def test_ions_follow_the_rule(symbol, n_electrons, spin):
    assert unpaired_electrons(nuclear_charge(symbol), n_electrons) == spin


@pytest.mark.parametrize(("symbol", "n_electrons"), [("Ti", 20), ("Ni", 27), ("Zn", 28), ("Ga", 28)])
def test_ions_in_which_3d_competes_with_4s_have_no_rule(symbol, n_electrons):
    """Ti2+ is 3d2 and Zn2+ 3d10, where filling by n + l would give 4s2 and 3d8 4s2."""
    assert unpaired_electrons(nuclear_charge(symbol), n_electrons) is None


def test_every_reference_atom_has_the_spin_of_the_rule():
    atoms = [record for record in references.load("atom") if len(record.parameters.get("nuclei", ())) == 1]
    assert len({record.key for record in atoms}) > 10
    for record in atoms:
        charge = nuclear_charge(record.parameters["nuclei"][0][0])
        assert unpaired_electrons(charge, record.n_up + record.n_down) == record.n_up - record.n_down
