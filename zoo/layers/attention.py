"""Self-attention between electrons, written out so that it keeps the precision of its inputs on every backend."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.activations import tanh
from zoo.layers.features import OneElectronFeatures, PairFeatures


class PairBiasedAttention(keras.layers.Layer):
    r"""Attention whose weights know the distance, and whose values know the direction, of every other electron.

        alpha_ij = softmax_j(q_i . k_j / sqrt(d) + b(e_ij)),     out_i = W [sum_j alpha_ij v_j, sum_j alpha_ij s_ij]

    for each head, with s_ij the direction of r_i - r_j: alpha_ij stands where pairwise backflow has eta(r_ij). The
    bias b is linear in hidden features of the pair, and starts at zero. Only weights that can have an influence are
    there: a single electron attends to itself, whatever the score.

    Args:
        width: Features of each electron.
        heads: Heads; divides ``width``.
        dim: Components of a direction.
        n_electrons: Electrons.
        alike: Whether all electrons come with the same features: then so are all q_i . k_j, and they are left out.

    Call: features ``(batch, n, width)``, hidden features of the pairs ``(batch, n^2, hidden)`` and their directions
    ``(batch, n, n, dim)`` to the features to add, ``(batch, n, width)``, and alpha, ``(batch, heads, n, n)``. Of a
    single electron there are no pairs: None and None.
    """

    def __init__(self, width: int, heads: int, dim: int, n_electrons: int, alike: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.width, self.heads, self.dim = width, heads, dim
        self.n_electrons, self.alike = n_electrons, alike
        if n_electrons > 1 and not alike:
            self.query = keras.layers.Dense(width, use_bias=False, name="query")
            self.key = keras.layers.Dense(width, use_bias=False, name="key")
        self.value = keras.layers.Dense(width, use_bias=False, name="value")
        if n_electrons > 1:
            self.bias = keras.layers.Dense(heads, use_bias=False, kernel_initializer="zeros", name="bias")
        self.out = keras.layers.Dense(width, use_bias=False, name="out")

    def build(self, features_shape, pairs_shape=None, directions_shape=None):
        features, several = (None, None, self.width), self.n_electrons > 1
        for layer in (self.query, self.key, self.value) if several and not self.alike else (self.value,):
            layer.build(features)
        if several:
            self.bias.build(pairs_shape)
        self.out.build((None, None, self.width + self.heads * self.dim) if several else features)

    def call(self, features, pairs, directions):
        n, heads = self.n_electrons, self.heads
        if n == 1:
            return self.out(self.value(features)), ops.ones_like(ops.reshape(features[..., :heads], (-1, heads, 1, 1)))
        # Pairs become a matrix last: before, each depends on two electrons, and its derivatives are short.
        scores = ops.reshape(ops.transpose(self.bias(pairs), (0, 2, 1)), (-1, heads, n, n))
        if not self.alike:
            query, key = self._of_heads(self.query(features)), self._of_heads(self.key(features))
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / (self.width // heads) ** 0.5 + scores
        alpha = ops.softmax(scores, axis=-1)
        read = ops.matmul(alpha, self._of_heads(self.value(features)))
        read = ops.reshape(ops.transpose(read, (0, 2, 1, 3)), (-1, n, self.width))
        moved = ops.einsum("bhij,bijd->bihd", alpha, directions)
        moved = ops.reshape(moved, (-1, n, heads * self.dim))
        return self.out(ops.concatenate([read, moved], axis=-1)), alpha

    def _of_heads(self, features):
        """``(batch, n, width)`` to ``(batch, heads, n, width / heads)``."""
        shape = (-1, self.n_electrons, self.heads, self.width // self.heads)
        return ops.transpose(ops.reshape(features, shape), (0, 2, 1, 3))

    def get_config(self):
        own = {name: getattr(self, name) for name in ("width", "heads", "dim", "n_electrons", "alike")}
        return {**super().get_config(), **own}


class ElectronTransformer(keras.layers.Layer):
    r"""Features of each electron in the presence of all others, by layers of self-attention.

        h_i = A x_i,     h_i <- h_i + attention(h)_i,     h_i <- h_i + tanh(W h_i + b)

    with x_i the features of the electron and e_ij those of the pair (`zoo.layers.features`), which one hidden layer
    turns into what all biases are made from. No normalisation of layers: tanh keeps the features bounded.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        width: Features of each electron.
        layers: Layers of attention.
        heads: Heads of each; divides ``width``.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch, n_electrons, width)``.
    """

    def __init__(self, system, width: int, layers: int, heads: int, **kwargs):
        super().__init__(**kwargs)
        self.n_electrons, self.dim, self.width = system.n_electrons, system.dim, width
        self.electrons, self.pairs = OneElectronFeatures(system, name="electrons"), PairFeatures(system, name="pairs")
        self.embedding = keras.layers.Dense(width, name="embedding")
        if self.n_electrons > 1:
            self.hidden = keras.layers.Dense(width, name="hidden")
        self.attention = [
            # Where electrons begin alike, they are told apart by what the first layer reads of the pairs.
            PairBiasedAttention(
                width, heads, self.dim, self.n_electrons, self.electrons.alike and i == 0, name=f"attention_{i}"
            )
            for i in range(layers)
        ]
        self.updates = [keras.layers.Dense(width, name=f"update_{i}") for i in range(layers)]

    def build(self, input_shape):
        features = (None, None, self.width)
        self.embedding.build((None, None, self.electrons.size))
        if self.n_electrons > 1:
            self.hidden.build((None, None, self.pairs.size))
        for attention, update in zip(self.attention, self.updates, strict=True):
            attention.build(features, features)
            update.build(features)

    def call(self, positions):
        return self._run(positions)[0]

    def attention_weights(self, positions):
        """alpha of every layer: positions ``(batch, n, dim)`` to ``(batch, layers, heads, n, n)``."""
        return ops.stack(self._run(positions)[1], axis=1)

    def _run(self, positions):
        """Features, and alpha of each layer."""
        hidden = directions = None
        if self.n_electrons > 1:
            pairs = self.pairs(positions)
            directions = ops.reshape(pairs[..., : self.dim], (-1, self.n_electrons, self.n_electrons, self.dim))
            hidden = tanh(self.hidden(pairs))
        features = self.embedding(self.electrons(positions))
        alphas = []
        for attention, update in zip(self.attention, self.updates, strict=True):
            out, alpha = attention(features, hidden, directions)
            features = features + out
            features = features + tanh(update(features))
            alphas.append(alpha)
        return features, alphas
