import numpy as np
import pytest
from keras import ops

from zoo.layers.pfaffian import slog_pfaffian


def pfaffian(matrix: np.ndarray) -> float:
    """By expansion along the first row."""
    if not len(matrix):
        return 1.0
    total = 0.0
    for j in range(1, len(matrix)):
        rest = [k for k in range(1, len(matrix)) if k != j]
        total += (-1) ** (j - 1) * matrix[0, j] * pfaffian(matrix[np.ix_(rest, rest)])
    return total


def antisymmetric(size: int, batch: int = 24) -> np.ndarray:
    values = np.random.default_rng(size).normal(size=(batch, size, size))
    return values - values.swapaxes(1, 2)


def numbers(matrices) -> tuple[np.ndarray, np.ndarray]:
    sign, log_abs = slog_pfaffian(ops.convert_to_tensor(matrices))
    return ops.convert_to_numpy(sign), ops.convert_to_numpy(log_abs)


@pytest.mark.parametrize("size", [2, 4, 6, 8])
def test_sign_and_size_are_those_of_the_expansion(size):
    matrices = antisymmetric(size)
    sign, log_abs = numbers(matrices)
    assert set(sign) == {-1.0, 1.0}
    np.testing.assert_allclose(sign * np.exp(log_abs), [pfaffian(matrix) for matrix in matrices], rtol=1e-11)


def test_pivoting_copes_with_zeros_where_elimination_without_it_divides_by_them():
    matrices = antisymmetric(6)
    matrices[:, 0, 1] = matrices[:, 1, 0] = matrices[:, 0, 3] = matrices[:, 3, 0] = 0.0
    sign, log_abs = numbers(matrices)
    np.testing.assert_allclose(sign * np.exp(log_abs), [pfaffian(matrix) for matrix in matrices], rtol=1e-11)


def test_exchange_of_two_rows_and_columns_changes_the_sign_alone():
    matrices, order = antisymmetric(8), [0, 1, 5, 3, 4, 2, 6, 7]
    (sign, log_abs), (new_sign, new_log) = numbers(matrices), numbers(matrices[:, order][:, :, order])
    np.testing.assert_array_equal(new_sign, -sign)
    np.testing.assert_allclose(new_log, log_abs, atol=1e-11)


def test_of_a_singular_matrix_it_is_zero():
    matrices = np.zeros((2, 4, 4))
    matrices[1, 0, 1], matrices[1, 1, 0] = 1.0, -1.0
    sign, log_abs = numbers(matrices)
    np.testing.assert_array_equal(sign, 0.0)
    np.testing.assert_array_equal(log_abs, -np.inf)
