"""Settings of a run, apart from the model and the system. Light: imports no backend.

Each field is a key of the command line (``train.steps=200``); ranges are checked here, once.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from zoo.errors import UnknownNameError, ZooError

MOST = 10**9
"""The largest count that a setting may be: steps are counted in 32 bits."""


def _require(condition: bool, key: str, value, expected: str) -> None:
    if not condition:
        raise ZooError(f"{key}={value}: expected {expected}")


def _positive(key: str, value: float) -> None:
    _require(math.isfinite(value) and value > 0, key, value, "a positive number")


def _fraction(key: str, value: float) -> None:
    _require(math.isfinite(value) and 0 <= value < 1, key, value, "a number from 0 up to, not including, 1")


def _at_least(key: str, value: int, least: int) -> None:
    _require(value >= least, key, value, f"{least} or more")
    _require(value <= MOST, key, value, f"{least} to {MOST}")


def _not_negative(key: str, value: float, expected: str) -> None:
    _require(math.isfinite(value) and value >= 0, key, value, expected)


@dataclasses.dataclass(frozen=True)
class SamplerSettings:
    """Markov chain between two optimisation steps or two evaluation draws.

    Attributes:
        moves: Proposals for each walker; 0 chooses 10 all-electron moves in the continuum, and two hops for each
            electron on a lattice.
        acceptance: Acceptance to which the proposal width is adapted (continuum), outside measurement.
        exchange: Share of proposals that exchange two electrons of opposite spin; by default 0.2 in the continuum,
            and 0.5 on a lattice, where at strong repulsion hops are rarely accepted.
    """

    moves: int = 0
    acceptance: float = 0.525
    exchange: float | None = None

    def __post_init__(self):
        _at_least("sampler.moves", self.moves, 0)
        _require(0 < self.acceptance < 1, "sampler.acceptance", self.acceptance, "a number between 0 and 1")
        if self.exchange is not None:
            _fraction("sampler.exchange", self.exchange)


@dataclasses.dataclass(frozen=True)
class PretrainSettings:
    """Fit of a network's orbitals to those of the system, before training (`harness.pretraining`).

    Attributes:
        steps: Steps of LAMB; 0 leaves the network as it is.
        walkers: Markov chains, one sample each a step.
        learning_rate: First step length, relative to the size of each weight; it falls to zero in the end.
    """

    steps: int = 500
    walkers: int = 256
    learning_rate: float = 0.01

    def __post_init__(self):
        _at_least("pretrain.steps", self.steps, 0)
        _at_least("pretrain.walkers", self.walkers, 4)
        _positive("pretrain.learning_rate", self.learning_rate)


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """Optimisation.

    Attributes:
        steps: Optimisation steps.
        walkers: Markov chains, one sample each a step.
        clip: Local energies enter the gradient clipped to median +- clip x mean absolute deviation; 0 switches
            it off. By default 5 in the continuum, and 0 on a lattice, where local energies stay finite and clipping
            would hide from the gradient that |Psi| is too small somewhere. The reported energy is never clipped.
        read_every: Steps between two reads of the metrics by the host: one Keras "epoch".
        checkpoint_every: Seconds between two checkpoints, at the ends of epochs.
    """

    steps: int = 300
    walkers: int = 1024
    clip: float | None = None
    read_every: int = 10
    checkpoint_every: float = 30.0

    def __post_init__(self):
        _at_least("train.steps", self.steps, 0)
        _at_least("train.walkers", self.walkers, 4)
        if self.clip is not None:
            _not_negative("train.clip", self.clip, "0 or a positive number")
        _at_least("train.read_every", self.read_every, 1)
        _not_negative("train.checkpoint_every", self.checkpoint_every, "0 or more seconds")


@dataclasses.dataclass(frozen=True)
class EvaluateSettings:
    """Measurement of the final energy with fixed parameters.

    Attributes:
        draws: Local energies recorded for each walker.
        walkers: Markov chains.
        equilibration: Most rounds of equilibration, each of 20 draws, before the chains must look stationary.
    """

    draws: int = 200
    walkers: int = 1024
    equilibration: int = 20

    def __post_init__(self):
        _at_least("evaluate.draws", self.draws, 8)
        _at_least("evaluate.walkers", self.walkers, 4)
        _at_least("evaluate.equilibration", self.equilibration, 1)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A budget that a leaderboard row can be earned under: steps, walkers and draws, not seconds."""

    name: str
    version: str
    summary: str
    train_steps: int
    train_walkers: int
    evaluate_draws: int
    evaluate_walkers: int

    def budget(self) -> dict[str, int]:
        """The settings that it fixes, by their keys."""
        return {
            "train.steps": self.train_steps,
            "train.walkers": self.train_walkers,
            "evaluate.draws": self.evaluate_draws,
            "evaluate.walkers": self.evaluate_walkers,
        }


PROTOCOLS = {
    p.name: p
    for p in (
        Protocol("smoke", "1", "seconds: does it run?", 20, 256, 50, 256),
        Protocol("laptop", "2", "about 10 minutes on two CPU cores for a standard system", 300, 512, 200, 512),
        Protocol("accelerator", "1", "about an hour on one GPU", 5000, 4096, 1000, 4096),
    )
}
"""The fixed budgets. A run that changes any of them is recorded under the protocol ``open``."""


