"""Optimisers of Keras, driven by the gradient of the energy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend, stateless
from harness.optimizers.shared_jacobian import summed_over_devices


class EnergyGradientOptimizer:
    """Feeds 2 Re <conj(E_L - <E_L>) d log Psi / d theta> to any `keras.optimizers` optimiser.

    Args:
        optimizer: The optimiser; its buffers become part of the explicit state.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer):
        self.optimizer = optimizer
        self.variables: list = []

    @property
    def learning_rate(self) -> float:
        return float(ops.convert_to_numpy(self.optimizer.learning_rate))

    def initial_buffers(self, variables: list) -> dict[str, np.ndarray]:
        """Values of the optimiser's variables, by their position."""
        self.variables = variables
        self.optimizer.build(variables)
        return {f"{i:04d}": np.array(ops.convert_to_numpy(v.value)) for i, v in enumerate(self.optimizer.variables)}

    def update(
        self, model: keras.Model, parameters: list, buffers: dict, walkers, residuals, learning_rate, step
    ) -> tuple[list, dict[str, Any], Any]:
        """One update as a pure function; arguments and results as in `NaturalGradientOptimizer.update`."""

        # Not `ops.mean`, which computes in float32 on JAX, whatever the precision.
        weights = residuals * (2.0 / walkers.shape[0])
        parts = ops.split(weights, 2) if stateless.is_complex(model) else [weights]

        def gradient(parameters, walkers, *parts):
            weights = ops.concatenate(parts) if len(parts) > 1 else parts[0]
            walkers = stateless.twice(model, walkers)

            def surrogate(values):
                return ops.sum(weights * stateless.derived(model, *stateless.log_psi(model, values, walkers)))

            return backend.parameter_gradient(surrogate, parameters)

        gradients = summed_over_devices(gradient, parameters, [(walkers, 0), *((part, 0) for part in parts)])
        return *self.apply(gradients, parameters, buffers, learning_rate), ops.convert_to_tensor(False)

    def apply(self, gradients: list, parameters: list, buffers: dict, learning_rate) -> tuple[list, dict[str, Any]]:
        """One update along given gradients, as a pure function; returns new parameters and buffers."""
        names = sorted(buffers)
        values = [buffers[name] for name in names]
        rate_variable = getattr(self.optimizer, "_learning_rate", None)
        for index, variable in enumerate(self.optimizer.variables):
            if variable is rate_variable:
                values[index] = ops.cast(learning_rate, values[index].dtype)
        parameters, values = backend.apply_keras_optimizer(
            self.optimizer, self.variables, values, gradients, parameters
        )
        return parameters, dict(zip(names, values, strict=True))
