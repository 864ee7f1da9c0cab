import keras
import numpy as np
from keras import ops

from zoo.layers.activations import tanh


def test_tanh_keeps_float64_and_both_tails():
    x = np.concatenate([np.linspace(-3, 3, 301), [-800.0, -40.0, 40.0, 800.0]])
    y = tanh(ops.convert_to_tensor(x))
    assert keras.backend.standardize_dtype(y.dtype) == "float64"
    np.testing.assert_allclose(ops.convert_to_numpy(y), np.tanh(x), rtol=0, atol=4e-16)
