import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.determinant import slogdet, spin_determinants

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
