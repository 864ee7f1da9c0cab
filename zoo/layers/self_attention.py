"""Plain self-attention, written out so that it keeps the precision of its inputs on every backend."""

from __future__ import annotations

import keras
from keras import ops


class SelfAttention(keras.layers.Layer):
    r"""W_o concat_h[ sum_j softmax_j(q_i . k_j / sqrt(d)) v_j ] with h heads of size d = width / h, and no biases.

    Source: A. Vaswani et al., NeurIPS 2017.

    Args:
        width: Features of each electron.
        heads: Heads; divides ``width``.
        alone: Whether there is a single electron: it reads itself, so there are no queries and keys.

    Call: features ``(batch, n, width)`` to the features to add, ``(batch, n, width)``.
    """

    def __init__(self, width: int, heads: int, alone: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.width, self.heads, self.alone = width, heads, alone
        options = {"use_bias": False, "kernel_initializer": "lecun_normal"}
        if not alone:
            self.query = keras.layers.Dense(width, name="query", **options)
            self.key = keras.layers.Dense(width, name="key", **options)
        self.value = keras.layers.Dense(width, name="value", **options)
        self.out = keras.layers.Dense(width, name="out", **options)

    def call(self, features):
        if self.alone:
            return self.out(self.value(features))
        n, heads, size = features.shape[1], self.heads, self.width // self.heads
        query, key, value = (ops.reshape(f(features), (-1, n, heads, size)) for f in (self.query, self.key, self.value))
        weights = ops.softmax(ops.einsum("bihd,bjhd->bhij", query, key) / size**0.5, axis=-1)
        read = ops.einsum("bhij,bjhd->bihd", weights, value)
        return self.out(ops.reshape(read, (-1, n, self.width)))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "heads": self.heads, "alone": self.alone}
