"""A new measurement of the energy that weights in a file give, with samples of its own. Loads a backend."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np
from rich.console import Console

from harness import saved, weights
from harness.calculation import with_model
from harness.config import RunConfig
from harness.progress import Progress
from harness.training_log import SHOWN
from harness.vmc import Evaluation
from zoo import registry
from zoo.errors import ZooError


def remeasure(
    config: RunConfig, file: Path, draws: int, walkers: int, seed: int, parameters: int | None = None
) -> Evaluation:
    """Build the model that a configuration describes, load its weights, and measure from walkers that know nothing.

    Args:
        config: Of the run; its backend and precision need not be those of this process.
        file: The weights; looked at by `harness.weights.problems` before they are loaded.
        draws, walkers: Of the measurement.
        seed: Of random numbers that no run and no evaluation uses.
        parameters: How many trainable numbers the model must have, if given.

    Raises:
        ZooError: The file is not sound, or its weights are not those of the model.
    """
    if found := weights.problems(file):
        raise ZooError("; ".join(found))
    system = config.create_system()
    system.validate()
    stream = _stream(seed)
    random.seed(stream)
    model = registry.create_model(config.model_name, system, **config.model)
    count = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    if parameters not in (None, count):
        raise ZooError(f"model.parameters {parameters}: {config.model_name} with these settings has {count}")
    saved.load_weights(model, file, config.model_name)
    vmc = with_model(config, model, walkers, stream)
    with Progress(draws, "measuring", None, Console(stderr=True, highlight=False), unit="draw") as progress:

        def show(number: int, values: dict[str, float]) -> None:
            energy, stderr, variance, acceptance = (values[name] for name in SHOWN)
            progress.update(number, energy, stderr, variance, acceptance)

        return vmc.evaluate(draws, walkers, config.evaluate.equilibration, show)


def _stream(seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"verification {seed}".encode()).digest()[:4], "little")


__all__ = ["remeasure"]
