"""Restricted Hartree-Fock on lattices: where the free determinant is one of its states."""

import dataclasses

import pytest

from zoo import references
from zoo.registry import create_system, list_systems
from zoo.systems import mean_field, t_v_mean_field
from zoo.systems.free_determinant import restricted_energy


def lattices_on_file() -> list:
    """Named lattices whose records include the energy of plane waves."""
    systems = [create_system(name) for name in list_systems() if name.startswith("hubbard")]
    known = {system: references.find(system.reference_key).hartree_fock for system in systems}
    return [system for system, record in known.items() if record and "plane-wave" in record.method]


@pytest.mark.parametrize("system", lattices_on_file(), ids=str)
def test_energies_on_file(system):
    found = restricted_energy(system)
    assert found is None or found == pytest.approx(system.references().hartree_fock.energy, abs=1e-10)


def test_most_of_those_on_file_are_closed_shells():
    found = [restricted_energy(system) is not None for system in lattices_on_file()]
    assert len(found) >= 5 and sum(found) >= 3


@pytest.mark.parametrize(
    "values",
    [
        {"extent": (4, 4), "boundary": "PP", "lattice": "square", "n_up": 5, "n_down": 5},
        {"extent": (6,), "boundary": "P", "n_up": 3, "n_down": 1},
        {"extent": (6,), "boundary": "P", "n_up": 3, "n_down": 3, "u": -3.0},
        {"extent": (6,), "boundary": "O", "n_up": 3, "n_down": 3},  # half filled: uniform in spite of its ends
        {"extent": (5,), "boundary": "P", "n_up": 2, "n_down": 2, "twist": (0.1,)},
        {"extent": (2, 3), "boundary": "PP", "lattice": "honeycomb", "n_up": 6, "n_down": 6},
    ],
    ids=str,
)
def test_electrons_with_spin_in_closed_shells(values):
    system = create_system("hubbard", **values)
    assert restricted_energy(system) == pytest.approx(mean_field.mean_field_energy(system, "free"), abs=1e-10)
    assert restricted_energy(system) >= mean_field.mean_field_energy(system) - 1e-9


@pytest.mark.parametrize(
    "values",
    [
        {"extent": (8,), "boundary": "A", "n_up": 4},
        {"extent": (4, 4), "boundary": "PP", "lattice": "square", "n_up": 5},
        {"extent": (8,), "boundary": "O", "n_up": 4},
        {"extent": (8,), "boundary": "A", "n_up": 4, "v": -0.7},
    ],
    ids=str,
)
def test_fermions_of_one_spin_in_closed_shells(values):
    system = create_system("t_v", **values)
    found, free = restricted_energy(system), t_v_mean_field.solve(system, "free").energy
    if values["boundary"] == "O":  # equal densities, but bonds of unequal strength
        assert found is None
        return
    assert found == pytest.approx(free, abs=1e-10)
    assert system.references().hartree_fock.energy == found


@pytest.mark.parametrize(
    "values",
    [
        {"extent": (4, 4), "boundary": "PP", "lattice": "square", "n_up": 7, "n_down": 7},  # open shells
        {"extent": (6,), "boundary": "P", "n_up": 3, "n_down": 2},
        {"extent": (6,), "boundary": "O", "n_up": 2, "n_down": 2},  # more electrons in the middle
    ],
    ids=str,
)
def test_none_where_the_free_determinant_is_undefined_or_not_stationary(values):
    assert restricted_energy(create_system("hubbard", **values)) is None


def test_none_is_stated_where_there_is_no_correlation():
    chain = create_system("hubbard", extent=(6,), boundary="P", n_up=3, n_down=0)
    for system in (chain, dataclasses.replace(chain, n_down=3, u=0.0), dataclasses.replace(chain, n_up=6, n_down=6)):
        assert restricted_energy(system) == pytest.approx(system.references().exact.energy, abs=1e-10)
        assert system.references().hartree_fock is None
