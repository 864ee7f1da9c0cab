"""Natural gradients: stochastic reconfiguration, MinSR and SPRING."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from harness import backend
from harness.settings import NaturalGradientSettings, SpringSettings, SRSettings


class NaturalGradientOptimizer:
    r"""theta <- theta - eta phi_k, with phi_k the regularised natural gradient.

    With O the derivatives of log|Psi| of B samples, Obar = (O - mean O) / sqrt(B) and
    epsilon = (E - mean E) / sqrt(B), SPRING (Goldshlager, Abrahamsen, Lin, arXiv:2401.10190) takes

        phi_k = mu phi_{k-1} + Obar^T (Obar Obar^T + lambda)^{-1} (epsilon - mu Obar phi_{k-1}).

    MinSR is mu = 0, and stochastic reconfiguration is MinSR solved in the space of the parameters: by
    Obar^T (Obar Obar^T + lambda)^{-1} = (Obar^T Obar + lambda)^{-1} Obar^T both give one result, so SPRING and MinSR
    solve in whichever space is smaller. The step length is eta = learning_rate / (1 + step / decay_steps), shortened
    so that |eta phi_k|^2 <= C.

    Args:
        settings: `harness.settings.SpringSettings`, `MinSRSettings` or `SRSettings`.
    """

    def __init__(self, settings: NaturalGradientSettings):
        self.settings = settings
        self.momentum = settings.momentum if isinstance(settings, SpringSettings) else 0.0
        self.in_parameter_space = isinstance(settings, SRSettings)

    @property
    def learning_rate(self) -> float:
        return self.settings.learning_rate

    def initial_buffers(self, variables: list) -> dict[str, np.ndarray]:
        """The previous direction phi, zero at first."""
        return {"direction": np.zeros(sum(int(np.prod(v.shape)) for v in variables))}

    def update(
        self, log_abs: Callable, parameters: list, buffers: dict, walkers, residuals, learning_rate, step
    ) -> tuple[list, dict[str, Any]]:
        """One update as a pure function.

        Args:
            log_abs: Function from parameters and configurations to log|Psi|, ``(batch,)``.
            parameters: Tensors.
            buffers: As `initial_buffers`.
            walkers: Configurations, ``(batch, ...)``.
            residuals: Clipped local energies minus their mean, ``(batch,)``.
            learning_rate: First step length.
            step: Number of updates before this one.

        Returns:
            New parameters and new buffers.
        """
        jacobian = ops.cast(backend.per_sample_jacobian(log_abs, parameters, walkers), "float64")
        previous = buffers["direction"]
        direction = self.direction(jacobian, ops.cast(residuals, "float64"), previous)
        settings = self.settings
        rate = ops.cast(learning_rate, "float64")
        if settings.decay_steps:
            rate = rate / (1.0 + ops.cast(step, "float64") / settings.decay_steps)
        change = direction * rate
        if settings.norm_constraint:
            length = ops.sqrt(ops.sum(ops.square(change)))
            change = change * ops.minimum(1.0, settings.norm_constraint**0.5 / ops.maximum(length, 1e-300))
        return _subtract(parameters, change), {"direction": direction}

    def direction(self, jacobian, residuals, previous):
        """phi_k from O ``(batch, n_parameters)``, E - mean E ``(batch,)`` and phi_{k-1} ``(n_parameters,)``."""
        batch, n_parameters = jacobian.shape
        # Not `ops.mean`, which computes in float32 on JAX, whatever the precision.
        centred = (jacobian - ops.sum(jacobian, axis=0, keepdims=True) / batch) / batch**0.5
        target = residuals / batch**0.5 - self.momentum * ops.matmul(centred, previous)
        if self.in_parameter_space or n_parameters <= batch:
            gram = ops.matmul(ops.transpose(centred), centred)
            solution = self._solve(gram, ops.matmul(ops.transpose(centred), target))
        else:
            gram = ops.matmul(centred, ops.transpose(centred))
            solution = ops.matmul(ops.transpose(centred), self._solve(gram, target))
        return self.momentum * previous + solution

    def _solve(self, gram, target):
        """(gram + lambda)^{-1} target, in float64.

        Rounding makes a Gram matrix indefinite by at most its size times its trace times the machine precision;
        adding that keeps the factorisation from failing. A Gram matrix that is not finite gives NaN, not an error.
        """
        size = gram.shape[0]
        finite = ops.all(ops.isfinite(gram))
        gram = ops.where(finite, gram, ops.zeros_like(gram))
        shift = self.settings.damping + np.finfo("float64").eps * size * ops.trace(gram)
        factor = ops.cholesky(gram + shift * ops.eye(size, dtype="float64"))
        half = ops.solve_triangular(factor, ops.expand_dims(target, -1), lower=True)
        solution = ops.solve_triangular(ops.transpose(factor), half, lower=False)[:, 0]
        return ops.where(finite, solution, ops.full_like(solution, float("nan")))


def _subtract(parameters: list, change) -> list:
    """The flat ``change`` taken from the list of parameters, each in its own shape and precision."""
    updated, start = [], 0
    for parameter in parameters:
        shape = tuple(parameter.shape)
        count = int(np.prod(shape))
        part = ops.reshape(change[start : start + count], shape)
        updated.append(parameter - ops.cast(part, parameter.dtype))
        start += count
    return updated
