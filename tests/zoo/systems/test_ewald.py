"""Ewald sums against lattice sums from the literature, and what a periodic energy must be invariant under."""

import itertools
import math

import numpy as np
import pytest
from keras import ops

from zoo.systems.ewald import coulomb_energy, madelung_constant

XI = {2: -3.900264920001956, 3: -2.837297479480620}
"""Madelung constants of the square and of the simple cube, in units of 1/L."""


def energy(positions, cell: float, **options) -> np.ndarray:
    return ops.convert_to_numpy(coulomb_energy(ops.convert_to_tensor(np.asarray(positions)), cell, **options))


def pair_potential(differences, cell: float) -> np.ndarray:
    """psi(r) of differences ``(m, dim)``: the energy of two electrons without that of each one with its images."""
    differences = np.asarray(differences, dtype="float64")
    pairs = np.stack([np.zeros_like(differences), differences], axis=1)
    return energy(pairs, cell) - madelung_constant(differences.shape[1]) / cell


def random_positions(dim: int, n_electrons: int = 5, batch: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(scale=4.0, size=(batch, n_electrons, dim))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("splitting", [1.5, 2.0, 2.5])
def test_madelung_constant(dim, splitting):
    assert madelung_constant(dim, splitting) == pytest.approx(XI[dim], abs=1e-14)


@pytest.mark.parametrize("dim", [2, 3])
def test_one_electron_has_the_energy_of_its_images(dim):
    np.testing.assert_allclose(energy(random_positions(dim, 1), 2.5), XI[dim] / (2 * 2.5), rtol=1e-14)


def checkerboard(dim: int) -> list[tuple[tuple[int, ...], int]]:
    """Places and charges of ions on the corners of a cell of side 2."""
    return [(corner, (-1) ** sum(corner)) for corner in itertools.product((0, 1), repeat=dim)]


SALT = {  # Madelung constants of ionic lattices, for the distance of nearest neighbours
    "NaCl": (1.7475645946331822, 1.0, checkerboard(3)),
    "CsCl": (1.7626747730709888, math.sqrt(3), [((0, 0, 0), 1), ((1, 1, 1), -1)]),
    "square": (1.6155426267128247, 1.0, checkerboard(2)),
}


@pytest.mark.parametrize("name", SALT)
def test_ionic_lattices(name):
    """The energy of charges of both signs in a cell of side 2 is -M / d for each pair of ions."""
    constant, nearest, ions = SALT[name]
    dim = len(ions[0][0])
    pairs = list(itertools.combinations(ions, 2))
    potentials = pair_potential([np.subtract(one, two) for (one, _), (two, _) in pairs], 2.0)
    total = np.dot([charge * other for (_, charge), (_, other) in pairs], potentials)
    total += 0.5 * len(ions) * madelung_constant(dim) / 2.0
    assert total == pytest.approx(-constant / nearest * len(ions) / 2, abs=1e-10)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_splitting_does_not_matter(dim):
    """The energy of ten pairs is within 1e-11, also at a corner of the cell and close by."""
    positions = random_positions(dim)
    positions[0, 1] = positions[0, 0] + 3.3 / 2
    positions[1, 1] = positions[1, 0] + 1e-3
    positions[2, 1, 0] = positions[2, 0, 0]
    expected = energy(positions, 3.3, splitting=8.0, waves=13)
    np.testing.assert_allclose(energy(positions, 3.3), expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(energy(positions, 3.3, splitting=6.0, waves=9), expected, rtol=0, atol=2e-12)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_energy_is_invariant_under_translations_exchanges_and_whole_cells(dim):
    positions, cell = random_positions(dim), 3.3
    expected = energy(positions, cell)
    random = np.random.default_rng(1)
    wrapped = positions + cell * random.integers(-3, 4, size=positions.shape)
    for changed in (positions + random.normal(size=dim), positions[:, ::-1], -positions, positions[..., ::-1], wrapped):
        np.testing.assert_allclose(energy(changed, cell), expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_energy_scales_like_an_inverse_length(dim):
    positions = random_positions(dim)
    np.testing.assert_allclose(energy(7.0 * positions, 21.0), energy(positions, 3.0) / 7.0, rtol=1e-12)


@pytest.mark.parametrize("dim", [2, 3])
def test_close_by_the_potential_is_one_over_r_and_the_madelung_constant(dim):
    """In three dimensions psi = 1/r + xi + 2 pi r^2 / 3 + O(r^4) for L = 1: the background is a uniform charge."""
    direction = np.array([2.0, 1.0, -2.0]) / 3.0 if dim == 3 else np.array([0.6, 0.8])
    for r in (0.01, 0.02):
        rest = pair_potential([r * direction], 1.0)[0] - 1.0 / r - madelung_constant(dim)
        assert abs(rest) < 20 * r**2
        if dim == 3:
            assert rest == pytest.approx(2 * math.pi / 3 * r**2, abs=10 * r**4)


@pytest.mark.parametrize("dim", [2, 3])
def test_differences_of_the_potential_are_those_of_a_plain_sum_over_images(dim):
    """Over all images within R. What remains is the potential of a uniform ball or disc of that radius, whose curvature
    the background cancels: -2 pi r^2 / 3 in a ball, -pi r^2 / (2 R) in a disc."""
    radius = 30.0
    points = np.array([[0.3, 0.2, 0.1][:dim], [0.45, -0.4, 0.25][:dim]])
    images = np.array(list(itertools.product(np.arange(-30.0, 31.0), repeat=dim)))
    images = images[np.linalg.norm(images, axis=1) < radius]
    sums = [np.sum(1.0 / np.linalg.norm(images + point, axis=1)) for point in points]
    curvature = 2 * math.pi / 3 if dim == 3 else math.pi / (2 * radius)
    expected = np.subtract(*sums) + curvature * np.subtract(*np.sum(points**2, axis=1))
    assert np.subtract(*pair_potential(points, 1.0)) == pytest.approx(expected, abs=1e-3)
