import itertools

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard


def rectangle(extent, boundary="PP", **parameters):
    return Hubbard("rectangle", extent, boundary, **parameters)


def test_parameters_from_yaml_make_the_same_system():
    system = Hubbard(lattice="rectangle", extent=[4, 2], boundary="PP", u=8, t=1, n_up=3, n_down=3)
    same = rectangle((4, 2), u=8.0)
    assert system == same
    assert hash(system) == hash(same)
    assert system.sha256 == same.sha256
    assert system.parameters()["extent"] == [4, 2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lattice": "chian"}, "did you mean 'chain'"),
        ({"extent": 6}, r"system.extent=6: expected a list"),
        ({"extent": "6"}, r"expected a list"),
        ({"extent": [6.5]}, r"system.extent=6.5: expected a whole number"),
        ({"extent": [0]}, r"1 or more"),
        ({"extent": [6, 6]}, r"1 axis"),
        ({"boundary": "PP"}, r"system.boundary='PP'"),
        ({"boundary": "Q"}, r"P \(periodic\), A \(antiperiodic\), O \(open\)"),
        ({"boundary": True}, r"system.boundary=True"),
        ({"n_up": 7}, r"system.n_up=7: expected 0 to 6"),
        ({"n_down": -1}, r"system.n_down=-1"),
        ({"n_up": 2.5}, r"system.n_up=2.5: expected a whole number"),
        ({"n_up": 0, "n_down": 0}, r"at least one electron"),
        ({"u": float("nan")}, r"system.u=nan: expected a finite number"),
        ({"t": float("inf")}, r"system.t=inf"),
        ({"t_prime": "x"}, r"system.t_prime='x'"),
        ({"extent": [2], "boundary": "A", "n_up": 1, "n_down": 1}, r"opposite signs"),
        (
            {"anisotropy": [1, 0.5]},
            r"system.anisotropy=\[1.0, 0.5\]: expected a factor of t for each direction of bonds, 1",
        ),
        ({"anisotropy": 2.0}, r"system.anisotropy=2.0: expected a list"),
        ({"extent": [3], "t_prime": 0.3, "n_up": 1, "n_down": 1}, r"nearest neighbours too"),
    ],
)
def test_an_impossible_parameter_is_refused_in_one_line(parameters, message):
    with pytest.raises(ZooError, match=message) as error:
        Hubbard(**parameters)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("system", "key"),
    [
        (Hubbard(), "hubbard/6x1/P/3-3/U4"),
        (Hubbard(extent=(10,), boundary="A", u=2, n_up=4, n_down=5), "hubbard/10x1/A/5-4/U2"),
        (Hubbard(extent=(4,), boundary="O", u=8, n_up=2, n_down=2), "hubbard/4x1/O/2-2/U8"),
        (Hubbard(extent=(14,), u=1.66810054, n_up=4, n_down=4), "hubbard/14x1/P/4-4/U1.66810054"),
        (rectangle((4, 4), n_up=5, n_down=5), "hubbard/4x4/PP/5-5/U4"),
        (rectangle((8, 8), u=-4, n_up=25, n_down=25), "hubbard/8x8/PP/25-25/U-4"),
        (rectangle((6, 6), "PA", n_up=18, n_down=18), "hubbard/6x6/PA/18-18/U4"),
        (rectangle((6, 6), "AP", n_up=18, n_down=18), "hubbard/6x6/PA/18-18/U4"),
        (rectangle((8, 8), "PO", u=8, n_up=32, n_down=32), "hubbard/8x8/OP/32-32/U8"),
        (rectangle((4, 8), "PO", u=8, n_up=14, n_down=14), "hubbard/8x4/OP/14-14/U8"),
        (rectangle((4, 2)), "hubbard/4x2sgl/PP/3-3/U4"),
        (rectangle((2, 4), "OP"), "hubbard/4x2sgl/PP/3-3/U4"),
        (rectangle((2, 2), n_up=2, n_down=1), "hubbard/2x2sgl/PP/2-1/U4"),
        (rectangle((6, 1), "PO"), "hubbard/6x1/P/3-3/U4"),
    ],
)
def test_reference_key(system, key):
    assert system.reference_key == key
    assert system.references().best is not None


