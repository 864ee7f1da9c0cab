import numpy as np
import pytest
from keras import ops

from zoo.layers.attention import ElectronTransformer, PairBiasedAttention
from zoo.layers.determinant import values_only
from zoo.layers.message_passing import MessagePassing
from zoo.systems.quantum_dot import QuantumDot

SYSTEM = QuantumDot(n_up=3, n_down=2)


def network(kind: str, system=SYSTEM):
    if kind == "messages":
        return MessagePassing(system, width=8, rounds=3, channels=2)
    return ElectronTransformer(system, width=8, layers=3, heads=2)


def randomised(layer, *inputs):
    layer(*inputs)
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(0.5 * random.normal(size=weight.shape))
    return layer


def values(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def positions():
    return ops.convert_to_tensor(np.random.default_rng(1).normal(size=(4, 5, 2)))


@pytest.mark.parametrize("kind", ["messages", "attention"])
def test_permuting_equal_spins_permutes_the_features(kind, positions):
    layer = randomised(network(kind), positions)
    order = [2, 0, 1, 4, 3]
    np.testing.assert_allclose(
        values(layer(ops.take(positions, order, axis=1))), values(layer(positions))[:, order], atol=1e-13
    )


def test_of_electrons_that_are_alike_queries_and_keys_make_no_difference():
    random = np.random.default_rng(2)
    features = np.tile(random.normal(size=(1, 1, 8)), (4, 5, 1))
    inputs = [features, random.normal(size=(4, 25, 6)), random.normal(size=(4, 5, 5, 2))]
    layers = [PairBiasedAttention(8, 2, 2, n_electrons=5, alike=alike) for alike in (False, True)]
    full, short = (randomised(layer, *map(ops.convert_to_tensor, inputs)) for layer in layers)
    kept = {weight.path.split("/", 1)[1]: weight for weight in full.trainable_variables}
    for weight in short.trainable_variables:
        weight.assign(kept.pop(weight.path.split("/", 1)[1]))
    assert set(kept) == {"query/kernel", "key/kernel"}
    for found, expected in zip(short(*inputs), full(*inputs), strict=True):
        np.testing.assert_allclose(values(found), values(expected), atol=1e-13)


def test_a_single_electron_attends_to_itself():
    layer = ElectronTransformer(QuantumDot(n_up=1, n_down=0), width=8, layers=2, heads=2)
    positions = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(4, 1, 2)))
    np.testing.assert_array_equal(values(layer.attention_weights(positions)), np.ones((4, 2, 2, 1, 1)))


@pytest.mark.parametrize("system", [SYSTEM, QuantumDot(n_up=3, n_down=0), QuantumDot(n_up=1, n_down=1)])
def test_values_without_derivatives_are_the_same(system):
    positions = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(4, system.n_electrons, 2)))
    layer = randomised(network("messages", system), positions)
    with values_only():
        found = values(layer(positions))
    np.testing.assert_allclose(found, values(layer(positions)), atol=1e-14)


@pytest.mark.parametrize("kind", ["messages", "attention"])
def test_every_electron_sees_every_other(kind, positions):
    layer = randomised(network(kind), positions)
    before = values(layer(positions))
    for moved in range(5):
        shift = np.zeros((1, 5, 2))
        shift[:, moved] = 0.1
        change = np.abs(values(layer(positions + shift)) - before).max(axis=(0, 2))
        assert change.min() > 1e-6


@pytest.mark.parametrize("kind", ["messages", "attention"])
def test_equal_and_opposite_spins_are_told_apart(kind, positions):
    """Exchanging places between an up and a down electron is no symmetry."""
    layer = randomised(network(kind), positions)
    order = [3, 1, 2, 0, 4]
    exchanged = values(layer(ops.take(positions, order, axis=1)))
    assert np.abs(exchanged[:, [1, 2, 4]] - values(layer(positions))[:, [1, 2, 4]]).max() > 1e-3


@pytest.mark.parametrize("kind", ["messages", "attention"])
def test_one_electron_alone_has_features(kind):
    positions = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(4, 1, 2)))
    layer = randomised(network(kind, QuantumDot(n_up=1, n_down=0)), positions)
    assert np.isfinite(values(layer(positions))).all()


def test_attention_weights_are_shares(positions):
    layer = randomised(network("attention"), positions)
    alpha = values(layer.attention_weights(positions))
    assert alpha.shape == (4, 3, 2, 5, 5) and alpha.min() > 0
    np.testing.assert_allclose(alpha.sum(axis=-1), 1, atol=1e-14)
