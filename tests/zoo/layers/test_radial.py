import numpy as np
import pytest
from keras import ops

from zoo.layers.radial import RadialBasis, chebyshev

LENGTH = 1.7


def basis(kind: str, order: int = 4) -> RadialBasis:
    layer = RadialBasis(order, LENGTH, kind)
    layer.build(None)
    return layer


def values(layer, distances) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(distances, dtype="float64")))


@pytest.mark.parametrize("order", [1, 2, 6])
def test_chebyshev_polynomials_are_cosines(order):
    angle = np.linspace(0.0, np.pi, 11)
    expected = np.cos(np.arange(order) * angle[:, None])
    found = ops.convert_to_numpy(chebyshev(ops.convert_to_tensor(np.cos(angle)), order))
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_correlation_functions_have_neither_value_nor_slope_at_contact():
    """rho^2 T_k = O(r^2): added to a factor they leave its cusp alone."""
    layer = basis("correlation")
    near = np.array([0.0, 1e-6, 2e-6])
    found = values(layer, near)
    np.testing.assert_array_equal(found[0], np.zeros(4))
    np.testing.assert_allclose(found[1:] / near[1:, None], np.zeros((2, 4)), atol=2e-6)


def test_correlation_functions_become_constant():
    np.testing.assert_allclose(values(basis("correlation"), [1e9]), np.ones((1, 4)), rtol=1e-7)


@pytest.mark.parametrize(("kind", "factor"), [("displacement", 1.0), ("flat_displacement", 4.0)])
def test_displacement_functions_decay_with_the_third_power(kind, factor):
    """(1 - rho)^3 = a^3 / (a + r)^3 and T_k(1) = 1, so r^3 times the function tends to a^3, or 4 a^3."""
    far = 1e6
    np.testing.assert_allclose(values(basis(kind), [far])[0] * far**3, np.full(4, factor * LENGTH**3), rtol=1e-4)


def test_flat_displacement_functions_have_no_slope_at_contact():
    at, near = values(basis("flat_displacement"), [0.0, 1e-6])
    np.testing.assert_allclose(at, [1.0, -1.0, 1.0, -1.0])
    np.testing.assert_allclose((near - at) / 1e-6, np.zeros(4), atol=1e-4)


def test_functions_are_linearly_independent():
    for kind in ("correlation", "displacement", "flat_displacement"):
        assert np.linalg.matrix_rank(values(basis(kind, 6), np.linspace(0.0, 20.0, 50))) == 6


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'spline'"):
        RadialBasis(3, 1.0, "spline")


def test_config_round_trip_gives_the_same_functions():
    layer = basis("displacement")
    copy = RadialBasis.from_config(layer.get_config())
    copy.build(None)
    distances = np.linspace(0.0, 5.0, 7)
    np.testing.assert_array_equal(values(copy, distances), values(layer, distances))
