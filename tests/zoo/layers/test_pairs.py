import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.pairs import (
    all_pairs,
    directions,
    electron_nucleus_differences,
    electron_nucleus_distances,
    norm,
    pair_distances,
    separations,
    spin_pairs,
)


def positions(n_electrons=4, dim=3, batch=5):
    return np.random.default_rng(3).normal(size=(batch, n_electrons, dim))


def test_pair_distances_are_those_of_numpy_in_triangular_order():
    r = positions()
    first, second = np.triu_indices(4, 1)
    expected = np.linalg.norm(r[:, first] - r[:, second], axis=-1)
    np.testing.assert_allclose(ops.convert_to_numpy(pair_distances(ops.convert_to_tensor(r))), expected, rtol=1e-14)
    differences = ops.convert_to_numpy(all_pairs(4).differences(ops.convert_to_tensor(r)))
    np.testing.assert_array_equal(differences, r[:, first] - r[:, second])  # exact, though it is a matrix product


def test_spin_pairs_split_all_pairs_by_spin():
    opposite, same = spin_pairs(3, 2)
    assert (opposite.same_spin, same.same_spin) == (False, True)
    assert (len(opposite.first), len(same.first)) == (6, 4)
    spin = np.array([1, 1, 1, -1, -1])
    np.testing.assert_array_equal((opposite.first @ spin) * (opposite.second @ spin), -np.ones(6))
    np.testing.assert_array_equal((same.first @ spin) * (same.second @ spin), np.ones(4))


def test_kinds_of_pairs_that_do_not_occur_are_left_out():
    assert spin_pairs(1, 0) == []
    assert [group.name for group in spin_pairs(1, 1)] == ["opposite_spin"]
    assert [group.name for group in spin_pairs(0, 3)] == ["same_spin"]


def test_norm_and_its_derivative_at_zero_length():
    vectors = ops.convert_to_tensor([[3.0, 4.0], [0.0, 0.0]], dtype="float64")
    np.testing.assert_array_equal(ops.convert_to_numpy(norm(vectors)), [5.0, 0.0])
    slope = ops.convert_to_numpy(backend.gradient(norm, vectors))
    np.testing.assert_allclose(slope, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-14)


def test_electron_nucleus_distances():
    r, nuclei = positions(), np.array([[0.0, 0.0, 1.0], [0.5, -2.0, 0.0]])
    expected = r[:, :, None] - nuclei
    found = electron_nucleus_differences(ops.convert_to_tensor(r), nuclei)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)
    distances = electron_nucleus_distances(ops.convert_to_tensor(r), nuclei)
    np.testing.assert_allclose(ops.convert_to_numpy(distances), np.linalg.norm(expected, axis=-1), rtol=1e-14)


def vectors(function, differences, cell=None):
    return ops.convert_to_numpy(function(ops.convert_to_tensor(differences), cell))


@pytest.mark.parametrize("function", [separations, directions])
def test_in_open_space_differences_stay(function):
    differences = positions()
    np.testing.assert_array_equal(vectors(function, differences), differences)


@pytest.mark.parametrize("function", [separations, directions])
def test_in_a_cell_they_are_odd_and_equal_the_differences_to_third_order(function):
    differences, cell = positions(), 4.0
    np.testing.assert_allclose(vectors(function, -differences, cell), -vectors(function, differences, cell), rtol=1e-14)
    for scale in (1e-2, 1e-3):
        change = vectors(function, scale * differences, cell) / (scale * differences) - 1.0
        factor = {separations: 1.0, directions: 4.0}[function] * (np.pi / cell) ** 2 / 6
        np.testing.assert_allclose(change, -factor * (scale * differences) ** 2, rtol=1e-2 * (100 * scale) ** 2 + 1e-5,
                                   atol=1e-12)  # fmt: skip


def test_lengths_and_directions_have_the_period_of_the_cell():
    differences, cell = positions(), 4.0
    moved = differences + cell * np.random.default_rng(1).integers(-2, 3, size=differences.shape)
    lengths = [ops.convert_to_numpy(norm(separations(ops.convert_to_tensor(d), cell))) for d in (differences, moved)]
    np.testing.assert_allclose(lengths[1], lengths[0], rtol=1e-12)
    np.testing.assert_allclose(
        vectors(directions, moved, cell), vectors(directions, differences, cell), rtol=1e-12, atol=1e-14
    )
    corner = np.full(3, cell / 2)
    assert np.linalg.norm(vectors(separations, corner, cell)) == pytest.approx(3**0.5 * cell / np.pi)
    np.testing.assert_allclose(vectors(directions, corner, cell), 0.0, atol=1e-15)


def test_a_slope_in_the_distance_is_a_slope_in_the_periodic_one():
    unit, cell = np.array([0.6, 0.0, 0.8]), 4.0
    for distance in (1e-3, 1e-4):
        found = ops.convert_to_numpy(norm(separations(ops.convert_to_tensor(distance * unit), cell)))
        assert found / distance == pytest.approx(1.0, abs=distance**2)
