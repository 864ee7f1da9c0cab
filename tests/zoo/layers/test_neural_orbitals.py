import numpy as np
import pytest
from keras import ops

from zoo.layers.neural_orbitals import NeuralOrbitals
from zoo.systems.quantum_dot import QuantumDot


@pytest.mark.parametrize(
    ("n_up", "n_down", "dense", "sizes"),
    [(3, 2, True, [5]), (3, 2, False, [3, 2]), (2, 0, True, [2]), (2, 0, False, [2]), (0, 1, False, [1])],
)
def test_one_matrix_for_both_spins_or_one_for_each_that_has_electrons(n_up, n_down, dense, sizes):
    dot = QuantumDot(n_up=n_up, n_down=n_down)
    layer = NeuralOrbitals(dot, 4, dense, bias=False)
    matrices = layer(ops.ones((7, n_up + n_down, 6)), ops.ones((7, n_up + n_down, 2)))
    assert [tuple(m.shape) for m in matrices] == [(7, 4, size, size) for size in sizes]


def test_entries_are_linear_in_the_features_of_their_electron_times_its_envelope():
    """Row i of matrix k of a spin is (w . h_i + g) exp(-sigma r_i^2 / 2), with weights of electron i's spin."""
    dot, random = QuantumDot(n_up=2, n_down=1), np.random.default_rng(0)
    features, x = random.normal(size=(5, 3, 6)), random.normal(size=(5, 3, 2))
    layer = NeuralOrbitals(dot, 2, dense=True, bias=True)
    layer(ops.convert_to_tensor(features), ops.convert_to_tensor(x))
    for weight in layer.trainable_variables:
        weight.assign(random.uniform(0.5, 1.5, weight.shape))
    (found,) = layer(ops.convert_to_tensor(features), ops.convert_to_tensor(x))
    kernels, biases = (
        [ops.convert_to_numpy(getattr(part, name)) for part in layer.weights_of] for name in ("kernel", "bias")
    )
    rates = [ops.convert_to_numpy(part.sigma.value) for part in layer.envelopes]
    expected = np.zeros((5, 2, 3, 3))
    for electron in range(3):
        spin = int(electron >= 2)
        decay = np.exp(-0.5 * np.sum(x[:, electron] ** 2, axis=-1)[:, None] * rates[spin])
        expected[:, :, electron] = ((features[:, electron] @ kernels[spin] + biases[spin]) * decay).reshape(5, 2, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-12)
