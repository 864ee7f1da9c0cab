"""A network of all occupations."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.activations import tanh


class OccupationNetwork(keras.layers.Layer):
    """Dense layers with tanh of the occupations of all sites, +1 for an electron and -1 for none.

    Args:
        spins: Numbers of the spins that have electrons, 0 for up.
        hidden: Units of each layer.
        layers: Layers.

    Call: occupations ``(batch, 2, n_sites)`` to ``(batch, hidden)``.
    """

    def __init__(self, spins: list[int], hidden: int, layers: int, **kwargs):
        super().__init__(**kwargs)
        self.spins = spins
        self.layers = [keras.layers.Dense(hidden, name=f"hidden_{number}") for number in range(layers)]

    def call(self, occupations):
        features = ops.concatenate([occupations[:, spin] for spin in self.spins], axis=-1)
        features = 2.0 * ops.cast(features, keras.config.floatx()) - 1.0
        for layer in self.layers:
            features = tanh(layer(features))
        return features
