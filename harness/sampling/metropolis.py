"""Metropolis sampling in continuous space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from harness.random import draw
from harness.sampling.acceptance import accept, select
from harness.settings import SamplerSettings
from zoo.layers.determinant import values_only
from zoo.systems.base import ContinuumSystem


class GaussianSampler:
    """All electrons of a walker move at once by Gaussian steps, or two of opposite spin exchange their places.

    The standard deviation of a step is the adaptable width times the local length at the electron
    (`zoo.systems.base.ContinuumSystem.local_length`), so that core and valence electrons both move well; the Hastings
    factor corrects for its dependence on the position. Exchanges carry walkers between regions that differ only in
    which spin is where, as in a stretched bond, and that no small step connects.

    Attributes:
        adapts: Whether `adapt` changes the width.
        initial_width: First standard deviation of a step, in local lengths.
    """

    adapts = True

    def __init__(self, system: ContinuumSystem, settings: SamplerSettings):
        self.system = system
        self.moves = settings.moves or 10
        self.target = settings.acceptance
        exchange = 0.2 if settings.exchange is None else settings.exchange
        self.exchange = exchange if system.n_up and system.n_down else 0.0
        self.initial_width = 0.5 / system.n_electrons**0.5

    def sample(self, log_abs: Callable, walkers, seed, width):
        """``moves`` proposals for each walker.

        Args:
            log_abs: Function from positions to log|Psi|.
            walkers: Positions ``(batch, n_electrons, dim)``.
            seed: Random state, see `harness.random`.
            width: Standard deviation of a step in local lengths, scalar.

        Returns:
            Walkers, their log|Psi|, the next random state and the share of Gaussian steps that were accepted.
        """
        draws, seed = self.draw(walkers, seed)
        walkers, log_abs, accepted, steps = self.advance(log_abs, width, walkers, *(numbers for numbers, _ in draws))
        return walkers, log_abs, seed, self.acceptance(accepted, steps)

    def draw(self, walkers, seed) -> tuple[list[tuple[Any, int]], Any]:
        """The random numbers of one call of `advance`, each with its axis of walkers, and the next random state."""
        batch, dtype = walkers.shape[0], walkers.dtype
        normals, seed = draw(seed, lambda g: keras.random.normal((self.moves, *walkers.shape), dtype=dtype, seed=g))
        numbers, seed = draw(seed, lambda g: keras.random.uniform((self.moves, 4, batch), dtype=dtype, seed=g))
        return [(normals, 1), (numbers, 2)], seed

    @values_only()
    def advance(self, log_abs: Callable, width, walkers, normals, numbers):
        """The moves that the random numbers stand for, of each walker by itself.

        Returns:
            Walkers, their log|Psi|, and of each how many Gaussian steps it accepted, and how many it tried.
        """
        dtype = walkers.dtype

        def move(index, state):
            walkers, current, accepted_steps, steps = state
            decide, kind, first, second = (numbers[index, i] for i in range(4))
            proposal, log_hastings = self._step(walkers, normals[index], width)
            stepping = ops.ones_like(decide)
            if self.exchange:
                exchanging = kind < self.exchange
                proposal = select(exchanging, self._exchanged(walkers, first, second), proposal)
                log_hastings = ops.where(exchanging, ops.zeros_like(log_hastings), log_hastings)
                stepping = 1.0 - ops.cast(exchanging, dtype)
            proposed = log_abs(proposal)
            accepted = accept(decide, current, proposed, log_hastings)
            accepted_steps = accepted_steps + ops.cast(accepted, dtype) * stepping
            walkers, current = select(accepted, proposal, walkers), select(accepted, proposed, current)
            return walkers, current, accepted_steps, steps + stepping

        none = ops.zeros((walkers.shape[0],), dtype=dtype)
        return ops.fori_loop(0, self.moves, move, (walkers, log_abs(walkers), none, none))

    def acceptance(self, accepted, steps):
        """The share of what was tried that was accepted."""
        return ops.sum(accepted) / ops.maximum(ops.sum(steps), 1.0)

    def adapt(self, width, acceptance):
        """The width that brings the acceptance nearer to its target."""
        return width * ops.exp(0.5 * (acceptance - self.target))

    def _step(self, walkers, normals, width):
        """Gaussian proposal, and log of the ratio of its backward to its forward density."""
        scale = self.system.local_length(walkers)  # (batch, electrons)
        proposal = walkers + normals * ops.expand_dims(scale * width, -1)
        ratio = scale / self.system.local_length(proposal)
        squares = ops.sum(ops.square(normals), axis=-1)
        dim = walkers.shape[-1]
        return proposal, ops.sum(dim * ops.log(ratio) - 0.5 * squares * (ops.square(ratio) - 1.0), axis=-1)

    def _exchanged(self, walkers, first, second):
        """A random spin-up and a random spin-down electron of each walker in each other's place."""
        n_up, n_down = self.system.n_up, self.system.n_down
        up = ops.one_hot(_pick(first, n_up), n_up, dtype=walkers.dtype)
        down = ops.one_hot(_pick(second, n_down), n_down, dtype=walkers.dtype)
        zeros_up, zeros_down = ops.zeros_like(up), ops.zeros_like(down)
        at_up = ops.expand_dims(ops.concatenate([up, zeros_down], axis=-1), -1)
        at_down = ops.expand_dims(ops.concatenate([zeros_up, down], axis=-1), -1)
        where_up = ops.sum(walkers * at_up, axis=1, keepdims=True)
        where_down = ops.sum(walkers * at_down, axis=1, keepdims=True)
        kept = walkers * (1.0 - at_up - at_down)
        return kept + at_up * where_down + at_down * where_up


def _pick(uniforms, count: int):
    """Integers 0 ... count - 1 from uniform numbers in [0, 1)."""
    return ops.minimum(ops.cast(uniforms * count, "int32"), count - 1)
