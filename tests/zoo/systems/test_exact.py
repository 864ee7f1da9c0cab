import re

import numpy as np
import pytest

from zoo import references
from zoo.errors import ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard


def of_key(key):
    """The system that a reference key names; None for keys without whole numbers in it."""
    match = re.fullmatch(r"hubbard/(\d+)x(\d+)(?:sgl)?/([PAO]{1,2})/(\d+)-(\d+)/U(-?\d+)", key)
    if match is None:
        return None
    x, y, boundary, n_up, n_down, u = match.groups()
    shape = ("chain", (int(x),)) if len(boundary) == 1 else ("rectangle", (int(x), int(y)))
    return Hubbard(*shape, boundary, u=float(u), n_up=int(n_up), n_down=int(n_down))


SMALL = 20_000


def diagonalised_references(least, most):
    """Keys of energies by diagonalisation, of systems with so many states."""
    # 4x2 with PA is left out: along an axis of 2 sites an antiperiodic boundary is refused, for single bonds make
    # it the periodic one.
    keys = sorted({r.key for r in references.load() if r.exact and r.method == "ED (Lanczos)"})
    systems = {key: of_key(key) for key in keys if "/4x2sgl/PA/" not in key}
    return [key for key, system in systems.items() if system and least < exact.dimension(system) <= most]


def check_energy(key):
    system = of_key(key)
    assert system.reference_key == key
    recorded = next(r.energy for r in references.find(key).records if r.method == "ED (Lanczos)")
    assert exact.ground_state(system).energy == pytest.approx(recorded, abs=1e-8)


def test_the_file_holds_many_diagonalised_systems():
    assert len(diagonalised_references(0, SMALL)) > 100


@pytest.mark.parametrize("key", diagonalised_references(0, SMALL))
def test_ground_state_energy_of_every_small_reference(key):
    check_energy(key)


def test_ground_state_energy_of_a_ring_of_ten():
    check_energy("hubbard/10x1/P/5-5/U4")


@pytest.mark.slow
@pytest.mark.parametrize("key", diagonalised_references(SMALL, exact.MOST_STATES))
def test_ground_state_energy_of_every_large_reference(key):
    check_energy(key)


def test_dimer():
    """E = (U - sqrt(U^2 + 16)) / 2."""
    for u in (-3.0, 0.5, 4.0, 12.0):
        dimer = Hubbard(extent=(2,), boundary="O", u=u, n_up=1, n_down=1)
        assert exact.ground_state(dimer).energy == pytest.approx((u - np.sqrt(u**2 + 16)) / 2, abs=1e-12)


def test_without_repulsion_the_levels_of_the_hopping_are_filled():
    system = Hubbard("rectangle", (3, 4), "AO", u=0.0, t_prime=0.25, n_up=2, n_down=1)
    assert exact.ground_state(system).energy == pytest.approx(system.noninteracting_energy(), abs=1e-10)


def test_one_site():
    state = exact.ground_state(Hubbard(extent=(1,), u=3.0, n_up=1, n_down=1))
    assert (state.energy, state.double_occupancy) == (3.0, 1.0)


def test_particle_hole_symmetry():
    """N - n electrons of each spin on a bipartite lattice cost U (N - 2n) more than n, with N sites and n of each."""
    few, many = (Hubbard("rectangle", (4, 2), "PP", u=3.0, n_up=n, n_down=n) for n in (3, 5))
    energies = [exact.ground_state(system).energy for system in (few, many)]
    assert energies[1] == pytest.approx(energies[0] + 3.0 * (8 - 2 * 3), abs=1e-10)


@pytest.mark.parametrize(
    "system",
    [
        Hubbard(extent=(4,), boundary="A", n_up=2, n_down=1),
        Hubbard("rectangle", (2, 3), "PP", t_prime=-0.3, n_up=3, n_down=2),
    ],
)
def test_hamiltonian_agrees_with_the_connected_configurations(system):
    matrix = exact.hamiltonian(system).toarray()
    states = exact.basis(system)
    np.testing.assert_allclose(np.diag(matrix), system.interaction(states), atol=1e-14)
    built = np.diag(np.diag(matrix))
    for column, occupations in enumerate(states):
        for moved, element in system.connected(occupations):
            built[exact.index(system, moved), column] += element
    np.testing.assert_allclose(matrix, built, atol=1e-14)


def test_index_inverts_the_basis():
    system = Hubbard(extent=(5,), n_up=2, n_down=3)
    states = exact.basis(system)
    assert states.shape == (100, 2, 5)
    assert states.dtype == np.int8
    assert np.array_equal(exact.index(system, states), np.arange(100))
    assert np.array_equal(exact.index(system, states.reshape(20, 5, 2, 5)), np.arange(100).reshape(20, 5))


def test_amplitudes_solve_the_schroedinger_equation():
    system = Hubbard(u=4.0)
    state = exact.ground_state(system)
    np.testing.assert_array_equal(state.occupations, exact.basis(system))
    np.testing.assert_array_equal(state.amplitudes(state.occupations), state.vector)
    assert np.linalg.norm(state.vector) == pytest.approx(1, abs=1e-12)
    for occupations in state.occupations[::37]:
        applied = system.interaction(occupations) * state.amplitudes(occupations)
        applied += sum(element * state.amplitudes(moved) for moved, element in system.connected(occupations))
        assert applied == pytest.approx(state.energy * state.amplitudes(occupations), abs=1e-11)


def test_double_occupancy_is_the_derivative_of_the_energy_in_u():
    step = 1e-4
    above, below = (exact.ground_state(Hubbard(u=4.0 + shift)).energy for shift in (step, -step))
    assert exact.ground_state(Hubbard(u=4.0)).double_occupancy == pytest.approx((above - below) / (2 * step), abs=1e-7)


def test_the_amplitudes_of_a_slater_determinant_are_those_of_free_electrons():
    """Determinants of the orbital rows at the occupied sites, as the sign convention of the project has it."""
    system = Hubbard(boundary="P", u=0.0, n_up=3, n_down=1)
    up, down = system.orbitals("free")
    state = exact.ground_state(system)
    determinants = [
        np.linalg.det(up[occupations[0] == 1]) * np.linalg.det(down[occupations[1] == 1])
        for occupations in state.occupations
    ]
    assert abs(state.vector @ determinants) == pytest.approx(1, abs=1e-10)


def test_results_repeat():
    system = Hubbard("rectangle", (4, 2), "PP", u=6.0)
    one, other = exact.ground_state(system), exact.ground_state(system)
    assert one.energy == other.energy
    np.testing.assert_array_equal(one.vector, other.vector)


def test_a_sector_that_is_too_large_is_refused():
    system = Hubbard("rectangle", (4, 4), "PP", n_up=5, n_down=5)
    for function in (exact.ground_state, exact.hamiltonian, exact.basis):
        with pytest.raises(ZooError, match="19,079,424 states"):
            function(system)


def test_more_sites_than_a_whole_number_has_digits_are_refused():
    with pytest.raises(ZooError, match="100 sites: expected at most 62"):
        exact.ground_state(Hubbard(extent=(100,), n_up=1, n_down=0))


def test_configurations_of_another_sector_are_refused():
    with pytest.raises(ZooError, match="expected 3 electrons of spin up and 3 of spin down"):
        exact.index(Hubbard(), np.zeros((2, 6), dtype=np.int8))
