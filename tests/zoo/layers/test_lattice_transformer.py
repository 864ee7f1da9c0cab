import numpy as np
from keras import ops

from zoo.layers.lattice_network import OccupationNetwork
from zoo.layers.lattice_states import site_states
from zoo.layers.lattice_transformer import LatticeTransformer

OCCUPATIONS = np.random.default_rng(0).integers(0, 2, size=(4, 2, 6)).astype("int8")


def features(layer, occupations) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(np.ascontiguousarray(occupations))))


def test_states_are_numbered_by_the_second_occupation_and_twice_the_first():
    down, up = OCCUPATIONS[:, 1], OCCUPATIONS[:, 0]
    found = ops.convert_to_numpy(site_states(ops.convert_to_tensor(down), ops.convert_to_tensor(up)))
    np.testing.assert_array_equal(found.sum(axis=-1), 1)
    np.testing.assert_array_equal(found.argmax(axis=-1), up + 2 * down)


def test_without_places_features_move_with_the_electrons():
    layer = LatticeTransformer(8, layers=2, heads=2)
    order = [3, 0, 5, 1, 4, 2]
    assert np.abs(features(layer, OCCUPATIONS[:, :, order]) - features(layer, OCCUPATIONS)[:, order]).max() > 1e-2
    layer.places.assign(np.zeros(layer.places.shape))
    found = features(layer, OCCUPATIONS[:, :, order])
    np.testing.assert_allclose(found, features(layer, OCCUPATIONS)[:, order], atol=1e-13)


def test_every_site_knows_of_every_other():
    layer = LatticeTransformer(8, layers=1, heads=2)
    changed = OCCUPATIONS.copy()
    changed[:, 0, 5] = 1 - changed[:, 0, 5]
    difference = np.abs(features(layer, changed) - features(layer, OCCUPATIONS)).max(axis=-1)
    assert np.all(difference > 1e-6)


def test_the_network_of_occupations_is_that_of_its_formula_and_of_its_spins_alone():
    layer = OccupationNetwork([1], hidden=5, layers=2)
    found = features(layer, OCCUPATIONS)
    expected = 2.0 * OCCUPATIONS[:, 1] - 1.0
    for dense in layer.layers:
        expected = np.tanh(expected @ ops.convert_to_numpy(dense.kernel) + ops.convert_to_numpy(dense.bias))
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_array_equal(features(layer, OCCUPATIONS * np.array([[[0], [1]]], "int8")), found)
