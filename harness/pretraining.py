r"""Pretraining: the orbital matrices of a random network are fitted to the orbitals of the system.

The target M_s of each spin holds the system's orbitals (`zoo.systems.base.ContinuumSystem.orbitals`) at its electrons,
for molecules times exp(chi) of the electron-nucleus cusp (`zoo.layers.cusp`), so that its determinant is that of the
mean field. A matrix of both spins has these as its blocks, and zeros elsewhere. Each orbital is scaled to a mean square
of one, which changes no determinant by more than a factor. Minimised is

    sum_s <sum_ij (phi_s - M_s)_ij^2> / sum_s <sum_ij (M_s)_ij^2>,

over samples of which one half comes from the square of the mean field's determinant and the other from that of the
network, as in Pfau, Spencer, Matthews and Foulkes, Phys. Rev. Research 2, 033429 (2020), appendix.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend
from harness import random as random_state
from harness.optimizers import EnergyGradientOptimizer
from harness.sampling import create_sampler
from harness.settings import PretrainSettings, SamplerSettings
from zoo.errors import ZooError
from zoo.layers.cusp import nuclear_cusp
from zoo.layers.determinant import spin_determinants
from zoo.layers.pairs import electron_nucleus_distances
from zoo.wavefunction import Wavefunction

ROUND = 20
"""Steps between two reports."""

_MOVES = 5
_BURN_IN = 40


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """What came out of pretraining.

    Attributes:
        steps: Steps made.
        loss: The minimised ratio over the last steps: 0 is the mean field, 1 what zero matrices give.
        seconds: Time taken.
    """

    steps: int
    loss: float
    seconds: float


class MeanField:
    """The Slater determinant of a system's own orbitals, without correlations.

    Args:
        system: A continuum system.
    """

    def __init__(self, system: Any):
        self.system = system
        self.layer = system.orbitals()
        self.layer(keras.KerasTensor((None, system.n_electrons, system.dim), dtype=keras.config.floatx()))

    def orbitals(self, positions):
        """Orbitals with their cusps at the nuclei, ``(batch, n_electrons, max(n_up, n_down))``."""
        values = self.layer(positions)
        if len(self.system.charges):
            distances = electron_nucleus_distances(positions, self.system.nuclei)
            values = values * ops.expand_dims(ops.exp(nuclear_cusp(distances, self.system.charges)), -1)
        return values

    def log_abs(self, positions):
        """log|Psi|, ``(batch,)``."""
        return spin_determinants(self.orbitals(positions), self.system.n_up, self.system.n_down)[1]

    def matrices(self, positions, scale, together: bool) -> list:
        """The targets: one matrix of all electrons, or one of each spin that has any.

        Args:
            positions: ``(batch, n_electrons, dim)``.
            scale: Factor of each orbital, ``(max(n_up, n_down),)``.
            together: Whether the network has one matrix for both spins.
        """
        n_up, n_down = self.system.n_up, self.system.n_down
        values = self.orbitals(positions) * scale
        up, down = values[:, :n_up, :n_up], values[:, n_up:, :n_down]
        if not together:
            return [block for block, count in ((up, n_up), (down, n_down)) if count]
        return [
            ops.concatenate(
                [ops.pad(up, ((0, 0), (0, 0), (0, n_down))), ops.pad(down, ((0, 0), (0, 0), (n_up, 0)))], axis=1
            )
        ]


def pretrain(
    model: Wavefunction,
    settings: PretrainSettings,
    seed: int = 0,
    on_round: Callable[[int, float], None] | None = None,
) -> tuple[list, Pretrained]:
    """Fit the orbital matrices of a model to its system's orbitals, by LAMB with a rate that falls to zero.

    LAMB (You et al., arXiv:1904.00962) measures its steps by the size of each weight, so that one rate serves networks
    of all widths.

    Args:
        model: A wavefunction with `needs_pretraining`; its weights are read and not changed.
        settings: Steps, walkers and learning rate.
        seed: Of all random numbers.
        on_round: Called every 20 steps with their number so far and the mean loss of the latest ones.

    Returns:
        Values for the trainable weights, and a summary.

    Raises:
        ZooError: The model needs no pretraining, there are no steps, or the fit gave values that are not finite.
    """
    if not model.needs_pretraining:
        raise ZooError(
            f"pretrain.steps={settings.steps}: {type(model).__name__} starts from the mean field: expected a model "
            "that needs pretraining"
        )
    if settings.steps < 1:
        raise ZooError(f"pretrain.steps={settings.steps}: expected 1 or more to pretrain")
    started = time.perf_counter()
    before = [ops.copy(v.value) for v in model.trainable_variables]
    try:
        parameters, losses = _fit(model, settings, seed, on_round)
    finally:  # on TensorFlow an optimiser of Keras works in the variables themselves
        for variable, value in zip(model.trainable_variables, before, strict=True):
            variable.assign(value)
    return parameters, Pretrained(settings.steps, float(np.mean(losses[-ROUND:])), time.perf_counter() - started)


def _fit(model: Wavefunction, settings: PretrainSettings, seed: int, on_round) -> tuple[list, list[float]]:
    """Weights, and the loss of every step."""
    problem = _Problem(model, settings, seed)
    state, step = problem.first_state(), backend.jit(problem.step)
    losses: list[float] = []
    while len(losses) < settings.steps:
        latest = []
        for _ in range(min(ROUND, settings.steps - len(losses))):
            state, loss = step(state)
            latest.append(loss)
        losses += [float(ops.convert_to_numpy(loss)) for loss in latest]
        if not np.isfinite(losses[-len(latest) :]).all():
            raise ZooError(
                f"pretrain.learning_rate={settings.learning_rate}: values were not finite within {len(losses)} steps: "
                "expected a smaller rate"
            )
        if on_round is not None:
            on_round(len(losses), float(np.mean(losses[-len(latest) :])))
    return state["parameters"], losses


class _Problem:
    """The pure functions of the fit, and the state that they act on."""

    def __init__(self, model: Wavefunction, settings: PretrainSettings, seed: int):
        self.model, self.settings, self.system = model, settings, model.system
        digest = hashlib.sha256(f"pretraining {seed}".encode()).digest()
        self.seed = int.from_bytes(digest[:4], "little")  # a stream that no training uses
        self.mean_field = MeanField(self.system)
        self.sampler = create_sampler(self.system, SamplerSettings(moves=_MOVES))
        self.optimizer = EnergyGradientOptimizer(keras.optimizers.Lamb(settings.learning_rate))

    def first_state(self) -> dict[str, Any]:
        """Chains of the mean field that have forgotten their start; those of the network begin there too."""
        precision = keras.config.floatx()
        positions = self.system.initial_positions(np.random.default_rng(self.seed), self.settings.walkers)
        width = ops.convert_to_tensor(self.sampler.initial_width, dtype=precision)
        walkers, seed = ops.convert_to_tensor(positions.astype(precision)), random_state.initial_state(self.seed)
        burn_in = backend.jit(lambda *chains: self._sample(self.mean_field.log_abs, *chains))
        seed = ops.convert_to_tensor(seed)
        for _ in range(_BURN_IN):
            walkers, seed, width = burn_in(walkers, seed, width)
        orbitals = np.asarray(ops.convert_to_numpy(self.mean_field.orbitals(walkers)))
        scale = 1.0 / np.sqrt(np.mean(np.square(orbitals), axis=(0, 1)))
        half = self.settings.walkers // 2
        variables = self.model.trainable_variables
        buffers = self.optimizer.initial_buffers(variables)
        return {
            "parameters": [ops.copy(v.value) for v in variables],
            "optimizer": {name: ops.convert_to_tensor(value) for name, value in buffers.items()},
            "of_mean_field": walkers[:half],
            "of_network": walkers[half:],
            "widths": [width, ops.copy(width)],
            "seed": seed,
            "scale": ops.convert_to_tensor(scale.astype(precision)),
            "step": ops.convert_to_tensor(0, dtype="int32"),
        }

    def step(self, state: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Samples of both determinants, and one update; returns the state and the loss before it."""
        parameters, seed, (first_width, second_width) = state["parameters"], state["seed"], state["widths"]
        of_mean_field, seed, first_width = self._sample(
            self.mean_field.log_abs, state["of_mean_field"], seed, first_width
        )
        of_network, seed, second_width = self._sample(
            lambda x: self._with(parameters, lambda: self.model(x)[1]), state["of_network"], seed, second_width
        )
        positions = ops.concatenate([of_mean_field, of_network], axis=0)
        gradients = backend.parameter_gradient(lambda values: self.loss(values, positions, state["scale"]), parameters)
        share = ops.cast(state["step"], "float64") / self.settings.steps
        updated, buffers = self.optimizer.apply(
            gradients, parameters, state["optimizer"], (1.0 - share) * self.settings.learning_rate
        )
        changes = {
            "parameters": updated,
            "optimizer": buffers,
            "of_mean_field": of_mean_field,
            "of_network": of_network,
            "widths": [first_width, second_width],
            "seed": seed,
            "step": state["step"] + 1,
        }
        return {**state, **changes}, self.loss(parameters, positions, state["scale"])

    def loss(self, parameters: list, positions, scale):
        """Squared distance of the matrices from their targets, relative to the square of the targets."""
        found = self._with(parameters, lambda: self.model.orbital_matrices(positions))
        together = len(found) == 1 and self.system.n_up > 0 and self.system.n_down > 0
        targets = self.mean_field.matrices(positions, scale, together)
        distance, norm = 0.0, 0.0
        for matrices, target in zip(found, targets, strict=True):
            sets = matrices.shape[1]
            distance = distance + ops.sum(ops.square(matrices - ops.expand_dims(target, 1))) / sets
            norm = norm + ops.sum(ops.square(target))
        return distance / norm

    def _with(self, parameters: list, function: Callable):
        """The value of a function while the model has these weights."""
        mapping = list(zip(self.model.trainable_variables, parameters, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function()

    def _sample(self, log_abs: Callable, walkers, seed, width):
        walkers, _, seed, acceptance = self.sampler.sample(log_abs, walkers, seed, width)
        return walkers, seed, self.sampler.adapt(width, acceptance)
