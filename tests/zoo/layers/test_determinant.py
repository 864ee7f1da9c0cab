import keras
import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.laplacian import forward_laplacian, gradient_and_laplacian
from zoo.layers.determinant import slogdet, spin_determinants, sum_of_determinants, sum_of_products

SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]])


def numbers(pair) -> tuple[np.ndarray, np.ndarray]:
    sign, log_abs = pair
    return ops.convert_to_numpy(sign), ops.convert_to_numpy(log_abs)


def matrices(size: int, batch: int = 6) -> np.ndarray:
    return np.random.default_rng(size).normal(size=(batch, size, size))


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_sign_and_logarithm_are_those_of_numpy(size):
    found, expected = numbers(slogdet(ops.convert_to_tensor(matrices(size)))), np.linalg.slogdet(matrices(size))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-13)


def test_determinant_of_no_electrons_is_one():
    sign, log_abs = numbers(slogdet(ops.zeros((3, 0, 0))))
    np.testing.assert_array_equal(sign, np.ones(3))
    np.testing.assert_array_equal(log_abs, np.zeros(3))


@pytest.mark.parametrize("matrix", [SINGULAR, np.zeros((1, 1)), np.zeros((2, 2))], ids=["rank 2", "1x1", "zero"])
def test_singular_matrix_beside_a_regular_one(matrix):
    """Sign 0, log -inf, derivatives 0; the neighbour in the batch notices nothing."""
    regular = matrices(len(matrix), 1)[0] + 3 * np.eye(len(matrix))
    batch = ops.convert_to_tensor(np.stack([matrix, regular]))
    sign, log_abs = numbers(slogdet(batch))
    assert (sign[0], log_abs[0]) == (0.0, -np.inf)
    np.testing.assert_allclose([sign[1], log_abs[1]], np.linalg.slogdet(regular), rtol=1e-13)
    _, first, second = backend.derivatives(lambda m: slogdet(m)[1], batch)
    inverse = np.linalg.inv(regular).T
    for found, expected in ((first, inverse), (second, -(inverse**2))):  # d log|det| / dm_ij = (m^-1)_ji
        found = ops.convert_to_numpy(found)
        np.testing.assert_array_equal(found[0], np.zeros_like(matrix))
        np.testing.assert_allclose(found[1], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_singular_but_for_rounding(transposed):
    """Its factorisation finds a pivot near 1e-17, that of its transpose, needed for the derivative, may find zero."""
    product = np.outer([0.1, 0.7], [0.3, 1.1])
    regular = np.array([[2.0, 1.0], [1.0, 3.0]])
    batch = ops.convert_to_tensor(np.stack([product.T if transposed else product, regular]))
    value, first, _ = backend.derivatives(lambda m: slogdet(m)[1], batch)
    value, first = ops.convert_to_numpy(value), ops.convert_to_numpy(first)
    assert value[0] < -35
    assert not np.isnan(first[0]).any()
    np.testing.assert_allclose(value[1], np.log(5.0), rtol=1e-14)
    np.testing.assert_allclose(first[1], np.linalg.inv(regular).T, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_is_not_finite_stays_visible_in_value_and_derivatives(size, bad):
    """And raises no error, which would keep the harness from going back to its last good state."""
    batch = matrices(size, 2)
    batch[0, 0, 0] = bad
    value, first, second = backend.derivatives(lambda m: slogdet(m)[1], ops.convert_to_tensor(batch))
    value, first, second = (ops.convert_to_numpy(v) for v in (value, first, second))
    assert not np.isfinite(value[0])
    assert np.isfinite(value[1])
    if size > 1 or np.isnan(bad):
        assert np.isnan(first[0]).any()
    np.testing.assert_allclose(first[1], np.linalg.inv(batch[1]).T, rtol=1e-10)
    assert np.isfinite(second[1]).all()


@pytest.mark.parametrize(("n_up", "n_down"), [(3, 2), (1, 3), (2, 0), (0, 1)])
def test_spins_share_the_first_orbitals(n_up, n_down):
    orbitals = np.random.default_rng(5).normal(size=(4, n_up + n_down, max(n_up, n_down)))
    expected = np.linalg.det(orbitals[:, :n_up, :n_up]) * np.linalg.det(orbitals[:, n_up:, :n_down])
    sign, log_abs = numbers(spin_determinants(ops.convert_to_tensor(orbitals), n_up, n_down))
    np.testing.assert_allclose(sign * np.exp(log_abs), expected, rtol=1e-12)


def terms(seed: int = 0, batch: int = 7, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return np.sign(random.normal(size=(batch, count))), random.normal(size=(batch, count))


@pytest.mark.parametrize("coefficients", [None, np.array([0.3, -2.0, 1.1])], ids=["plain", "weighted"])
def test_sum_of_determinants_is_the_sum(coefficients):
    signs, logs = terms()
    weights = 1.0 if coefficients is None else coefficients
    expected = np.sum(weights * signs * np.exp(logs), axis=1)
    given = coefficients if coefficients is None else ops.convert_to_tensor(coefficients)
    sign, log_abs = numbers(sum_of_determinants(ops.convert_to_tensor(signs), ops.convert_to_tensor(logs), given))
    np.testing.assert_array_equal(sign, np.sign(expected))
    np.testing.assert_allclose(log_abs, np.log(np.abs(expected)), rtol=1e-12, atol=1e-14)


def test_sum_of_determinants_far_beyond_the_range_of_floating_point_numbers():
    signs, logs = terms()
    for shift in (-1e5, 1e5):
        shifted = ops.convert_to_tensor(logs + shift)
        sign, log_abs = numbers(sum_of_determinants(ops.convert_to_tensor(signs), shifted))
        expected = np.sum(signs * np.exp(logs), axis=1)
        np.testing.assert_array_equal(sign, np.sign(expected))
        np.testing.assert_allclose(log_abs, shift + np.log(np.abs(expected)), rtol=1e-12)


def test_sum_with_terms_that_vanish_cancel_or_are_not_finite():
    """Rows: two terms; one that is zero; none but zeros; two that cancel; NaN, which has to stay visible."""
    infinite = -np.inf
    signs = np.array([[1.0, -1.0], [0.0, 1.0], [0.0, 0.0], [1.0, -1.0], [1.0, 1.0]])
    logs = np.array([[1.0, 0.0], [infinite, 3.0], [infinite, infinite], [2.0, 2.0], [np.nan, 0.0]])

    def log_abs(values):
        """Of each row, whatever the number of copies of the rows."""
        copies = values.shape[0] // len(signs)
        return sum_of_determinants(ops.convert_to_tensor(np.tile(signs, (copies, 1))), values)[1]

    sign, _ = numbers(sum_of_determinants(ops.convert_to_tensor(signs), ops.convert_to_tensor(logs)))
    np.testing.assert_array_equal(sign[:4], [1, 1, 0, 0])
    value, first, second = (ops.convert_to_numpy(v) for v in backend.derivatives(log_abs, ops.convert_to_tensor(logs)))
    np.testing.assert_allclose(value[:2], [np.log(np.e - 1), 3.0], rtol=1e-14)
    np.testing.assert_array_equal(value[2:4], [infinite, infinite])
    share = np.e / (np.e - 1)
    np.testing.assert_allclose(first[0], [share, 1 - share], rtol=1e-12)
    np.testing.assert_allclose(second[0], [share * (1 - share)] * 2, rtol=1e-12)
    np.testing.assert_array_equal(first[1:4], [[0, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(second[1:4], np.zeros((3, 2)))
    assert np.isnan(value[4]) and np.isnan(first[4]).any()


@pytest.mark.parametrize("sizes", [(4,), (1, 1), (3, 2), (2, 1)], ids=str)
def test_sum_of_products_of_determinants(sizes):
    random = np.random.default_rng(3)
    matrices = [random.normal(size=(6, 5, n, n)) for n in sizes]
    expected = np.sum(np.prod([np.linalg.det(m) for m in matrices], axis=0), axis=1)
    sign, log_abs = numbers(sum_of_products([ops.convert_to_tensor(m) for m in matrices]))
    np.testing.assert_allclose(sign * np.exp(log_abs), expected, rtol=1e-11)


class DeterminantOfPositions(keras.Model):
    """log|det r| for three electrons in three dimensions."""

    def call(self, positions):
        return sum_of_products([ops.expand_dims(positions, 1)])


def test_forward_laplacian_takes_a_singular_matrix_as_nested_differentiation_does():
    positions = np.random.default_rng(4).normal(size=(3, 3, 3))
    positions[1, 1] = 0.0
    model, x = DeterminantOfPositions(), ops.convert_to_tensor(positions)
    found = backend.jit(lambda y: forward_laplacian(model)([], y))(x)
    expected = backend.jit(lambda y: gradient_and_laplacian(lambda z: model(z)[1], y))(x)
    (gradient, laplacian), (expected_gradient, expected_laplacian) = (
        map(ops.convert_to_numpy, v) for v in (found, expected)
    )
    np.testing.assert_array_equal(gradient[1], np.zeros((3, 3)))
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9)
    np.testing.assert_allclose(laplacian, expected_laplacian, rtol=1e-9)
