"""Optimisers of the energy: natural gradients of the harness, and any optimiser of Keras."""

from __future__ import annotations

import keras

from harness.optimizers.energy_gradient import EnergyGradientOptimizer
from harness.optimizers.natural_gradient import NaturalGradientOptimizer
from harness.settings import KerasOptimizerSettings, NaturalGradientSettings, OptimizerSettings, optimizer_settings
from zoo.errors import ZooError

__all__ = ["EnergyGradientOptimizer", "NaturalGradientOptimizer", "Optimizer", "create_optimizer"]

Optimizer = NaturalGradientOptimizer | EnergyGradientOptimizer


def create_optimizer(choice: str | OptimizerSettings | keras.optimizers.Optimizer) -> Optimizer:
    """An optimiser from its name (``"spring"``, ``"adam"``), its settings, or a Keras optimiser itself."""
    if isinstance(choice, str):
        choice = optimizer_settings(choice)
    if isinstance(choice, NaturalGradientSettings):
        return NaturalGradientOptimizer(choice)
    if isinstance(choice, keras.optimizers.Optimizer):
        return EnergyGradientOptimizer(choice)
    if isinstance(choice, KerasOptimizerSettings):
        named = {name.lower(): getattr(keras.optimizers, name) for name in dir(keras.optimizers)}
        try:
            return EnergyGradientOptimizer(
                named[choice.optimizer](learning_rate=choice.learning_rate, **choice.options)
            )
        except (TypeError, ValueError) as error:
            raise ZooError(f"optimizer.options={choice.options}: {choice.optimizer} refuses them: {error}") from error
    raise ZooError(f"optimizer={choice!r}: expected a name, settings of one, or a Keras optimiser")
