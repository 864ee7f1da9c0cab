"""Weights of one run as the first weights of another, so that a rung of the ladder continues from the one below.

Light: imports no backend, so that a folder that is no run is refused before one is loaded.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import saved
from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What was taken over.

    Attributes:
        parameters: A value for each trainable weight of the model.
        taken: Names of the weights that the other run gave.
        kept: Names of those that it does not have, or has in another shape.
    """

    parameters: list[np.ndarray]
    taken: list[str]
    kept: list[str]

    def __str__(self) -> str:
        return f"{len(self.taken)} weights taken over, {len(self.kept)} not: {', '.join(self.kept) or 'none'}"


def source(folder: str | Path) -> saved.Saved:
    """The weights of a run, or of a result of a leaderboard.

    Raises:
        ZooError: The folder holds none.
    """
    folder = Path(folder)
    try:
        return saved.find(folder)
    except ZooError as error:
        raise ZooError(f"init_from={folder}: {str(error).removeprefix(f'{folder}: ')}") from error


def from_run(model: keras.Model, folder: str | Path) -> Transfer:
    """The weights of a run, or of a result of a leaderboard, that have the names and shapes of the model's own.

    The run may be of another model, as a Slater-Jastrow wavefunction whose orbitals and Jastrow factor a backflow model
    shares, or of another system, as one of another repulsion.

    Raises:
        ZooError: The folder holds no weights, or none that fits.
    """
    found = source(folder)
    given = {name_of(variable): np.array(variable) for variable in found.load_model().trainable_variables}
    parameters: list[np.ndarray] = []
    taken: list[str] = []
    kept: list[str] = []
    for variable in model.trainable_variables:
        name, own = name_of(variable), np.array(variable)
        fits = name in given and given[name].shape == own.shape
        parameters.append(given[name].astype(own.dtype) if fits else own)
        (taken if fits else kept).append(name)
    if not taken:
        name = found.config.model_name
        raise ZooError(f"init_from={folder}: no weight of {name} there has a name and shape of this model")
    return Transfer(parameters, taken, kept)


def name_of(variable: keras.Variable) -> str:
    """The path of a weight within its model."""
    return variable.path.split("/", 1)[-1]
