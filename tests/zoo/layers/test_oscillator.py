import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.oscillator import OscillatorOrbitals
from zoo.systems.quantum_dot import QuantumDot

OMEGA = 0.7


def layer_of(system: QuantumDot) -> OscillatorOrbitals:
    layer = system.orbitals()
    layer.build((None, 1, system.dim))
    return layer


def orbitals(layer, positions) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(positions)))


@pytest.mark.parametrize(("dim", "n_up"), [(2, 6), (3, 10)])
def test_orbitals_are_orthogonal_with_one_norm(dim, n_up):
    """By Gauss-Hermite quadrature, exact for these polynomials times a Gaussian."""
    layer = layer_of(QuantumDot(dim=dim, omega=OMEGA, n_up=n_up, n_down=0))
    nodes, weights = np.polynomial.hermite.hermgauss(8)
    grid = np.stack(np.meshgrid(*[nodes] * dim, indexing="ij"), -1).reshape(-1, dim) / OMEGA**0.5
    weight = np.prod(np.stack(np.meshgrid(*[weights] * dim, indexing="ij"), -1).reshape(-1, dim), -1)
    values = orbitals(layer, grid[:, None])[:, 0]
    weight = weight * np.exp(OMEGA * np.sum(grid**2, -1))
    overlap = np.einsum("gi,g,gj->ij", values, weight, values)
    np.testing.assert_allclose(overlap, overlap[0, 0] * np.eye(n_up), atol=1e-12 * overlap[0, 0])


@pytest.mark.parametrize("dim", [2, 3])
def test_orbitals_are_eigenstates_of_the_trap(dim):
    """(-lap / 2 + omega^2 r^2 / 2) phi_n = omega (n_x + n_y + ... + dim / 2) phi_n."""
    system = QuantumDot(dim=dim, omega=OMEGA, n_up=7, n_down=0)
    layer = layer_of(system)
    shells = np.array([sum(level) for level in system.levels()])
    random = np.random.default_rng(1)
    positions = random.normal(size=(5, 1, dim))
    for shell in set(shells):  # any combination of the levels of one shell is an eigenstate
        weights = ops.convert_to_tensor(np.where(shells == shell, random.normal(size=7), 0.0)[:, None])
        value, _, second = backend.jit(
            lambda x, weights=weights: backend.derivatives(lambda y: ops.matmul(layer(y)[:, 0], weights)[:, 0], x)
        )(ops.convert_to_tensor(positions))
        value, laplacian = ops.convert_to_numpy(value), ops.convert_to_numpy(second).sum(axis=(1, 2))
        applied = -0.5 * laplacian + 0.5 * OMEGA**2 * np.sum(positions**2, axis=(1, 2)) * value
        np.testing.assert_allclose(applied, OMEGA * (shell + dim / 2) * value, atol=1e-12)


def test_scale_is_the_frequency_in_units_of_the_traps():
    stiff, soft = (layer_of(QuantumDot(omega=omega, n_up=3, n_down=3)) for omega in (2 * OMEGA, OMEGA))
    soft.log_scale.assign(np.log(2.0))
    positions = np.random.default_rng(2).normal(size=(3, 6, 2))
    np.testing.assert_allclose(orbitals(soft, positions), orbitals(stiff, positions), rtol=1e-13)


def test_mixing_adds_higher_levels():
    system = QuantumDot(n_up=1, n_down=1)
    layer = layer_of(system)
    higher = OscillatorOrbitals(system.virtual_levels(), system.omega)
    higher.build((None, 2, 2))
    mixing = np.random.default_rng(4).normal(size=(len(system.virtual_levels()), 1))
    positions = np.random.default_rng(2).normal(size=(3, 2, 2))
    before = orbitals(layer, positions)
    layer.mixing.assign(mixing)
    expected = before + orbitals(higher, positions) @ mixing
    np.testing.assert_allclose(orbitals(layer, positions), expected, rtol=1e-13)


def test_config_round_trip_gives_the_same_orbitals():
    layer = layer_of(QuantumDot(n_up=4, n_down=1))
    copy = OscillatorOrbitals.from_config(layer.get_config())
    copy.build((None, 5, 2))
    positions = np.random.default_rng(2).normal(size=(3, 5, 2))
    np.testing.assert_array_equal(orbitals(copy, positions), orbitals(layer, positions))
