"""Metropolis sampling in continuous space."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from harness.random import draw
from harness.sampling.acceptance import accept, select
from harness.settings import SamplerSettings
from zoo.systems.base import ContinuumSystem


class GaussianSampler:
    """All electrons of a walker move at once by a Gaussian step of adaptable width.

    Attributes:
        adapts: Whether `adapt` changes the width.
        initial_width: First standard deviation of a step, in bohr.
    """

    adapts = True

    def __init__(self, system: ContinuumSystem, settings: SamplerSettings):
        self.moves = settings.moves or 10
        self.target = settings.acceptance
        self.initial_width = 0.5 * system.length_scale / system.n_electrons**0.5

    def sample(self, log_abs: Callable, walkers, seed, width):
        """``moves`` proposals for each walker.

        Args:
            log_abs: Function from positions to log|Psi|.
            walkers: Positions ``(batch, n_electrons, dim)``.
            seed: Random state, see `harness.random`.
            width: Standard deviation of a step, scalar.

        Returns:
            Walkers, their log|Psi|, the next random state and the share of accepted proposals.
        """
        shape, dtype = tuple(walkers.shape), walkers.dtype
        normals, seed = draw(seed, lambda g: keras.random.normal((self.moves, *shape), dtype=dtype, seed=g))
        uniforms, seed = draw(seed, lambda g: keras.random.uniform((self.moves, shape[0]), dtype=dtype, seed=g))

        def move(index, state):
            walkers, current, accepted_count = state
            proposal = walkers + width * normals[index]
            proposed = log_abs(proposal)
            accepted = accept(uniforms[index], current, proposed)
            count = accepted_count + ops.mean(ops.cast(accepted, dtype))
            return select(accepted, proposal, walkers), select(accepted, proposed, current), count

        start = (walkers, log_abs(walkers), ops.zeros((), dtype=dtype))
        walkers, current, count = ops.fori_loop(0, self.moves, move, start)
        return walkers, current, seed, count / self.moves

    def adapt(self, width, acceptance):
        """The width that brings the acceptance nearer to its target."""
        return width * ops.exp(0.5 * (acceptance - self.target))
