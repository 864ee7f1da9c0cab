"""Natural gradients: stochastic reconfiguration, MinSR and SPRING."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend
from harness.optimizers.jacobian import Jacobian
from harness.optimizers.shared_jacobian import SharedJacobian, derivatives, summed_over_devices
from harness.settings import NaturalGradientSettings, SpringSettings, SRSettings

LARGEST_PARAMETER_SPACE = 8192
"""Most parameters for which stochastic reconfiguration makes a matrix of parameters: 512 MiB."""

PROBES = 8
"""Vectors of random signs that estimate a trace (M. F. Hutchinson, Commun. Stat. Simul. Comput. 18, 1059 (1989))."""


class NaturalGradientOptimizer:
    r"""theta <- theta - eta phi_k, with phi_k the regularised natural gradient.

    With O the derivatives of log|Psi| of B samples, Obar = (O - mean O) / sqrt(B) and
    epsilon = (E - mean E) / sqrt(B), SPRING (Goldshlager, Abrahamsen, Lin, arXiv:2401.10190) takes

        phi_k = mu phi_{k-1} + Obar^T (Obar Obar^T + lambda)^{-1} (epsilon - mu Obar phi_{k-1}).

    MinSR is mu = 0, and stochastic reconfiguration is MinSR solved in the space of the parameters: by
    Obar^T (Obar Obar^T + lambda)^{-1} = (Obar^T Obar + lambda)^{-1} Obar^T both give one result, so SPRING and MinSR
    solve in whichever space is smaller, and so does stochastic reconfiguration of more than 8192 parameters, of which a
    matrix would fill the memory. The step is learning_rate phi_k, shortened so that its square is at most C, and then
    divided by 1 + step / decay_steps: the limit binds for most of a short training, and must not undo the decay.

    lambda follows the effective number of directions of a step, tr (Obar Obar^T + lambda)^{-1} Obar Obar^T (T. Hastie,
    R. Tibshirani and J. Friedman, The Elements of Statistical Learning, 2nd ed., eq. 3.50): it grows while that is more
    than a share of the number of samples, and else returns to its first value. A step of many weights, of which nearly
    every sample fixes a direction, would be spent on the noise of the local energies.

    If Psi is complex, so is O = d log Psi, while the weights are real: |Obar phi - epsilon|^2 is minimised over real
    phi, so that real and imaginary parts of Obar and of epsilon are rows of their own (`Rows`). In the space
    of the parameters the matrix is Re Obar^+ Obar, the real part of the quantum geometric tensor.

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
        """The previous direction phi, zero at first, and lambda."""
        size = sum(int(np.prod(v.shape)) for v in variables)
        return {"direction": np.zeros(size), "damping": np.array(self.settings.damping)}

    def update(
        self, model: keras.Model, parameters: list, buffers: dict, walkers, residuals, learning_rate, step
    ) -> tuple[list, dict[str, Any], Any]:
        """One update as a pure function.

        Args:
            model: The wavefunction.
            parameters: Values of its trainable weights.
            buffers: As `initial_buffers`.
            walkers: Configurations, ``(batch, ...)``.
            residuals: Clipped local energies minus their mean, ``(batch,)``; if they are complex the real parts, then
                the imaginary ones, ``(2 * batch,)``.
            learning_rate: Step length before limit and decay.
            step: Number of updates before this one.

        Returns:
            New parameters, new buffers, and whether the Gram matrix was not positive and had to be mended.
        """
        jacobian = derivatives(model, parameters, walkers)
        residuals = ops.cast(residuals, "float64")
        direction, used, mended = self.direction(jacobian, residuals, buffers["direction"], buffers["damping"])
        settings = self.settings
        change = direction * ops.cast(learning_rate, "float64")
        if settings.norm_constraint:
            length = ops.sqrt(ops.sum(ops.square(change)))
            change = change * ops.minimum(1.0, settings.norm_constraint**0.5 / ops.maximum(length, 1e-300))
        if settings.decay_steps:
            change = change / (1.0 + ops.cast(step, "float64") / settings.decay_steps)
        damping = self._adapted(buffers["damping"], used, jacobian.rows.count)
        return _subtract(parameters, change), {"direction": direction, "damping": damping}, mended

    def solves_in_samples(self, n_parameters: int, batch: int) -> bool:
        """Whether the equations are those of samples, whose matrix is `Jacobian.gram`, and not of parameters."""
        return n_parameters > max(batch, self.in_parameter_space * LARGEST_PARAMETER_SPACE)

    def direction(self, jacobian: Jacobian | SharedJacobian, residuals, previous, damping):
        """phi_k from O, E - mean E ``(batch,)``, phi_{k-1} ``(parameters,)`` and lambda.

        Returns:
            phi_k, the effective number of directions, and whether the matrix was mended.
        """
        residuals = jacobian.rows.in_order(residuals)
        in_samples = self.solves_in_samples(jacobian.n_parameters, jacobian.batch)
        solve = self._in_samples if in_samples else self._in_parameters
        change, used, mended = solve(jacobian, residuals / jacobian.rows.samples**0.5, previous, damping)
        return self.momentum * previous + change, used, mended

    def _adapted(self, damping, used, samples: int):
        """The next lambda: the number of directions depends on its logarithm, and slowly, hence the power."""
        if not self.settings.degrees_of_freedom:
            return damping
        excess = used / (self.settings.degrees_of_freedom * samples)
        return ops.maximum(damping * ops.clip(excess**4, 0.5, 2.0), self.settings.damping)

    def _in_samples(self, jacobian: Jacobian | SharedJacobian, residuals, previous, damping):
        root, rows, gram = jacobian.rows.samples**0.5, jacobian.rows, jacobian.gram()
        rounding = _rounding(gram, jacobian.precision) / rows.samples
        target = residuals
        if self.momentum:
            target = target - self.momentum * rows.centred(jacobian.apply(previous), 0) / root
        matrix = rows.centred(rows.centred(gram, 0), 1) / rows.samples
        solution, used, mended = self._solve(matrix, target, rounding, damping)
        return jacobian.adjoint(rows.centred(solution, 0)) / root, used, mended

    def _in_parameters(self, jacobian: Jacobian | SharedJacobian, residuals, previous, damping):
        centred = jacobian.rows.centred(jacobian.dense(), 0) / jacobian.rows.samples**0.5
        target = residuals - self.momentum * ops.matmul(centred, previous)
        gram = summed_over_devices(lambda _, rows: ops.matmul(ops.transpose(rows), rows), [], [(centred, 0)])
        return self._solve(gram, ops.matmul(ops.transpose(centred), target), _rounding(gram, "float64"), damping)

    def _solve(self, gram, target, rounding, damping):
        """(gram + lambda)^{-1} target, in float64, NaN if the Gram matrix is not finite.

        Also the trace of (gram + lambda)^{-1} gram, the effective number of directions, estimated from products with
        random signs, and whether the matrix was mended.

        Rounding may make a Gram matrix indefinite, so its likely effect, ``rounding``, is added to the diagonal. Should
        the factorisation fail all the same, its largest possible effect is added.
        """
        size = gram.shape[0]

        def factorise(most: float):
            shift = most * rounding + damping
            return backend.cholesky(gram + ops.expand_dims(shift, 1) * ops.eye(size, dtype="float64"))

        factor = factorise(1.0)
        positive = ops.all(ops.isfinite(factor))
        factor = ops.cond(positive, lambda: factor, lambda: factorise(2.0 * size**0.5))
        signs = ops.convert_to_tensor(np.random.default_rng(0).choice([-1.0, 1.0], (size, PROBES)))
        half = ops.solve_triangular(factor, ops.concatenate([ops.expand_dims(target, -1), signs], axis=1), lower=True)
        used = size - damping * ops.sum(ops.square(half[:, 1:])) / PROBES
        return ops.solve_triangular(ops.transpose(factor), half[:, :1], lower=False)[:, 0], used, ~positive


def _rounding(gram, precision: str):
    """The likely effect of rounding on a Gram matrix G of vectors in that precision, ``(size,)``, for its diagonal.

    G_ij is wrong by some machine precisions times sqrt(G_ii G_jj). Scaled to a diagonal of one, independent errors are
    a random matrix, whose eigenvalues are as its entries times 2 sqrt(size); at worst they are as these times size.
    """
    size = gram.shape[0]
    return 4 * size**0.5 * float(np.finfo(precision).eps) * ops.diagonal(gram)


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
