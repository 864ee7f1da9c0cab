"""The model of a run with the weights that it has learnt, and configurations of it."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import checkpoint
from harness.calculation import with_model
from harness.figures.request import Request
from harness.saved import Saved


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run as far as a figure needs it.

    Attributes:
        folder: Its folder.
        label: Its name among the runs of the figure.
        model: The wavefunction.
        saved: Where its weights came from.
    """

    folder: Path
    label: str
    model: Any
    saved: Saved

    @functools.cached_property
    def walkers(self) -> np.ndarray:
        """Configurations ``(walkers, n_electrons, dim)`` in bohr, float64: those that the run was left with.

        Where only weights were kept, they are drawn from |Psi|^2, always the same ones on one machine.
        """
        if self.saved.state is not None:
            return checkpoint.load(self.saved.state)[1]["walkers"].astype("float64")
        config = self.saved.config
        vmc = with_model(config, self.model, config.train.walkers, config.seed)
        vmc.equilibrate(config.evaluate.equilibration)
        return keras.ops.convert_to_numpy(vmc.state["walkers"]).astype("float64")


def load_all(request: Request) -> list[Trained]:
    """The runs of a request, in their order; `ZooError` if weights do not fit their model."""
    runs = zip(request.folders, request.labels, request.saved, strict=True)
    return [Trained(folder, label, saved.load_model(), saved) for folder, label, saved in runs]


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
