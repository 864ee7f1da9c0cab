import numpy as np
import pytest

from zoo import references
from zoo.errors import ZooError
from zoo.systems import exact, t_v_mean_field
from zoo.systems.t_v import TV


@pytest.mark.parametrize("v", [0.01, 0.1, 1.0, 10.0])
def test_energies_on_record_of_a_torus(v):
    system = TV("square", (4, 4), "PP", v=v, n_up=5)
    assert system.reference_key == f"tv/square_16_P/5/{v:g}"
    known = references.find(system.reference_key).exact
    assert exact.ground_state(system).energy == pytest.approx(known.energy, abs=1e-9)


@pytest.mark.parametrize("system", [TV("chain", (32,), "P", n_up=16), TV("square", (6, 6), "PP", n_up=13)])
def test_larger_systems_find_their_records(system):
    assert system.references().exact is not None


def test_a_dimer_of_two_fermions_repels_once():
    assert exact.ground_state(TV(extent=(2,), boundary="P", n_up=2, v=3.0)).energy == pytest.approx(3.0)


def test_strong_repulsion_freezes_every_second_site():
    """In second order each fermion gains t^2 / V from a hop to either side, next to one other."""
    v = 400.0
    assert exact.ground_state(TV(v=v)).energy == pytest.approx(-4 * 2 / v, rel=1e-3)


def test_holes_and_fermions_are_alike_on_a_bipartite_lattice():
    """With z neighbours of each of L sites, exchanging them adds V (z L / 2 - z n)."""
    few, many = (TV("square", (4, 2), "PP", n_up=n, v=2.0) for n in (2, 6))
    bonds = len(few.repulsions)
    difference = exact.ground_state(many).energy - exact.ground_state(few).energy
    assert difference == pytest.approx(2.0 * (bonds - 2 * 2 * bonds / 8), abs=1e-10)


@pytest.mark.parametrize(
    "system", [TV(n_up=3, v=2.0), TV("triangular", (3, 3), "PP", n_up=4, v=2.0), TV("honeycomb", (2, 2), "PO", n_up=3)]
)
def test_matrix_diagonal_and_mean(system):
    states = exact.basis(system)
    counted = [sum(v * s[0, i] * s[0, j] for i, j, v in system.repulsions) for s in states]
    np.testing.assert_allclose(system.interaction(states), counted, atol=1e-12)
    np.testing.assert_allclose(system.diagonal(states.astype("float64")), counted, atol=1e-12)
    np.testing.assert_allclose(exact.hamiltonian(system).diagonal(), counted, atol=1e-12)
    assert system.infinite_temperature_energy == pytest.approx(np.mean(counted), abs=1e-12)


@pytest.mark.parametrize("system", [TV(v=1.5), TV("square", (4, 2), "PP", n_up=3, v=6.0), TV(v=-1.0, n_up=3)])
def test_hartree_fock_lies_between_the_exact_energy_and_that_of_free_orbitals(system):
    """And is the expectation value of its determinant."""
    found, free = (t_v_mean_field.solve(system, kind) for kind in ("unrestricted", "free"))
    state = exact.ground_state(system)
    assert state.energy - 1e-10 <= found.energy <= free.energy + 1e-10
    vector = np.array([np.linalg.det(found.orbitals[occupations[0] == 1]) for occupations in state.occupations])
    assert vector @ exact.hamiltonian(system) @ vector == pytest.approx(found.energy, abs=1e-9)


def test_orbitals_have_an_empty_second_spin():
    up, down = TV().orbitals()
    assert up.shape == (8, 4) and down.shape == (8, 0)
    with pytest.raises(ZooError, match="did you mean 'free'"):
        TV().orbitals("fre")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"v": float("nan")}, "system.v=nan: expected a finite number"),
        ({"n_up": 9}, "system.n_up=9: expected 0 to 8"),
        ({"n_up": 0}, "expected at least one electron"),
        ({"lattice": "honycomb", "extent": (2, 2)}, "did you mean 'honeycomb'"),
    ],
)
def test_an_impossible_parameter_is_refused_in_one_line(parameters, message):
    with pytest.raises(ZooError, match=message) as error:
        TV(**parameters)
    assert "\n" not in str(error.value)
