import keras
import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.laplacian import forward_laplacian, gradient_and_laplacian
from zoo import create_system
from zoo.errors import ZooError
from zoo.layers.distance_features import CentreDistances, ElectronDistances
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

WATER = Molecule("O 0 0 0; H 0 1.4 1.1; H 0 -1.4 1.1")
DOT = QuantumDot(n_up=2, n_down=1, omega=0.25)


def positions(system, batch: int = 4) -> np.ndarray:
    return system.initial_positions(np.random.default_rng(0), batch)


def values(layer, x: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x)))


def test_features_of_nuclei_are_vectors_and_distances_in_bohr():
    x = positions(WATER)
    found = values(CentreDistances(WATER), x)
    vectors = x[:, :, None] - WATER.nuclei
    np.testing.assert_allclose(found[..., :9], vectors.reshape(4, 10, 9), rtol=1e-14)
    np.testing.assert_allclose(found[..., 9:], np.linalg.norm(vectors, axis=-1), rtol=1e-13)


def test_rescaled_features_keep_the_direction_and_grow_as_the_logarithm():
    x = positions(WATER) * 50.0
    found = values(CentreDistances(WATER, rescaled=True), x)
    vectors, lengths = found[..., :9].reshape(4, 10, 3, 3), found[..., 9:]
    differences = x[:, :, None] - WATER.nuclei
    distances = np.linalg.norm(differences, axis=-1)
    np.testing.assert_allclose(lengths, np.log(1 + distances), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), lengths, rtol=1e-12)
    np.testing.assert_allclose(vectors / lengths[..., None], differences / distances[..., None], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("rescaled", [False, True])
def test_at_a_nucleus_the_features_are_finite_and_the_length_has_a_kink(rescaled):
    atom, layer = Molecule("H", spin=1), CentreDistances(Molecule("H", spin=1), rescaled)
    at_nucleus = values(layer, np.zeros((1, 1, 3)))
    np.testing.assert_array_equal(at_nucleus, np.zeros((1, 1, 4)))
    steps = np.array([-1e-6, 1e-6])
    near = values(layer, np.stack([steps, 0 * steps, 0 * steps], axis=1)[:, None])
    np.testing.assert_allclose(near[:, 0, 3] / np.abs(steps), 1.0, rtol=1e-5)  # slope +1 on both sides
    np.testing.assert_allclose(near[:, 0, 0] / steps, 1.0, rtol=1e-5)
    assert len(atom.nuclei) == 1


@pytest.mark.parametrize("rescaled", [False, True])
def test_in_a_trap_the_features_are_even_or_odd_and_smooth_at_its_middle(rescaled):
    """The length has no slope at the middle of a trap: a wavefunction made of it has no cusp there."""
    layer = CentreDistances(DOT, rescaled)
    steps = np.array([-1e-4, 0.0, 1e-4]) * DOT.length_scale
    along = values(layer, np.stack([steps, 0 * steps], axis=1)[:, None])[:, 0]
    assert abs(along[2, 2] - along[0, 2]) < 1e-15
    assert 0 < along[2, 2] - along[1, 2] < 1e-8
    np.testing.assert_allclose(along[2, 0], -along[0, 0], rtol=1e-12)


def test_pairs_are_ordered_and_those_of_one_electron_with_itself_are_zero():
    x = positions(WATER)
    found = values(ElectronDistances(WATER), x).reshape(4, 10, 10, 4)
    differences = x[:, :, None] - x[:, None]
    np.testing.assert_allclose(found[..., :3], differences, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found[..., 3], np.linalg.norm(differences, axis=-1), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(found[:, range(10), range(10)], np.zeros((4, 10, 4)))


@pytest.mark.parametrize("kind", [CentreDistances, ElectronDistances])
def test_features_of_the_electron_gas_are_periodic(kind):
    gas = create_system("electron_gas", n_up=3, n_down=2)
    x = positions(gas)
    moved = x.copy()
    moved[:, 1] += gas.cell * np.array([1, -2, 0])
    layer = kind(gas)
    np.testing.assert_allclose(values(layer, moved), values(layer, x), atol=1e-12)
    moved[:, 1] += 0.3
    assert np.abs(values(layer, moved) - values(layer, x)).max() > 0.05


class NoPlace(QuantumDot):
    """A system whose electrons have nothing to measure their place by."""

    @property
    def centres(self):
        return np.zeros((0, self.dim))


def test_a_system_without_centres_and_cell_is_refused():
    with pytest.raises(ZooError, match="expected centres or a periodic cell"):
        CentreDistances(NoPlace())


class SumOfFeatures(keras.Model):
    """Stands in for log|Psi|: features of one kind, squared and summed with weights of their own."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, x):
        features = self.layer(x)
        size = features.shape[1] * features.shape[2]
        weights = ops.convert_to_tensor(np.linspace(0.5, 1.5, size), dtype=x.dtype)
        total = ops.matmul(ops.reshape(ops.square(features + 0.3), (-1, size)), weights)
        return ops.ones_like(total), total


@pytest.mark.parametrize(
    "layer",
    [CentreDistances(WATER), CentreDistances(WATER, rescaled=True), CentreDistances(DOT, True), ElectronDistances(DOT)],
    ids=["nuclei", "rescaled", "trap", "pairs"],
)
def test_forward_laplacian_is_that_of_nested_differentiation(layer):
    """Also at features of zero length, such as those of one electron with itself."""
    model = SumOfFeatures(layer)
    x = ops.convert_to_tensor(positions(DOT if layer.unit != 1.0 else WATER))
    found = backend.jit(lambda y: forward_laplacian(model)([], y))(x)
    expected = backend.jit(lambda y: gradient_and_laplacian(lambda z: model(z)[1], y))(x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-9, atol=1e-10)