@pytest.mark.parametrize("parameters", [{"t_prime": 0.2}, {"t": 2.0}])
def test_a_small_hamiltonian_that_no_key_names_is_diagonalised(parameters):
    system = Hubbard(**parameters)
    assert system.reference_key is None
    assert system.references().exact.energy == pytest.approx(exact.ground_state(system).energy, abs=1e-10)


@pytest.mark.parametrize("parameters", [{"t_prime": 0.2}, {"anisotropy": (2.0,)}])
def test_a_large_hamiltonian_that_no_key_names_has_no_reference(parameters):
    system = Hubbard(extent=(14,), n_up=7, n_down=7, **parameters)
    assert system.reference_key is None
    assert system.references().best is None


def test_anisotropy_multiplies_the_hopping_of_each_direction():
    system = rectangle((3, 4), t=2.0, anisotropy=[1, 0.5], n_up=1, n_down=1)
    hopping = {(i, j): value for i, j, value in system.bonds}
    assert hopping[0, 4] == 2.0 and hopping[0, 1] == 1.0
    k = itertools.product(2 * np.pi * np.arange(3) / 3, 2 * np.pi * np.arange(4) / 4)
    levels = [-4 * np.cos(x) - 2 * np.cos(y) for x, y in k]
    np.testing.assert_allclose(np.linalg.eigvalsh(system.hopping_matrix()), np.sort(levels), atol=1e-12)


def test_names_of_one_lattice_make_one_system():
    for lattice in ("square", "ladder"):
        assert Hubbard(lattice, (4, 4), "PP").sha256 == rectangle((4, 4)).sha256
        assert Hubbard(lattice, (4, 4), "PP").reference_key == rectangle((4, 4)).reference_key
    assert rectangle((4, 4), anisotropy=(1, 1)).sha256 == rectangle((4, 4)).sha256
    assert Hubbard("triangular", (4, 4), "PP").sha256 != rectangle((4, 4)).sha256
    assert Hubbard("triangular", (4, 4), "PP").reference_key is None


def test_the_hash_of_a_preset_is_that_of_the_records_made_before():
    """Records of runs name systems by it: parameters that were added since must not change it."""
    assert (
        rectangle((4, 4), n_up=5, n_down=5).sha256 == "26daf73b22f18c7388ca603d342a9ab5c695d138a7552684734cf5b1fc26eace"
    )


def test_the_diagonal_is_that_of_the_plain_hamiltonian():
    system = rectangle((2, 3), u=3.0, n_up=2, n_down=3)
    states = exact.basis(system)
    np.testing.assert_allclose(system.diagonal(states.astype("float64")), system.interaction(states), atol=1e-12)


def test_systems_of_one_key_have_one_spectrum():
    for one, other in (
        (rectangle((4, 2), n_up=2, n_down=1), rectangle((2, 4), "OP", n_up=1, n_down=2)),
        (Hubbard(n_up=2, n_down=1), rectangle((1, 6), "OP", n_up=2, n_down=1)),
        (rectangle((3, 3), "PA", n_up=2, n_down=1), rectangle((3, 3), "AP", n_up=2, n_down=1)),
    ):
        assert one.reference_key == other.reference_key
        spectra = [np.linalg.eigvalsh(exact.hamiltonian(system).toarray()) for system in (one, other)]
        np.testing.assert_allclose(spectra[0], spectra[1], atol=1e-12)


def ladder_operator(n_modes, mode):
    """Annihilator of one mode as a matrix in the Fock space of all, by the Jordan-Wigner construction."""
    factors = [np.diag([1.0, -1.0])] * mode + [np.array([[0.0, 1.0], [0.0, 0.0]])] + [np.eye(2)] * (n_modes - mode - 1)
    matrix = np.eye(1)
    for factor in factors:
        matrix = np.kron(matrix, factor)
    return matrix


