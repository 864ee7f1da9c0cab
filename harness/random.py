"""Random numbers as a pure function of an explicit state."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np


def initial_state(seed: int) -> np.ndarray:
    """The state that a `keras.random.SeedGenerator` of that seed starts with, shape ``(2,)``, uint32."""
    _shared_generator()  # TensorFlow traces a function twice in which a variable is made
    return np.array(keras.ops.convert_to_numpy(keras.random.SeedGenerator(seed).state.value))


def draw(state, sample: Callable):
    """``sample(generator)`` with the generator in that state; returns the sample and the next state.

    The generator's variable is never written: it only names the state inside a `keras.StatelessScope`.
    """
    generator = _shared_generator()
    with keras.StatelessScope(state_mapping=[(generator.state, state)]) as scope:
        values = sample(generator)
        return values, scope.get_current_value(generator.state)


@functools.cache
def _shared_generator() -> keras.random.SeedGenerator:
    return keras.random.SeedGenerator(0)
