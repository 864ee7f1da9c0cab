"""The state of a Monte Carlo calculation: nested dictionaries and lists of tensors, by names."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

State = dict[str, Any]


def tensors(tree):
    """The same structure with every array as a tensor."""
    return keras.tree.map_structure(ops.convert_to_tensor, tree)


def flatten(state: State) -> list[tuple[str, Any]]:
    """``[("optimizer.direction", tensor), ("parameters.0000", tensor), ...]``."""
    flat = []
    for name, value in state.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{key}", value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            flat += [(f"{name}.{index:04d}", item) for index, item in enumerate(value)]
        else:
            flat.append((name, value))
    return flat


def unflatten(like: State, flat: dict[str, Any]) -> State:
    """The opposite of `flatten`, in the structure of another state."""
    state: State = {}
    for name, value in like.items():
        if isinstance(value, dict):
            state[name] = {key: flat[f"{name}.{key}"] for key in value}
        elif isinstance(value, list):
            state[name] = [flat[f"{name}.{index:04d}"] for index in range(len(value))]
        else:
            state[name] = flat[name]
    return state
