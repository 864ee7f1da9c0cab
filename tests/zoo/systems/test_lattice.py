import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.systems.bonds import bonds
from zoo.systems.lattice import Lattice


def chain(extent, boundary="P"):
    return Lattice("chain", (extent,), boundary)


def rectangle(x, y, boundary="PP"):
    return Lattice("rectangle", (x, y), boundary)


def test_the_last_axis_is_numbered_fastest():
    lattice = rectangle(2, 3, "OO")
    assert lattice.coordinates.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert [lattice.index(tuple(site)) for site in lattice.coordinates] == list(range(6))


def test_bonds_of_chains():
    inside = ((0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0))
    assert bonds(chain(4, "O"), 1.0, 0.0) == inside
    assert set(bonds(chain(4, "P"), 1.0, 0.0)) == {*inside, (0, 3, 1.0)}
    assert set(bonds(chain(4, "A"), 1.0, 0.0)) == {*inside, (0, 3, -1.0)}


@pytest.mark.parametrize(
    ("lattice", "count"),
    [
        (rectangle(4, 4), 32),
        (rectangle(4, 4, "OO"), 24),
        (rectangle(3, 5, "PO"), 15 + 12),
        (rectangle(6, 1), 6),
        (chain(1), 0),
        (rectangle(1, 1), 0),
    ],
)
def test_number_of_nearest_neighbour_bonds(lattice, count):
    assert len(bonds(lattice, 1.0, 0.0)) == count


def test_every_site_of_a_torus_has_four_neighbours_and_four_diagonal_ones():
    lattice = rectangle(4, 3)
    for t, t_prime in ((1.0, 0.0), (0.0, 1.0)):
        found = bonds(lattice, t, t_prime)
        assert len({(i, j) for i, j, _ in found}) == len(found)
        assert all(i < j for i, j, _ in found)
        assert np.bincount([site for i, j, _ in found for site in (i, j)]).tolist() == [4] * 12


def test_an_axis_of_two_sites_has_single_bonds():
    assert bonds(chain(2, "P"), 1.0, 0.0) == bonds(chain(2, "O"), 1.0, 0.0) == ((0, 1, 1.0),)
    assert bonds(rectangle(4, 2, "PP"), 1.0, 0.0) == bonds(rectangle(4, 2, "PO"), 1.0, 0.0)
    assert len(bonds(rectangle(2, 2, "PP"), 1.0, 0.0)) == 4


def test_second_neighbours_of_a_ring_of_four_have_single_bonds():
    assert [bond[:2] for bond in bonds(chain(4), 0.0, 0.5)] == [(0, 2), (1, 3)]


def test_second_neighbours_across_an_antiperiodic_boundary_change_sign():
    assert set(bonds(chain(5, "A"), 0.0, 1.0)) == {(0, 2, 1), (1, 3, 1), (2, 4, 1), (0, 3, -1), (1, 4, -1)}


def test_a_diagonal_across_two_antiperiodic_boundaries_keeps_its_sign():
    signs = {(i, j): hopping for i, j, hopping in bonds(rectangle(3, 3, "AA"), 0.0, 1.0)}
    assert signs[0, 4] == 1
    assert signs[0, 8] == 1
    assert signs[0, 5] == -1


@pytest.mark.parametrize(
    ("kind", "extent", "near", "far"),
    [("triangular", (4, 5), 6, 6), ("honeycomb", (3, 4), 3, 6), ("square", (4, 5), 4, 4), ("ladder", (2, 5), 3, 2)],
)
def test_neighbours_of_every_site_and_their_distances(kind, extent, near, far):
    lattice = Lattice(kind, extent, "PP")
    for t, t_prime, count in ((1.0, 0.0, near), (0.0, 1.0, far)):
        found = bonds(lattice, t, t_prime)
        assert set(np.bincount([site for i, j, _ in found for site in (i, j)])) == {count}
    inside = Lattice(kind, extent, "OO")
    lengths = {0: 1.0, 1: np.sqrt(2) if kind in ("square", "ladder") else np.sqrt(3)}
    for which, length in lengths.items():
        for i, j, _ in bonds(inside, 1.0 - which, float(which)):
            assert np.linalg.norm(lattice.positions[i] - lattice.positions[j]) == pytest.approx(length)


@pytest.mark.parametrize("extent", [(3, 3), (2, 3), (6, 6)])
def test_levels_of_the_honeycomb_and_the_triangular_lattice(extent):
    """E = -+t |1 + exp(i k_1) + exp(i k_2)|, and -2t (cos k_1 + cos k_2 + cos(k_1 - k_2))."""
    k = [2 * np.pi * np.array(n) / extent for n in np.ndindex(*extent)]
    graphene = [sign * abs(1 + np.exp(1j * x) + np.exp(1j * y)) for x, y in k for sign in (1, -1)]
    np.testing.assert_allclose(levels(Lattice("honeycomb", extent, "PP")), np.sort(graphene), atol=1e-12)
    if 2 not in extent:  # single bonds there
        triangular = [-2 * (np.cos(x) + np.cos(y) + np.cos(x - y)) for x, y in k]
        np.testing.assert_allclose(levels(Lattice("triangular", extent, "PP")), np.sort(triangular), atol=1e-12)


