import numpy as np
import pytest
from keras import ops

from zoo import create_system
from zoo.layers.envelopes import Envelopes
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

HYDRIDE = Molecule("Li 0 0 0; H 0 0 3")


def built(system, n_orbitals: int, seed: int = 0) -> Envelopes:
    layer = Envelopes(system, n_orbitals)
    layer.build((None, system.n_electrons, system.dim))
    random = np.random.default_rng(seed)
    for weight in layer.trainable_variables:
        weight.assign(random.uniform(0.5, 2.0, weight.shape))
    return layer


def test_about_nuclei_each_orbital_is_a_sum_of_exponentials():
    layer, x = built(HYDRIDE, 3), np.random.default_rng(1).normal(size=(5, 2, 3))
    sigma, pi = (ops.convert_to_numpy(w.value) for w in (layer.sigma, layer.pi))
    distances = np.linalg.norm(x[:, :, None] - HYDRIDE.nuclei, axis=-1)
    expected = np.sum(pi * np.exp(-distances[..., None] * sigma), axis=2)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(ops.convert_to_tensor(x))), expected, rtol=1e-12)


@pytest.mark.parametrize("omega", [1.0, 4.0])
def test_a_trap_starts_with_its_own_ground_state(omega):
    dot = QuantumDot(omega=omega, n_up=2, n_down=2)
    layer = Envelopes(dot, 2)
    x = np.random.default_rng(1).normal(size=(5, 4, 2))
    expected = np.exp(-0.5 * omega * np.sum(x**2, axis=-1))[..., None]
    found = ops.convert_to_numpy(layer(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found, np.repeat(expected, 2, axis=-1), rtol=1e-12)


def test_a_single_centre_has_rates_but_no_amplitudes():
    layer = built(QuantumDot(n_up=2), 4)
    assert [weight.name for weight in layer.trainable_variables] == ["sigma"]


def test_in_a_periodic_cell_nothing_decays():
    layer = built(create_system("electron_gas", n_up=1, n_down=1), 4)
    assert not layer.trainable_variables
    assert layer(ops.zeros((2, 2, 3))) == 1.0
