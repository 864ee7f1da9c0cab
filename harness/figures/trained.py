"""The model of a run with the weights of its newest checkpoint, and the configurations that it was left with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import checkpoint
from harness.config import RunConfig
from harness.figures.request import Request
from zoo import registry


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run as far as a figure needs it.

    Attributes:
        folder: Its folder.
        label: Its name among the runs of the figure.
        model: The wavefunction.
        walkers: Configurations ``(walkers, n_electrons, dim)`` in bohr, float64.
        step: Optimisation steps that the weights have seen.
    """

    folder: Path
    label: str
    model: Any
    walkers: np.ndarray
    step: int

    @classmethod
    def load(cls, folder: Path, config: RunConfig, label: str) -> Trained:
        """The run in that folder; `ZooError` if it has no intact checkpoint."""
        saved = checkpoint.of_run(folder, config.sha256)
        model = registry.create_model(config.model_name, config.create_system(), **config.model)
        model.load_weights(saved.weights)
        step, arrays = checkpoint.load(saved)
        return cls(folder, label, model, arrays["walkers"].astype("float64"), step)


def load_all(request: Request) -> list[Trained]:
    """The runs of a request, in their order."""
    runs = zip(request.folders, request.configs, request.labels, strict=True)
    return [Trained.load(folder, config, label) for folder, config, label in runs]


def evaluate(function, configurations: np.ndarray, most: int = 1 << 18) -> list[np.ndarray]:
    """Values of a function of configurations, in batches that fit into memory.

    Args:
        function: From a tensor ``(batch, n_electrons, dim)`` to a tensor, or several, that begin with the batch.
        configurations: ``(count, n_electrons, dim)``.
        most: Pairs of electrons in a batch.

    Returns:
        Each tensor of the result for all configurations.
    """
    n_electrons = configurations.shape[1]
    size = int(np.clip(most // n_electrons**2, 16, 4096))
    parts = []
    for start in range(0, len(configurations), size):
        batch = keras.ops.convert_to_tensor(configurations[start : start + size], dtype=keras.config.floatx())
        values = function(batch)
        parts.append([np.asarray(keras.ops.convert_to_numpy(v)) for v in keras.tree.flatten(values)])
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]
