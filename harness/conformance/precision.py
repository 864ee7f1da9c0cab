"""Checks of the two precisions: float64 really is float64, and float32 gives the same up to its rounding."""

from __future__ import annotations

import math

import numpy as np

from harness.conformance.report import Result, at_most, skipped
from harness.conformance.subject import Subject, difference, model_outputs, working_precision

_ORDER = 6
_STEP = 1e-4


def float64_values(subject: Subject) -> Result:
    """Noise of log|Psi| along a line, relative to its value where that exceeds 1; float32 leaves 1e-8.

    The line lies in the space of the positions, on a lattice in that of the weights.
    """
    if subject.continuum:
        values = subject.log_abs(subject.perturbed, _line(subject)).reshape(_ORDER + 1, -1)
    elif not subject.initial:
        return skipped("the model has no trainable weights")
    else:
        direction = subject.weight_direction(5)
        along = [
            [w + k * _STEP * d for w, d in zip(subject.perturbed, direction, strict=True)] for k in range(_ORDER + 1)
        ]
        values = np.array([subject.log_abs(weights, subject.configurations) for weights in along])
    return at_most(_noise(values), 1e-12, _ADVICE)


def float64_derivatives(subject: Subject) -> Result | None:
    """The same noise in the first and second derivatives with respect to positions."""
    if not subject.continuum:
        return None
    derivatives = subject.derivatives(subject.perturbed, _line(subject))
    return at_most(max(_noise(d.reshape(_ORDER + 1, -1)) for d in derivatives), 1e-10, _ADVICE)


def float32_values(subject: Subject) -> Result:
    """log|Psi| of a model built and evaluated in float32, against float64."""
    x = subject.configurations
    with working_precision("float32"):
        weights = [weight.astype("float32") for weight in subject.perturbed]
        outputs = model_outputs(subject.create(), weights, x.astype("float32") if subject.continuum else x)
    kinds = [np.complex64 if subject.model.is_complex else np.float32, np.float32]
    if any(output.dtype != kind for output, kind in zip(outputs, kinds, strict=False)):
        return at_most(
            np.nan, 1e-4, f"with keras.config.floatx() = 'float32' the outputs are {outputs[0].dtype} and "
            f"{outputs[1].dtype}: take the dtype of constants from the inputs or from keras.config.floatx()"
        )  # fmt: skip
    return at_most(
        difference(outputs[1].astype("float64"), subject.log_abs(subject.perturbed, x)), 1e-4,
        "float32 loses more than its rounding: look for differences of large numbers and exponentials",
    )  # fmt: skip


_ADVICE = (
    "values in float64 carry the noise of a lower precision: look for casts, and for operations that Keras runs in "
    "float32 (attention and LayerNormalization on JAX)"
)


def _line(subject: Subject) -> np.ndarray:
    """Configurations at equal steps along a random direction, ``((order + 1) * batch, n_electrons, dim)``."""
    x = subject.configurations
    direction = np.random.default_rng(6).standard_normal(x.shape)
    step = _STEP * subject.system.length_scale
    return np.concatenate([x + k * step * direction for k in range(_ORDER + 1)])


def _noise(values: np.ndarray) -> float:
    """Standard deviation of the rounding in values ``(order + 1, columns)`` of smooth functions at equal steps.

    The difference of sixth order of the functions themselves is smaller than step^6, so what is left of it is
    rounding, times the root of the sum of the squared binomial coefficients. The median over columns, since a
    wavefunction is rightly worse conditioned near a node.
    """
    coefficients = np.array([(-1) ** k * math.comb(_ORDER, k) for k in range(_ORDER + 1)])
    remainder = np.abs(coefficients @ values) / np.sqrt(np.sum(coefficients**2))
    return float(np.median(remainder / np.maximum(1.0, np.abs(values).max(axis=0))))
