import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.systems import diagonalisation, exact, lanczos
from zoo.systems.hubbard import Hubbard
from zoo.systems.momentum import Sector, Translated
from zoo.systems.t_v import TV

SYSTEMS = [
    Hubbard(),
    Hubbard(boundary="A"),
    Hubbard(boundary="A", n_up=2, n_down=1),
    Hubbard(boundary="O"),
    Hubbard(extent=(8,), u=-4.0),
    Hubbard(extent=(7,), boundary="A", n_up=4, n_down=2, t_prime=0.3),
    Hubbard("square", (3, 3), "PA", n_up=4, n_down=3),
    Hubbard("square", (3, 3), "AA", n_up=4, n_down=2),
    Hubbard("rectangle", (4, 2), "PO", n_up=4, n_down=4),
    Hubbard("triangular", (3, 3), "PP", n_up=3, n_down=4),
    Hubbard("honeycomb", (2, 2), "PP", n_up=4, n_down=4),
    Hubbard("honeycomb", (2, 2), "AA", n_up=4, n_down=3),
    TV(),
    TV("square", (4, 4), "PP", n_up=8, v=3.0),
]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family}-{s.lattice}-{s.boundary}-{s.n_up}-{s.n_down}")
def test_sectors_have_the_ground_state_of_the_whole_basis(system):
    solution, state = diagonalisation.solve(system), exact.ground_state(system)
    assert solution.energy == pytest.approx(state.energy, abs=1e-10)
    assert solution.double_occupancy == pytest.approx(state.double_occupancy, abs=1e-7)
    assert solution.dimension == exact.dimension(system)


@pytest.mark.parametrize("system", [SYSTEMS[2], TV("square", (3, 3), "PA", n_up=3, v=2.0)], ids=lambda s: s.family)
def test_the_sectors_of_all_momenta_make_up_the_spectrum(system):
    """Star by star: the momenta of a star have equal levels."""
    translations = system.symmetries("translations")
    basis = Translated(system, translations)
    levels = []
    for phases in diagonalisation.momenta(system, translations):
        sector, (rows, columns) = Sector(basis, phases), basis.shape
        matrix, allowed = (np.zeros((rows * columns,) * 2, dtype=complex) for _ in range(2))
        for index in range(rows * columns):
            unit = np.zeros(rows * columns, dtype=sector.phases.dtype)
            unit[index] = 1
            sector.project(unit.reshape(rows, columns))
            result = np.zeros((rows, columns), dtype=unit.dtype)
            sector.add(unit.reshape(rows, columns), result)
            matrix[:, index], allowed[:, index] = result.ravel(), unit
        np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-12)
        weights, space = np.linalg.eigh(allowed)
        space = space[:, weights > 0.5]
        levels += list(np.linalg.eigvalsh(space.conj().T @ matrix @ space))
    whole = np.linalg.eigvalsh(exact.hamiltonian(system).toarray())
    assert set(np.round(levels, 8) + 0.0) == set(np.round(whole, 8) + 0.0)


def test_only_stars_of_one_momentum_are_tried_where_the_ground_state_is_unique():
    half = Hubbard("square", (4, 4), "PP", n_up=8, n_down=8)
    assert len(diagonalisation.momenta(half, half.symmetries("translations"))) == 2
    doped = Hubbard("square", (4, 4), "PP", n_up=7, n_down=7)
    assert len(diagonalisation.momenta(doped, doped.symmetries("translations"))) == 6


def test_lanczos_finds_the_lowest_eigenvector():
    random = np.random.default_rng(0)
    matrix = random.standard_normal((60, 60))
    matrix = matrix + matrix.T

    class Plain:
        def start(self):
            return np.random.default_rng(1).standard_normal(60)

        def add(self, vector, result):
            result += matrix @ vector

        def project(self, vector):
            pass

    found = lanczos.lowest(Plain(), 1e-9)
    values, vectors = np.linalg.eigh(matrix)
    assert found.value == pytest.approx(values[0], abs=1e-11)
    assert abs(lanczos.vector(Plain(), found) @ vectors[:, 0]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (Hubbard("square", (6, 6), "PP", n_up=18, n_down=18), "9,075,135,300 of one spin; expected at most 1,000,000"),
        (Hubbard("square", (4, 4), "OO", n_up=8, n_down=8), "165,636,900 states; expected at most 30,000,000"),
        (Hubbard("honeycomb", (3, 3), "PP", n_up=9, n_down=9), "2,363,904,400 states in 9 sectors of momentum"),
    ],
)
def test_what_is_too_large_is_refused_before_anything_is_made(system, message):
    with pytest.raises(ZooError, match=message):
        diagonalisation.solve(system)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("u", "pairs", "energy"), [(4.0, 5, -19.58093753), (8.0, 5, -17.51036669), (4.0, 8, -13.62185482)]
)
def test_tori_of_many_million_states(u, pairs, energy):
    solution = diagonalisation.solve(Hubbard("square", (4, 4), "PP", u=u, n_up=pairs, n_down=pairs))
    assert solution.energy == pytest.approx(energy, abs=1e-7)
