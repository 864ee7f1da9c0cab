import numpy as np
import pytest
from keras import ops

from zoo.layers.features import OneElectronFeatures, PairFeatures
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

SYSTEMS = [
    QuantumDot(n_up=2, n_down=1),
    QuantumDot(dim=3, omega=0.1, n_up=1, n_down=1),
    Molecule(atoms="Li 0 0 0; H 0 0 3.015"),
]


def values(layer, positions) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(positions)))


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
@pytest.mark.parametrize("kind", [OneElectronFeatures, PairFeatures])
def test_there_are_as_many_features_as_said_and_they_are_bounded_but_for_a_logarithm(system, kind):
    layer = kind(system)
    near = np.random.default_rng(0).normal(size=(4, system.n_electrons, system.dim))
    assert values(layer, near).shape[-1] == layer.size
    assert np.abs(values(layer, 1e6 * near)).max() < 2 * np.log(1e8 / system.length_scale)


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_features_are_smooth_where_particles_meet(system):
    """Along a line through the meeting point the third differences vanish as fast as those of an analytic function:
    a kink in any feature would leave them of the order of the step."""
    step = 1e-3 * system.length_scale / max([1.0, *system.charges])
    line = step * np.arange(-3, 4)[:, None] * np.eye(system.dim)[0]
    random = np.random.default_rng(1)
    start = random.normal(size=(system.n_electrons, system.dim))
    for meeting_point in (start[1], *system.centres):
        positions = np.repeat(start[None], len(line), axis=0)
        positions[:, 0] = meeting_point + line
        for layer in (OneElectronFeatures(system), PairFeatures(system)):
            third = np.diff(values(layer, positions), n=3, axis=0)
            assert np.abs(third).max() < 1e-6


def test_electrons_know_their_spin_only_where_spins_are_unbalanced():
    balanced, open_shell = QuantumDot(n_up=2, n_down=2), QuantumDot(n_up=2, n_down=1)
    positions = np.zeros((1, 4, 2))
    assert np.ptp(values(OneElectronFeatures(balanced), positions), axis=1).max() == 0
    features = values(OneElectronFeatures(open_shell), positions[:, :3])
    np.testing.assert_array_equal(features[0, 0], features[0, 1])
    assert features[0, 2, 0] == -features[0, 0, 0] != 0


def test_pairs_are_numbered_by_first_and_second_electron():
    system = QuantumDot(n_up=2, n_down=1)
    positions = np.random.default_rng(2).normal(size=(3, 3, 2))
    features = values(PairFeatures(system), positions).reshape(3, 3, 3, -1)
    difference = (positions[:, :, None] - positions[:, None]) / system.length_scale
    expected = difference / np.sqrt(1 + np.sum(difference**2, axis=-1, keepdims=True))
    np.testing.assert_allclose(features[..., :2], expected, atol=1e-14)
    np.testing.assert_array_equal(features[0, ..., -1], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
