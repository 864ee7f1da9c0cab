import keras
import numpy as np
from keras import ops

from zoo.layers.self_attention import SelfAttention


def softmax(x: np.ndarray) -> np.ndarray:
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def test_value_is_that_of_the_formula_in_float64():
    layer, x = SelfAttention(8, 2), np.random.default_rng(0).normal(size=(3, 5, 8))
    found = layer(ops.convert_to_tensor(x))
    assert keras.backend.standardize_dtype(found.dtype) == "float64"
    weights = {w.path.split("/")[-2]: ops.convert_to_numpy(w.value) for w in layer.trainable_variables}
    heads = []
    for columns in (slice(0, 4), slice(4, 8)):
        query, key, value = (x @ weights[name][:, columns] for name in ("query", "key", "value"))
        heads.append(softmax(query @ key.swapaxes(1, 2) / 2.0) @ value)
    expected = np.concatenate(heads, axis=-1) @ weights["out"]
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=0, atol=1e-14)


def test_it_follows_permutations_of_the_electrons():
    layer, x = SelfAttention(12, 3), np.random.default_rng(1).normal(size=(2, 4, 12))
    order = [2, 0, 3, 1]
    found = ops.convert_to_numpy(layer(ops.convert_to_tensor(x)))
    permuted = ops.convert_to_numpy(layer(ops.convert_to_tensor(x[:, order])))
    np.testing.assert_allclose(permuted, found[:, order], rtol=0, atol=1e-14)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_an_electron_alone_reads_itself_without_queries_and_keys():
    layers, x = [SelfAttention(8, 2, alone) for alone in (False, True)], np.random.default_rng(2).normal(size=(3, 1, 8))
    full, short = layers
    expected = ops.convert_to_numpy(full(ops.convert_to_tensor(x)))
    short(ops.convert_to_tensor(x))
    kept = {w.path.split("/")[-2]: w for w in full.trainable_variables}
    for weight in short.trainable_variables:
        weight.assign(kept.pop(weight.path.split("/")[-2]))
    assert set(kept) == {"query", "key"}
    np.testing.assert_allclose(ops.convert_to_numpy(short(ops.convert_to_tensor(x))), expected, rtol=0, atol=1e-14)
