"""Features of each site in the presence of all others, by self-attention."""

from __future__ import annotations

import keras

from zoo.layers.activations import tanh
from zoo.layers.lattice_states import site_states
from zoo.layers.self_attention import SelfAttention


class LatticeTransformer(keras.layers.Layer):
    r"""h_i = e[n_i,up + 2 n_i,down] + p_i,     h_i <- h_i + attention(h)_i,     h_i <- h_i + tanh(W h_i + b)

    One token for each site, with a vector e for each of its four states and p_i for its place, all trainable. No
    normalisation of layers: tanh keeps the features bounded.

    Args:
        width: Features of each site.
        layers: Layers of attention.
        heads: Heads of each; divides ``width``.

    Call: occupations ``(batch, 2, n_sites)`` to ``(batch, n_sites, width)``.
    """

    def __init__(self, width: int, layers: int, heads: int, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.random = keras.initializers.RandomNormal(stddev=0.5**0.5)
        self.states = keras.layers.Dense(width, use_bias=False, kernel_initializer=self.random, name="states")
        self.attention = [SelfAttention(width, heads, name=f"attention_{number}") for number in range(layers)]
        self.updates = [keras.layers.Dense(width, name=f"update_{number}") for number in range(layers)]

    def build(self, input_shape):
        self.places = self.add_weight(shape=(input_shape[-1], self.width), initializer=self.random, name="places")

    def call(self, occupations):
        features = self.states(site_states(occupations[:, 1], occupations[:, 0])) + self.places
        for attention, update in zip(self.attention, self.updates, strict=True):
            features = features + attention(features)
            features = features + tanh(update(features))
        return features
