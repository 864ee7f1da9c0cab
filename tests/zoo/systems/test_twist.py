"""Twisted boundaries: the Hamiltonian against closed forms and an independent construction, and what is refused."""

import dataclasses

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.registry import create_system
from zoo.systems import bethe, diagonalisation, exact, mean_field, momentum
from zoo.systems.hubbard import Hubbard

RING = Hubbard(extent=(4,), twist=(0.2,), n_up=2, n_down=2)
SYSTEMS = [
    RING,
    Hubbard(extent=(5,), twist=(-0.37,), n_up=2, n_down=1, u=7.0),
    Hubbard(extent=(6,), twist=(0.1,), t_prime=0.3, n_up=2, n_down=3, u=-3.0),
    Hubbard("rectangle", (3, 2), "PO", twist=(0.3, 0.0), n_up=2, n_down=2),
    Hubbard("square", (3, 3), "PP", twist=(0.2, -0.3), n_up=2, n_down=1),
    Hubbard("square", (3, 3), "PA", twist=(0.2, 0.0), n_up=1, n_down=2, t_prime=-0.3),
    Hubbard("triangular", (3, 3), "PP", twist=(0.2, 0.1), n_up=1, n_down=2),
    Hubbard("honeycomb", (3, 2), "PP", twist=(0.4, 0.0), n_up=1, n_down=2),
]
every_system = pytest.mark.parametrize(
    "system", SYSTEMS, ids=lambda s: f"{s.lattice}-{s.boundary}-{'_'.join(map(str, s.twist))}"
)


def jordan_wigner(system, angles) -> np.ndarray:
    """The Hamiltonian of a rectangle with nearest neighbours, from matrices of the operators c, in its sector."""
    modes, sites = 2 * system.n_sites, list(np.ndindex(*system.extent))
    annihilate = []
    for mode in range(modes):
        factors = (
            [np.diag([1.0, -1.0])] * mode + [np.array([[0.0, 1.0], [0.0, 0.0]])] + [np.eye(2)] * (modes - mode - 1)
        )
        product = np.eye(1)
        for factor in factors:
            product = np.kron(product, factor)
        annihilate.append(product)
    matrix = np.zeros((2**modes,) * 2, dtype=complex)
    for here, cell in enumerate(sites):
        for axis, extent in enumerate(system.extent):
            there = list(cell)
            there[axis] = (cell[axis] + 1) % extent
            phase = np.exp(1j * angles[axis]) if cell[axis] + 1 == extent else 1.0
            for spin in (0, 1):
                to = annihilate[sites.index(tuple(there)) + spin * len(sites)]
                hop = -phase * to.T @ annihilate[here + spin * len(sites)]
                matrix += hop + hop.conj().T
    numbers = [operator.T @ operator for operator in annihilate]
    for site in range(len(sites)):
        matrix += system.u * numbers[site] @ numbers[site + len(sites)]
    counts = [sum(np.diag(number) for number in part) for part in (numbers[: len(sites)], numbers[len(sites) :])]
    kept = np.flatnonzero((counts[0] == system.n_up) & (counts[1] == system.n_down))
    return matrix[np.ix_(kept, kept)]


@pytest.mark.parametrize(
    "system", [RING, Hubbard(extent=(3,), twist=(-0.37,), n_up=2, n_down=1, u=7.0)], ids=["4", "3"]
)
def test_levels_are_those_of_matrices_of_the_operators(system):
    expected = np.linalg.eigvalsh(jordan_wigner(system, 2 * np.pi * np.array(system.twist)))
    np.testing.assert_allclose(np.linalg.eigvalsh(exact.hamiltonian(system).toarray()), expected, atol=1e-12)


@every_system
def test_sectors_have_the_ground_state_of_the_whole_basis(system):
    solution, state = diagonalisation.solve(system), exact.ground_state(system)
    assert np.iscomplexobj(state.vector)
    assert solution.energy == pytest.approx(state.energy, abs=1e-10)
    assert solution.double_occupancy == pytest.approx(state.double_occupancy, abs=1e-7)
    closed = [n for n, letter in zip(system.extent, system.boundary, strict=True) if letter != "O"]
    assert len(momentum.translations(system)) == np.prod(closed)