@pytest.mark.parametrize(
    "system",
    [
        Hubbard(extent=(4,), boundary="A", u=3.0, n_up=2, n_down=1),
        Hubbard(extent=(4,), t_prime=-0.3, u=3.0, n_up=2, n_down=2),
        rectangle((2, 2), u=3.0, t_prime=0.4, n_up=2, n_down=2),
    ],
)
def test_matrix_elements_follow_from_the_anticommutation_relations(system):
    """With the modes in the order up 0, up 1 ..., down 0 ..., as the basis states are defined."""
    sites = system.n_sites
    c = [ladder_operator(2 * sites, mode) for mode in range(2 * sites)]
    matrix = np.zeros_like(c[0])
    for i, j, hopping in system.bonds:
        for shift in (0, sites):
            hop = c[i + shift].T @ c[j + shift]
            matrix -= hopping * (hop + hop.T)
    for i in range(sites):
        matrix += system.u * c[i].T @ c[i] @ c[i + sites].T @ c[i + sites]

    def place(occupations):
        return int("".join(map(str, occupations.ravel())), 2)

    for occupations in exact.basis(system):
        column = np.zeros(len(matrix))
        column[place(occupations)] = system.interaction(occupations)
        for moved, element in system.connected(occupations):
            column[place(moved)] += element
        np.testing.assert_allclose(column, matrix[:, place(occupations)], atol=1e-14)


def test_connected_conserves_electrons_and_is_symmetric():
    system = rectangle((3, 3), "PA", t_prime=0.2, n_up=4, n_down=3)
    occupations = system.initial_occupations(np.random.default_rng(1), 1)[0]
    hops = system.connected(occupations)
    assert hops
    for moved, element in hops:
        assert moved.sum(axis=1).tolist() == [4, 3]
        back = [value for back, value in system.connected(moved) if np.array_equal(back, occupations)]
        assert back == [element]


@pytest.mark.parametrize("system", [Hubbard(n_up=2, n_down=1, u=5.0), rectangle((2, 2), n_up=3, n_down=2)])
def test_infinite_temperature_energy_is_the_mean_of_the_diagonal(system):
    mean = system.interaction(exact.basis(system)).mean()
    assert system.infinite_temperature_energy == pytest.approx(mean, abs=1e-13)


def test_noninteracting_energy_of_rings_and_tori():
    ring = [-2 * np.cos(2 * np.pi * k / 6) for k in (0, 1, -1)]
    assert Hubbard().noninteracting_energy() == pytest.approx(2 * sum(ring), abs=1e-12)
    twisted = [-2 * np.cos(2 * np.pi * (k + 0.5) / 6) for k in (0, -1)]
    assert Hubbard(boundary="A", n_up=2, n_down=2).noninteracting_energy() == pytest.approx(2 * sum(twisted), abs=1e-12)
    assert rectangle((4, 4), n_up=5, n_down=5).noninteracting_energy() == pytest.approx(-24, abs=1e-12)


def test_diagonal_hopping_shifts_the_levels_of_a_torus():
    system = rectangle((4, 3), t_prime=0.3, n_up=1, n_down=1)
    k = itertools.product(2 * np.pi * np.arange(4) / 4, 2 * np.pi * np.arange(3) / 3)
    levels = [-2 * (np.cos(x) + np.cos(y)) - 4 * 0.3 * np.cos(x) * np.cos(y) for x, y in k]
    np.testing.assert_allclose(np.linalg.eigvalsh(system.hopping_matrix()), np.sort(levels), atol=1e-12)


def test_sublattices_alternate_along_every_bond():
    system = rectangle((4, 6), n_up=1, n_down=1)
    assert all(system.sublattice[i] == -system.sublattice[j] for i, j, _ in system.bonds)


def test_orbitals_are_orthonormal():
    system = rectangle((4, 4), n_up=5, n_down=4)
    for kind in ("free", "unrestricted"):
        up, down = system.orbitals(kind)
        assert up.shape == (16, 5)
        assert down.shape == (16, 4)
        for orbitals in (up, down):
            np.testing.assert_allclose(orbitals.T @ orbitals, np.eye(orbitals.shape[1]), atol=1e-12)
    with pytest.raises(ZooError, match="did you mean 'free'"):
        system.orbitals("fre")
