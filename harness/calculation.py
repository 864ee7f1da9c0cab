"""The Monte Carlo calculation that a configuration describes."""

from __future__ import annotations

import random

import keras

from harness.config import RunConfig
from harness.vmc import VMC, require_shares
from zoo import registry
from zoo.errors import ZooError
from zoo.wavefunction import Wavefunction


def create_calculation(config: RunConfig) -> VMC:
    """Model, optimiser and sampler with their first state.

    Raises:
        ZooError: This process runs another backend or precision, the system cannot be built, or the devices cannot
            have equal shares of the walkers.
    """
    running = keras.config.backend(), keras.config.floatx()
    if running != (config.backend, config.precision):
        raise ZooError(
            f"backend={config.backend}, precision={config.precision}: this process runs {' in '.join(running)}; "
            "call harness.start.prepare first"
        )
    for group in ("train", "evaluate"):
        require_shares(f"{group}.walkers", getattr(config, group).walkers)
    system = config.create_system()
    system.validate()
    # Keras's initialisers draw their seeds here; keras.utils.set_random_seed would load TensorFlow on JAX too.
    random.seed(config.seed)
    model = registry.create_model(config.model_name, system, **config.model)
    return with_model(config, model, config.train.walkers, config.seed)


def with_model(config: RunConfig, model: Wavefunction, walkers: int, seed: int) -> VMC:
    """The calculation of a configuration with a model that has been built, on walkers that know nothing of it."""
    return VMC(model, seed=seed).compile(
        optimizer=config.optimizer, walkers=walkers, clip=config.train.clip, sampler=config.sampler
    )