def levels(lattice):
    matrix = np.zeros((lattice.n_sites, lattice.n_sites))
    for i, j, hopping in bonds(lattice, 1.0, 0.0):
        matrix[i, j] = matrix[j, i] = -hopping
    return np.linalg.eigvalsh(matrix)


def test_sites_of_a_cell_are_numbered_together():
    lattice = Lattice("honeycomb", (2, 3), "OO")
    assert lattice.coordinates.tolist() == [[x, y] for x in range(2) for y in range(3) for _ in range(2)]
    assert lattice.sublattice.tolist() == [1, -1] * 6
    assert all(lattice.sublattice[i] != lattice.sublattice[j] for i, j, _ in bonds(lattice, 1.0, 0.0))


@pytest.mark.parametrize(
    ("lattice", "t_prime"), [(chain(2, "A"), 0.0), (rectangle(4, 2, "PA"), 0.0), (chain(4, "A"), 0.3)]
)
def test_bonds_that_would_cancel_are_refused(lattice, t_prime):
    with pytest.raises(ZooError, match="opposite signs"):
        bonds(lattice, 1.0, t_prime)


def test_hopping_to_neighbours_that_do_not_exist_or_are_near_is_refused():
    with pytest.raises(ZooError, match="no second neighbours"):
        bonds(chain(2, "O"), 1.0, 0.3)
    with pytest.raises(ZooError, match="no diagonal neighbours"):
        bonds(rectangle(6, 1), 1.0, 0.3)
    with pytest.raises(ZooError, match="nearest neighbours too"):
        bonds(chain(3), 1.0, 0.3)


@pytest.mark.parametrize(
    ("kind", "extent", "boundary", "message"),
    [
        ("chian", (4,), "P", "did you mean 'chain'"),
        ("chain", (4, 4), "P", "1 axis"),
        ("rectangle", (4,), "PP", "2 axes"),
        ("rectangle", (4, 0), "PP", "1 or more"),
        ("rectangle", (64, 65), "PP", "at most 4096 sites"),
        ("chain", (10**20,), "P", "at most 4096 sites"),
        ("rectangle", (4, 4), "P", "one letter each"),
        ("chain", (4,), "X", "antiperiodic"),
    ],
)
def test_an_impossible_lattice_is_refused_in_one_line(kind, extent, boundary, message):
    with pytest.raises(ZooError, match=message) as error:
        Lattice(kind, extent, boundary)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("lattice", "classes"),
    [
        (chain(6), 4),
        (chain(7, "A"), 4),
        (chain(6, "O"), 6),
        (chain(1), 1),
        (rectangle(4, 4), 6),
        (rectangle(4, 4, "PA"), 9),
        (rectangle(4, 3), 6),
        (rectangle(3, 3, "OO"), 6),
        (rectangle(3, 3, "PO"), 6),
        (Lattice("triangular", (3, 3), "PP"), 3),
        (Lattice("triangular", (6, 6), "PP"), 7),
        (Lattice("triangular", (4, 4), "AA"), 7),
        (Lattice("honeycomb", (3, 3), "PP"), 6),
        (Lattice("honeycomb", (2, 3), "OO"), 23),
    ],
)
def test_number_of_displacement_classes(lattice, classes):
    found = lattice.displacement_classes()
    assert found.dtype.kind == "i"
    assert set(found.ravel()) == set(range(classes))
    assert np.array_equal(found, found.T)
    assert np.array_equal(found == 0, np.eye(lattice.n_sites, dtype=bool))


def test_displacement_classes_are_numbered_by_distance():
    assert chain(6).displacement_classes()[0].tolist() == [0, 1, 2, 3, 2, 1]
    corner = rectangle(4, 4).displacement_classes()[0].reshape(4, 4)
    assert corner.tolist() == [[0, 1, 3, 1], [1, 2, 4, 2], [3, 4, 5, 4], [1, 2, 4, 2]]


@pytest.mark.parametrize("lattice", [rectangle(4, 4), rectangle(4, 4, "PA"), rectangle(4, 3), rectangle(3, 3, "OO")])
def test_pairs_that_a_symmetry_of_the_bonds_maps_into_each_other_share_a_class(lattice):
    classes = lattice.displacement_classes()
    grid = np.arange(lattice.n_sites).reshape(lattice.extent)
    maps = [grid[::-1], grid[:, ::-1]]
    if lattice.boundary != "OO":
        maps += [np.roll(grid, 1, axis=0), np.roll(grid, 1, axis=1)]
    if lattice.extent[0] == lattice.extent[1] and lattice.boundary[0] == lattice.boundary[1]:
        maps.append(grid.T)
    for image in maps:
        order = image.ravel()
        assert np.array_equal(classes[np.ix_(order, order)], classes)
