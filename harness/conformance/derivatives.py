"""Checks of derivatives, against finite differences."""

from __future__ import annotations

import numpy as np

from harness.conformance.report import Result, at_least, at_most, skipped
from harness.conformance.subject import Subject, Weights

_SMOOTH = 4
"""Configurations compared with finite differences: those with the smallest second derivatives."""


def live_weights(subject: Subject) -> Result:
    """Every weight tensor changes Psi by more than a constant factor, and every derivative is finite.

    Weights are perturbed, since the parts of a product that starts at zero have no gradient at first.
    """
    if not subject.initial:
        return skipped("the model has no trainable weights")
    jacobian = subject.jacobian(subject.perturbed, subject.configurations)
    if not np.isfinite(jacobian).all():
        return at_least(
            np.nan, 1e-9, f"derivatives are not finite: {', '.join(_columns(subject, ~np.isfinite(jacobian)))}"
        )
    varying = np.abs(jacobian - jacobian.mean(axis=0))
    largest = varying.max()
    strengths = [block.max() / largest for block in _split(subject, varying)]
    dead = [name for name, s in zip(subject.weight_names, strengths, strict=True) if not s >= 1e-9]
    return at_least(
        min(strengths), 1e-9, f"no influence on Psi beyond a constant factor: {', '.join(dead)}; use each, or do not "
        "create it"
    )  # fmt: skip


def weight_derivatives(subject: Subject) -> Result:
    """Derivatives of log|Psi| along random directions of the weights, relative to the largest."""
    if not subject.initial:
        return skipped("the model has no trainable weights")
    x = subject.configurations
    jacobian = subject.jacobian(subject.perturbed, x)
    worst = 0.0
    for seed in range(3):
        direction = subject.weight_direction(seed)
        found = jacobian @ np.concatenate([part.reshape(-1) for part in direction])
        # Near a node of Psi the long step is too long; elsewhere rounding is least with it.
        errors = [_relative_error(subject, x, direction, found, step) for step in (5e-4, 5e-5)]
        worst = float(np.maximum(worst, np.fmin(errors[0], errors[1])))
    return at_most(
        worst, 1e-6, "automatic derivatives with respect to the weights are not those of the values: look for "
        "stop_gradient, rounding or casts"
    )  # fmt: skip


def phase_derivatives(subject: Subject) -> Result | None:
    """Derivatives of the phase of a complex Psi along a random direction of the weights, relative to the largest."""
    if not subject.model.is_complex:
        return None
    x, direction, step = subject.configurations, subject.weight_direction(0), 5e-5
    found = subject.phase_jacobian(subject.perturbed, x) @ np.concatenate([part.reshape(-1) for part in direction])
    here = subject.values(subject.perturbed, x)[0]

    def angles(distance: float) -> np.ndarray:
        return np.angle(subject.values(_moved(subject.perturbed, direction, distance), x)[0] * np.conj(here))

    ahead, behind = ([angles(sense * h) for h in (step, 2 * step)] for sense in (1, -1))
    expected = _first(ahead, behind, step)
    worst = np.max(np.abs(found - expected)) / max(1e-3, np.max(np.abs(expected)))
    return at_most(
        float(worst), 1e-6, "automatic derivatives of the phase are not those of the sign: it has to stay "
        "differentiable, as zoo.layers.determinant.slogdet gives it"
    )  # fmt: skip


def _relative_error(subject: Subject, x: np.ndarray, direction: Weights, found: np.ndarray, step: float) -> float:
    """Largest difference of derivatives along a direction of the weights from finite differences of that step."""
    ahead, behind = (
        [subject.log_abs(_moved(subject.perturbed, direction, sign * h), x) for h in (step, 2 * step)]
        for sign in (1, -1)
    )
    expected = _first(ahead, behind, step)
    return np.max(np.abs(found - expected)) / max(1e-3, np.max(np.abs(expected)))


def position_gradient(subject: Subject) -> Result | None:
    """First derivatives with respect to each coordinate, relative to the largest of the configuration."""
    if not subject.continuum:
        return None
    worst = _position_error(subject, second=False)
    return at_most(worst, 1e-6, _ADVICE.format(which="first"))


def position_curvature(subject: Subject) -> Result | None:
    """Second derivatives with respect to each coordinate, relative to the largest of the configuration."""
    if not subject.continuum:
        return None
    worst = _position_error(subject, second=True)
    return at_most(worst, 1e-5, _ADVICE.format(which="second"))


_ADVICE = (
    "automatic {which} derivatives with respect to positions are NaN or not those of the values: look for "
    "stop_gradient, casts, kinks such as relu, and roots at zero (zoo.layers.pairs.norm is safe)"
)


def _position_error(subject: Subject, second: bool) -> float:
    weights, x = subject.perturbed, subject.configurations
    gradient, curvature = subject.derivatives(weights, x)
    if not (np.isfinite(gradient).all() and np.isfinite(curvature).all()):
        return float("nan")
    smooth = np.argsort(np.abs(curvature).max(axis=(1, 2)))[:_SMOOTH]
    x, found = x[smooth], (curvature if second else gradient)[smooth].reshape(len(smooth), -1)
    step = 5e-4 * subject.system.length_scale
    coordinates = found.shape[1]
    moves = np.eye(coordinates).reshape(coordinates, 1, *x.shape[1:])
    shifted = np.stack([x + h * moves for h in (step, 2 * step, -step, -2 * step)])
    values = subject.log_abs(weights, shifted.reshape(-1, *x.shape[1:])).reshape(4, coordinates, len(smooth))
    ahead, behind = (values[:2], values[2:])
    here = subject.log_abs(weights, x)
    expected = (_second(ahead, behind, here, step) if second else _first(ahead, behind, step)).T
    scale = np.maximum(1.0, np.abs(expected).max(axis=1, keepdims=True))
    return float(np.max(np.abs(found - expected) / scale))


def _first(ahead, behind, step: float):
    """First derivative from the values at one and two steps ahead and behind; error of order step^4."""
    near, far = ((a - b) / (2 * k * step) for k, a, b in zip((1, 2), ahead, behind, strict=True))
    return (4 * near - far) / 3


def _second(ahead, behind, here, step: float):
    """Second derivative from the same values; error of order step^4."""
    near, far = ((a - 2 * here + b) / (k * step) ** 2 for k, a, b in zip((1, 2), ahead, behind, strict=True))
    return (4 * near - far) / 3


def _moved(weights: Weights, direction: Weights, distance: float) -> Weights:
    return [weight + distance * part for weight, part in zip(weights, direction, strict=True)]


def _split(subject: Subject, columns: np.ndarray) -> list[np.ndarray]:
    """The columns ``(batch, n_parameters)`` of each weight tensor."""
    ends = np.cumsum([weight.size for weight in subject.initial])[:-1]
    return np.split(columns, ends, axis=1)


def _columns(subject: Subject, marked: np.ndarray) -> list[str]:
    return [name for name, block in zip(subject.weight_names, _split(subject, marked), strict=True) if block.any()]