@dataclasses.dataclass(frozen=True)
class NaturalGradientSettings:
    """Common to ``spring``, ``minsr`` and ``sr``; see `harness.optimizers.natural_gradient`.

    Attributes:
        learning_rate: First step length eta.
        decay_steps: Steps after which the length of a step has halved, that of a limited one too; 0 switches it off.
        damping: lambda, added to the diagonal of the Gram matrix; the least one, if it adapts.
        norm_constraint: C, the largest squared norm of the first parameter update; 0 switches it off.
        degrees_of_freedom: Effective number of directions of a step, as a share of the samples, above which lambda
            grows; 0 keeps it constant.
    """

    name: ClassVar[str]
    learning_rate: float = 0.05
    decay_steps: float = 200.0
    damping: float = 1e-3
    norm_constraint: float = 1e-2
    degrees_of_freedom: float = 0.5

    def __post_init__(self):
        _positive("optimizer.learning_rate", self.learning_rate)
        _not_negative("optimizer.decay_steps", self.decay_steps, "0 or a positive number")
        _positive("optimizer.damping", self.damping)
        _not_negative("optimizer.norm_constraint", self.norm_constraint, "0 or a positive number")
        _fraction("optimizer.degrees_of_freedom", self.degrees_of_freedom)


@dataclasses.dataclass(frozen=True)
class SpringSettings(NaturalGradientSettings):
    """SPRING (Goldshlager, Abrahamsen, Lin, arXiv:2401.10190): MinSR with the last step as its prior.

    Attributes:
        momentum: mu, the share of the previous direction that is carried over.
    """

    name: ClassVar[str] = "spring"
    momentum: float = 0.95

    def __post_init__(self):
        super().__post_init__()
        _fraction("optimizer.momentum", self.momentum)


@dataclasses.dataclass(frozen=True)
class MinSRSettings(NaturalGradientSettings):
    """MinSR (Chen and Heyl, Nature Physics 2024): the natural gradient solved in the space of samples."""

    name: ClassVar[str] = "minsr"


@dataclasses.dataclass(frozen=True)
class SRSettings(NaturalGradientSettings):
    """Stochastic reconfiguration (Sorella, PRL 1998): the natural gradient solved in the space of parameters."""

    name: ClassVar[str] = "sr"


KERAS_OPTIMIZERS = (
    *("adam", "adamw", "adamax", "nadam", "adagrad", "adadelta"),
    *("rmsprop", "sgd", "lion", "lamb", "ftrl", "muon"),
)
"""Names of `keras.optimizers` classes, in lower case, that can be chosen by name."""


@dataclasses.dataclass(frozen=True)
class KerasOptimizerSettings:
    """Any optimiser of `keras.optimizers`, by its name in lower case.

    Attributes:
        optimizer: The name, such as ``adam``.
        learning_rate: Step length.
        options: Further keyword arguments of the class, such as ``{beta_1: 0.8}``.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    options: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.optimizer not in KERAS_OPTIMIZERS:
            raise UnknownNameError("optimizer", self.optimizer, KERAS_OPTIMIZERS)
        _positive("optimizer.learning_rate", self.learning_rate)

    @property
    def name(self) -> str:
        return self.optimizer


OptimizerSettings = NaturalGradientSettings | KerasOptimizerSettings

NATURAL_GRADIENTS: dict[str, type[NaturalGradientSettings]] = {
    s.name: s for s in (SpringSettings, MinSRSettings, SRSettings)
}


def optimizer_settings(name: str, **hyperparameters) -> OptimizerSettings:
    """Settings of the optimiser of that name; unknown names and hyperparameters are errors."""
    if name in NATURAL_GRADIENTS:
        return NATURAL_GRADIENTS[name](**hyperparameters)
    if name in KERAS_OPTIMIZERS:
        return KerasOptimizerSettings(optimizer=name, **hyperparameters)
    raise UnknownNameError("optimizer", name, [*NATURAL_GRADIENTS, *KERAS_OPTIMIZERS])


@dataclasses.dataclass(frozen=True)
class DistributedSettings:
    """One process among several that share the walkers of a run (JAX). No part of a run's configuration.

    Attributes:
        coordinator: ``HOST:PORT`` of the first process; ``auto`` lets the scheduler say, and the other two as well.
        processes: How many there are.
        process: Which this is, from 0; the first one writes the files.
    """

    coordinator: str = ""
    processes: int | None = None
    process: int | None = None

    def __post_init__(self):
        if self.coordinator == "auto":
            given = [key for key in ("processes", "process") if getattr(self, key) is not None]
            _require(not given, "distributed.coordinator", "auto", f"it without distributed.{', '.join(given)}")
            return
        host, _, port = self.coordinator.rpartition(":")
        _require(bool(host) and port.isdigit(), "distributed.coordinator", self.coordinator, "HOST:PORT, or auto")
        for key in ("processes", "process"):
            _require(getattr(self, key) is not None, f"distributed.{key}", "", "a whole number")
        _at_least("distributed.processes", self.processes, 1)
        within = 0 <= self.process < self.processes
        _require(
            within, "distributed.process", self.process, f"0 to {self.processes - 1}, as there are {self.processes}"
        )


def number_of_devices(given: int | str) -> int | str:
    """A number as typed as a number, and ``all`` as it is; anything else is refused."""
    if given == "all" or (str(given).isdecimal() and int(given) > 0):
        return given if given == "all" else int(given)
    raise ZooError(f"devices={given}: expected 1 or more, or all")


BACKENDS = ("tensorflow", "jax")
DEVICES = ("auto", "cpu", "gpu", "tpu")
PRECISIONS = ("float64", "float32")
