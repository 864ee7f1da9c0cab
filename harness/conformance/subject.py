"""The model under test, with its weights and its configurations as NumPy arrays."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend
from harness.local_energy import local_energy_function
from harness.local_energy.hops import hop_ratios
from zoo.layers.complex_numbers import phase
from zoo.systems.base import System
from zoo.wavefunction import Wavefunction

CANDIDATES = 64
CHOSEN = 8
_CHUNK = 64
_NEGLIGIBLE = 20.0
"""Configurations with log|Psi| below the largest by more than this are too near a node to compare numbers at."""

Weights = list[np.ndarray]


class Subject:
    """A model in float64, and compiled functions of explicit weights.

    Functions take any number of configurations: they are padded to chunks of one size, so that each function is
    compiled once.

    Args:
        create: Makes the model, with the first weights, whenever it is called.
        system: The system that it is for.
    """

    def __init__(self, create: Callable[[], Wavefunction], system: System):
        self.create = create
        self.system: Any = system  # of either space; each check knows of which
        self.model = create()
        self.candidates = self.model.sample_configurations(CANDIDATES, seed=1)
        self._compiled = {
            name: backend.jit(function)
            for name, function in {
                "values": lambda weights, x: self._pure(weights, x),
                "gradients": lambda weights, x: backend.gradient(lambda y: self._pure(weights, y)[1], x),
                "derivatives": lambda weights, x: backend.derivatives(lambda y: self._pure(weights, y)[1], x),
                "jacobian": lambda weights, x: backend.per_sample_jacobian(
                    lambda w, y: self._pure(w, y)[1], weights, x
                ),
                "phases": lambda weights, x: backend.per_sample_jacobian(
                    lambda w, y: phase(self._pure(w, y)[0]), weights, x
                ),
                "energies": lambda weights, x: local_energy_function(
                    system,
                    lambda y: self._pure(weights, y),
                    ratios=hop_ratios(self.model, weights) if self.model.low_rank else None,
                )(x)[0],
            }.items()
        }

    def _pure(self, weights: list, configurations):
        return _outputs(self.model, weights, configurations)

    @property
    def continuum(self) -> bool:
        return self.system.space == "continuum"

    @cached_property
    def initial(self) -> Weights:
        """The trainable weights as the model was made."""
        return weights_of(self.model)

    @cached_property
    def scales(self) -> list[float]:
        """Typical size of each weight tensor: its root mean square, or 1 where it is zero."""
        return [float(np.sqrt(np.mean(np.square(weight)))) or 1.0 for weight in self.initial]

    @cached_property
    def perturbed(self) -> Weights:
        """The weights with noise of a twentieth of their size: products that start at zero come alive."""
        random = np.random.default_rng(2)
        parts = zip(self.initial, self.scales, strict=True)
        return [weight + 0.05 * scale * random.standard_normal(weight.shape) for weight, scale in parts]

    @property
    def weight_names(self) -> list[str]:
        return [variable.path for variable in self.model.trainable_variables]

    def weight_direction(self, seed: int) -> Weights:
        """A random direction in the space of the weights, of unit length where each tensor is measured by its scale."""
        random = np.random.default_rng(seed)
        count = sum(weight.size for weight in self.initial)
        parts = zip(self.initial, self.scales, strict=True)
        return [scale * random.standard_normal(weight.shape) / count**0.5 for weight, scale in parts]

    @cached_property
    def configurations(self) -> np.ndarray:
        """Candidates at which neither the initial nor the perturbed wavefunction is negligible."""
        log_abs = np.minimum(*(self.log_abs(weights, self.candidates) for weights in (self.initial, self.perturbed)))
        if not np.isfinite(log_abs).any():
            raise ValueError(f"log|Psi| is finite at none of {CANDIDATES} configurations")
        log_abs = np.where(np.isfinite(log_abs), log_abs, -np.inf)
        return self.candidates[log_abs > log_abs.max() - _NEGLIGIBLE][:CHOSEN]

    def values(self, weights: Weights, configurations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sign and log|Psi|, each ``(batch,)``."""
        return self._call("values", weights, configurations)

    def outputs(self, configurations: np.ndarray) -> tuple[np.ndarray, ...]:
        """All that the model returns at its first weights, without padding."""
        return self._numpy("values", self.initial, configurations)

    def log_abs(self, weights: Weights, configurations: np.ndarray) -> np.ndarray:
        return self.values(weights, configurations)[1]

    def gradients(self, weights: Weights, configurations: np.ndarray) -> np.ndarray:
        """Gradients of log|Psi| with respect to positions, in the shape of ``configurations``."""
        return self._call("gradients", weights, configurations)

    def derivatives(self, weights: Weights, configurations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and unmixed second derivatives with respect to positions, each in the shape of ``configurations``."""
        return self._call("derivatives", weights, configurations)[1:]

    def jacobian(self, weights: Weights, configurations: np.ndarray) -> np.ndarray:
        """Derivatives of log|Psi| with respect to all weights, ``(batch, n_parameters)``."""
        return self._call("jacobian", weights, configurations)

    def phase_jacobian(self, weights: Weights, configurations: np.ndarray) -> np.ndarray:
        """Derivatives of the phase of a complex Psi with respect to all weights, ``(batch, n_parameters)``."""
        return self._call("phases", weights, configurations)

    def local_energies(self, weights: Weights, configurations: np.ndarray) -> np.ndarray:
        return self._call("energies", weights, configurations)

    def _call(self, name: str, weights: Weights, configurations: np.ndarray):
        chunk = _CHUNK if name == "values" else CHOSEN
        count = len(configurations)
        padding = np.repeat(configurations[-1:], -count % chunk, axis=0)
        padded = np.concatenate([configurations, padding])
        parts = [self._numpy(name, weights, padded[start : start + chunk]) for start in range(0, len(padded), chunk)]
        if isinstance(parts[0], tuple):
            return tuple(np.concatenate(values)[:count] for values in zip(*parts, strict=True))
        return np.concatenate(parts)[:count]

    def _numpy(self, name: str, weights: Weights, configurations: np.ndarray):
        outputs = self._compiled[name](*_tensors(weights, configurations))
        return keras.tree.map_structure(lambda value: np.asarray(ops.convert_to_numpy(value)), outputs)


def _outputs(model: Wavefunction, weights: list, configurations):
    fixed = [variable.value for variable in model.non_trainable_variables]
    return model.stateless_call(weights, fixed, configurations)[0]


def model_outputs(model: Wavefunction, weights: Weights, configurations: np.ndarray) -> tuple[np.ndarray, ...]:
    """The outputs of a model with these weights; compiled, since JAX is slow at one operation after another."""
    function = backend.jit(lambda w, x: _outputs(model, w, x))
    return tuple(np.asarray(ops.convert_to_numpy(output)) for output in function(*_tensors(weights, configurations)))


def _tensors(weights: Weights, configurations: np.ndarray):
    return [ops.convert_to_tensor(weight) for weight in weights], ops.convert_to_tensor(configurations)


def weights_of(model: Wavefunction) -> Weights:
    """The values of the trainable weights."""
    return [np.array(ops.convert_to_numpy(variable.value)) for variable in model.trainable_variables]


@contextlib.contextmanager
def quiet_compilation() -> Iterator[None]:
    """Without TensorFlow's warning that much is compiled: here every function is compiled to be called a few times."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def working_precision(name: str) -> Iterator[None]:
    """Keras works in that precision, and afterwards in the one from before."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Largest difference, relative to the second where that exceeds 1; equal infinities do not differ."""
    with np.errstate(invalid="ignore"):
        gap = np.where(first == second, 0.0, np.abs(first - second))
        return float(np.max(gap / np.maximum(1.0, np.abs(np.where(np.isfinite(second), second, 1.0)))))