@every_system
def test_the_matrix_is_hermitian_and_that_of_the_hops(system):
    matrix, states = exact.hamiltonian(system), exact.basis(system)
    assert abs(matrix - matrix.conj().T).max() < 1e-15
    for column in range(0, len(states), max(1, len(states) // 7)):
        dense = np.zeros(len(states), dtype=complex)
        dense[column] = system.interaction(states[column])
        for state, element in system.connected(states[column]):
            dense[exact.index(system, state)] += element
        np.testing.assert_allclose(matrix[:, [column]].toarray()[:, 0], dense, atol=1e-14)


@pytest.mark.parametrize("turns", [0.2, -0.45, 1.3])
def test_free_electrons_on_a_ring_and_on_a_rectangle(turns):
    """Levels -2t cos((2 pi m + theta) / L) along each axis."""

    def levels(length, twist):
        return -2 * np.cos(2 * np.pi * (np.arange(length) + twist) / length)

    ring = Hubbard(extent=(7,), twist=(turns,), u=0.0, n_up=3, n_down=2)
    expected = np.sort(levels(7, turns))
    assert ring.noninteracting_energy() == pytest.approx(expected[:3].sum() + expected[:2].sum(), abs=1e-12)
    assert mean_field.mean_field_energy(ring, "free") == pytest.approx(ring.noninteracting_energy(), abs=1e-12)
    assert ring.references().exact.energy == pytest.approx(ring.noninteracting_energy(), abs=1e-12)
    torus = Hubbard("rectangle", (4, 3), "PP", twist=(turns, 0.1), u=0.0, n_up=5, n_down=2)
    expected = np.sort((levels(4, turns)[:, None] + levels(3, 0.1)).ravel())
    assert torus.noninteracting_energy() == pytest.approx(expected[:5].sum() + expected[:2].sum(), abs=1e-12)


@every_system
def test_the_energy_is_periodic_in_the_twist_and_even(system):
    energy = exact.ground_state(system).energy
    shifted = dataclasses.replace(system, twist=tuple(angle + 2.0 * bool(angle) for angle in system.twist))
    np.testing.assert_allclose(shifted.hopping_matrix(), system.hopping_matrix(), atol=1e-12)
    opposite = dataclasses.replace(system, twist=tuple(-angle for angle in system.twist))
    assert exact.ground_state(opposite).energy == pytest.approx(energy, abs=1e-10)
    none = dataclasses.replace(system, twist=())
    assert abs(exact.ground_state(none).energy - energy) > 1e-3


def test_half_a_turn_is_antiperiodic_and_real():
    twisted = Hubbard("square", (4, 3), "PP", twist=(0.5, 1.0))
    assert twisted == Hubbard("square", (4, 3), "AP") and not twisted.is_complex
    assert Hubbard(twist=[-1.5]) == Hubbard(boundary="A")
    assert Hubbard(twist=[0.0]) == Hubbard() and "twist" not in Hubbard(twist=[0.0]).parameters()
    mixed = Hubbard("square", (4, 3), "PP", twist=(0.5, 0.25))
    assert (mixed.boundary, mixed.twist, mixed.is_complex) == ("AP", (0.0, 0.25), True)


def test_a_positive_hop_across_the_boundary_has_the_phase():
    """<0...|H|...L-1>, the amplitude of a hop from the last site to the first."""
    assert RING.hopping_matrix()[0, 3] == pytest.approx(-np.exp(0.4j * np.pi))
    assert RING.hopping_matrix()[1, 0] == -1


def test_the_twist_is_part_of_the_hamiltonian():
    assert RING.sha256 != dataclasses.replace(RING, twist=()).sha256
    quarter = dataclasses.replace(RING, twist=(0.25,))
    assert quarter.sha256 == dataclasses.replace(RING, twist=(-1.75,)).sha256
    assert create_system("hubbard", **RING.parameters()) == RING
    assert RING.reference_key is None
    assert "twist" in bethe.obstacle(Hubbard(twist=(0.2,)))


@pytest.mark.parametrize("system", [RING, SYSTEMS[1], SYSTEMS[4]], ids=["ring", "doped", "torus"])
def test_unrestricted_hartree_fock_is_above_the_ground_state_and_below_free_orbitals(system):
    energies = [mean_field.mean_field_energy(system, kind) for kind in ("unrestricted", "free")]
    assert exact.ground_state(system).energy - 1e-9 < energies[0] < energies[1] + 1e-9
    up, _ = system.orbitals("unrestricted")
    np.testing.assert_allclose(up.conj().T @ up, np.eye(system.n_up), atol=1e-12)


def test_symmetries_of_a_twisted_lattice_keep_its_matrix():
    """Only those that need no gauge transformation: along the other axis."""
    system = Hubbard("rectangle", (3, 2), "PO", twist=(0.3, 0.0), n_up=3, n_down=2)
    assert len(system.symmetries("translations")) == 1
    assert len(system.symmetries("point_group")) == 2
    torus = Hubbard("rectangle", (3, 3), "PP", twist=(0.3, 0.0), n_up=1, n_down=1)
    assert len(torus.symmetries("translations")) == 3
    states, matrix = exact.basis(torus), exact.hamiltonian(torus).toarray()
    for element in (*torus.symmetries("translations"), *torus.symmetries("point_group")):
        image, signs = element.apply(states)
        place = exact.index(torus, image)
        moved = signs[:, None] * matrix[np.ix_(place, place)] * signs[None, :]
        np.testing.assert_allclose(moved, matrix, atol=1e-14)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"twist": (0.2, 0.1)}, r"system.twist=\[0.2, 0.1\]: a chain has 1 axes, expected an angle for each, or \[\]"),
        ({"twist": (0.2,), "boundary": "O"}, "boundary 'O' leaves axis 1 open; expected 0 there, or P"),
        ({"twist": (0.2,), "boundary": "A"}, "axis 1 is antiperiodic in boundary 'A', which is a twist of 0.5 itself"),
        ({"twist": (0.2,), "extent": (2,)}, "bonds of sites .0, 1. each way round have different phases"),
        ({"twist": (0.2,), "extent": (1,), "n_up": 1, "n_down": 0}, "no bond crosses the boundary of axis 1"),
        ({"twist": "x"}, "system.twist='x': expected a list, such as"),
        ({"twist": (float("nan"),)}, "system.twist=nan: expected a finite number"),
    ],
)
def test_what_contradicts_a_twist_is_refused(keys, message):
    with pytest.raises(ZooError, match=message):
        Hubbard(**{"extent": (6,), "n_up": 2, "n_down": 2, **keys})
