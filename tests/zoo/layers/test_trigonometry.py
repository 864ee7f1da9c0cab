"""Sine and cosine keep the precision of their argument, which those of Keras do not on every backend."""

import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.trigonometry import cos, sin

X = np.concatenate([np.linspace(-30, 30, 1201), np.arange(-8, 9) * np.pi / 2, np.arange(-8, 9) * np.pi / 2 + 1e-9])
PAIRS = [(sin, np.sin, np.cos), (cos, np.cos, lambda x: -np.sin(x))]


@pytest.mark.parametrize(("function", "expected", "slope"), PAIRS, ids=["sin", "cos"])
def test_values_and_derivatives(function, expected, slope):
    x = ops.convert_to_tensor(X)
    np.testing.assert_allclose(ops.convert_to_numpy(function(x)), expected(X), atol=2e-14)
    value, first, second = map(ops.convert_to_numpy, backend.derivatives(lambda y: function(y[:, 0]), x[:, None]))
    np.testing.assert_allclose(value, expected(X), atol=2e-14)
    np.testing.assert_allclose(first[:, 0], slope(X), atol=2e-14)
    np.testing.assert_allclose(second[:, 0], -expected(X), atol=2e-14)


@pytest.mark.parametrize(("function", "expected", "slope"), PAIRS, ids=["sin", "cos"])
def test_single_precision_stays_single(function, expected, slope):
    found = function(ops.convert_to_tensor(X, dtype="float32"))
    assert "float32" in str(found.dtype)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected(X), atol=1e-5)
