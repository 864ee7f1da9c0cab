import itertools

import numpy as np
import pytest
from keras import ops

from zoo.layers.plane_waves import PlaneWaves
from zoo.systems.wave_vectors import half_space

CELL = 2.7


def values(layer, positions) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(positions)))


@pytest.mark.parametrize("dim", [2, 3])
def test_values(dim):
    vectors = [(0,) * dim, *half_space(dim, 4)]
    positions = np.random.default_rng(0).normal(scale=5.0, size=(3, 4, dim))
    angles = 2 * np.pi / CELL * np.einsum("bmd,nd->bmn", positions, np.array(vectors[1:]))
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=-1).reshape(3, 4, 8)
    expected = np.concatenate([np.ones((3, 4, 1)), 2**0.5 * waves], axis=-1)
    np.testing.assert_allclose(values(PlaneWaves(vectors, CELL), positions), expected, atol=1e-13)
    np.testing.assert_allclose(values(PlaneWaves(vectors, CELL, 6), positions), expected[..., :6], atol=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
def test_they_are_orthonormal_over_the_cell(dim):
    """Sums over a grid of m points along each side are exact for products of fewer than m periods."""
    layer = PlaneWaves([(0,) * dim, *half_space(dim, 10)], CELL)
    side = np.arange(7) * CELL / 7
    points = np.array(list(itertools.product(side, repeat=dim)))[None]
    found = values(layer, points)[0]
    np.testing.assert_allclose(found.T @ found / len(found), np.eye(21), atol=1e-13)


def test_they_have_the_period_of_the_cell():
    layer = PlaneWaves(half_space(3, 9), CELL)
    positions = np.random.default_rng(0).normal(size=(2, 5, 3))
    moved = positions + CELL * np.random.default_rng(1).integers(-2, 3, size=positions.shape)
    np.testing.assert_allclose(values(layer, moved), values(layer, positions), atol=1e-13)


def test_configuration():
    layer = PlaneWaves([(0, 0), (1, 0), (0, 1)], CELL, 4)
    again = PlaneWaves.from_config(layer.get_config())
    positions = np.random.default_rng(0).normal(size=(2, 5, 2))
    np.testing.assert_array_equal(values(again, positions), values(layer, positions))
    assert layer.weights == []
