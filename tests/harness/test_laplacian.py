import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.laplacian import gradient_and_laplacian
from zoo import create_model
from zoo.systems.quantum_dot import QuantumDot


def positions(n_electrons: int, dim: int, batch: int = 4) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(batch, n_electrons, dim))


def derivatives(log_abs, r):
    compiled = backend.jit(lambda x: gradient_and_laplacian(log_abs, x))
    return [ops.convert_to_numpy(value) for value in compiled(ops.convert_to_tensor(r))]


@pytest.mark.parametrize("dim", [2, 3])
def test_gaussian(dim):
    """log|Psi| = -a sum r^2: gradient -2 a r, Laplacian -2 a N dim."""
    r = positions(3, dim)
    gradient, laplacian = derivatives(lambda x: -0.7 * ops.sum(ops.square(x), axis=(1, 2)), r)
    np.testing.assert_allclose(gradient, -1.4 * r, rtol=1e-14)
    np.testing.assert_allclose(laplacian, np.full(4, -1.4 * 3 * dim), rtol=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
def test_slater_function(dim):
    """log|Psi| = -Z r: gradient -Z r/|r|, Laplacian -Z (D - 1) / r."""
    r = positions(1, dim)
    gradient, laplacian = derivatives(lambda x: -1.9 * ops.sqrt(ops.sum(ops.square(x), axis=(1, 2))), r)
    length = np.linalg.norm(r, axis=2, keepdims=True)
    np.testing.assert_allclose(gradient, -1.9 * r / length, rtol=1e-13)
    np.testing.assert_allclose(laplacian, -1.9 * (dim - 1) / length[:, 0, 0], rtol=1e-12)


def test_wavefunction_against_finite_differences():
    model = create_model("slater_jastrow_backflow", QuantumDot(n_up=2, n_down=1))
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.2 * random.normal(size=weight.shape))
    r, step = positions(3, 2), 1e-3
    found_gradient, found_laplacian = derivatives(lambda x: model(x)[1], r)
    shifts = step * np.eye(6).reshape(6, 1, 3, 2)
    stencil = np.concatenate([r[None] + k * shifts for k in (-2, -1, 1, 2)] + [r[None]])
    values = ops.convert_to_numpy(model(stencil.reshape(-1, 3, 2))[1]).reshape(25, 4)
    far_below, below, above, far_above = values[:24].reshape(4, 6, 4)
    gradient = (far_below - 8 * below + 8 * above - far_above) / (12 * step)
    second = (-far_below + 16 * below - 30 * values[24] + 16 * above - far_above) / (12 * step**2)
    np.testing.assert_allclose(found_gradient.reshape(4, 6).T, gradient, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(found_laplacian, second.sum(axis=0), rtol=1e-6, atol=1e-6)


def test_coordinates_taken_a_few_at_a_time_give_the_same(monkeypatch):
    """TensorFlow's half bounds its memory by taking only some coordinates of a large batch at once."""
    if not hasattr(backend, "tensorflow"):
        pytest.skip("only with backend=tensorflow")
    r = positions(2, 3)

    def log_abs(x):
        return ops.sum(ops.sin(x) * ops.square(ops.flip(x, axis=1)), axis=(1, 2))

    at_once = derivatives(log_abs, r)
    for chunk in (1, 8, 16):
        monkeypatch.setattr(backend.tensorflow, "_CHUNK", chunk)
        for found, expected in zip(derivatives(log_abs, r), at_once, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13)
