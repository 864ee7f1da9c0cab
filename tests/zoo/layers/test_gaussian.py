"""Gaussians against PySCF's, and at the places where derivatives are easily lost."""

import keras
import numpy as np
import pytest
from keras import ops
from pyscf import gto

from zoo.layers.gaussian import GaussianOrbitals
from zoo.systems.hartree_fock import HARMONICS

keras.config.set_floatx("float64")

NUCLEI = np.array([[0.0, 0.0, -0.7], [0.3, -0.2, 0.9]])
EXPONENTS = {0: (0.4, 11.0), 1: (0.8,), 2: (1.3,), 3: (0.6, 2.1)}
FUNCTIONS = [
    (nucleus, harmonic, exponent)
    for nucleus in range(len(NUCLEI))
    for momentum, exponents in EXPONENTS.items()
    for exponent in exponents
    for harmonic in HARMONICS[momentum]
]


@pytest.fixture
def random():
    return np.random.default_rng(11)


def layer_of(coefficients) -> GaussianOrbitals:
    return GaussianOrbitals(NUCLEI, FUNCTIONS, coefficients)


def second_derivative(function, x: float) -> float:
    """d^2 f/dx^2 by automatic differentiation in the backend at hand."""
    if keras.backend.backend() == "jax":
        import jax

        return float(jax.grad(jax.grad(function))(x))
    import tensorflow as tf

    at = tf.Variable(x, dtype="float64")
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = function(at)
        slope = inner.gradient(value, at)
    return float(outer.gradient(slope, at))


def test_gaussians_to_f_functions_are_those_of_pyscf(random):
    shells = [[momentum, [a, 1.0]] for momentum, exponents in EXPONENTS.items() for a in exponents]
    mole = gto.Mole(atom=[("He", position) for position in NUCLEI], basis={"He": shells}, unit="Bohr", verbose=0).build(
        dump_input=False, parse_arg=False
    )
    positions = random.normal(size=(3, 5, 3))
    expected = mole.eval_gto("GTOval_sph", positions.reshape(-1, 3)).reshape(3, 5, -1)
    layer = layer_of(np.eye(len(FUNCTIONS)))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(positions)), expected, rtol=1e-11, atol=1e-13)


def test_orbitals_are_the_coefficients_combinations(random):
    coefficients = random.normal(size=(len(FUNCTIONS), 3))
    layer = layer_of(coefficients)
    positions = random.normal(size=(2, 4, 3))
    values = ops.convert_to_numpy(layer(positions))
    assert values.shape == (2, 4, 3) and values.dtype == np.float64
    np.testing.assert_allclose(values, ops.convert_to_numpy(layer.gaussians(positions)) @ coefficients, rtol=1e-12)
    assert [tuple(w.shape) for w in layer.trainable_weights] == [(len(FUNCTIONS), 3)]


def test_config_round_trip_gives_the_same_values(random):
    layer = layer_of(random.normal(size=(len(FUNCTIONS), 2)))
    positions = random.normal(size=(2, 3, 3))
    copy = GaussianOrbitals.from_config(layer.get_config())
    np.testing.assert_array_equal(ops.convert_to_numpy(copy(positions)), ops.convert_to_numpy(layer(positions)))


@pytest.mark.parametrize("harmonic", ["s", "px", "dz2", "fx3"])
def test_second_derivative_at_the_nucleus(harmonic):
    """Along x from the nucleus: S exp(-a x^2) has second derivative -2 a N S(0), or that of the quadratic factor."""
    exponent = 1.7
    layer = GaussianOrbitals([[0.0, 0.0, 0.0]], [(0, harmonic, exponent)], [[1.0]])
    layer.build((None, 1, 3))

    def along_x(x):
        zero = ops.zeros_like(x)
        return layer(ops.reshape(ops.stack([x, zero, zero]), (1, 1, 3)))[0, 0, 0]

    step = 1e-3
    ahead, here, behind = (float(along_x(ops.convert_to_tensor(x))) for x in (step, 0.0, -step))
    assert second_derivative(along_x, 0.0) == pytest.approx((ahead - 2 * here + behind) / step**2, rel=1e-4, abs=1e-9)


def test_symbolic_call_has_static_shape():
    layer = layer_of(np.ones((len(FUNCTIONS), 3)))
    assert layer(keras.KerasTensor((None, 4, 3), dtype="float64")).shape == (None, 4, 3)
