"""Metropolis sampling on a lattice: hops over bonds and exchanges of opposite spins."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from harness.random import draw
from harness.sampling.acceptance import accept, select
from harness.settings import SamplerSettings
from zoo.systems.base import LatticeSystem


class LatticeSampler:
    """Proposals are uniform over the moves that are possible, and the Hastings factor corrects for their number.

    A hop takes an electron over a bond whose other end is empty for its spin; an exchange swaps an up and a down
    electron that sit alone on the two ends of a bond.
    """

    adapts = False
    initial_width = 0.0

    def __init__(self, system: LatticeSystem, settings: SamplerSettings):
        self.moves = settings.moves or 2 * system.n_electrons
        exchange = 0.5 if settings.exchange is None else settings.exchange
        self.exchange = exchange if system.n_up and system.n_down else 0.0
        self.bonds = system.bonds
        ends = np.array([[b[0], b[1]] for b in self.bonds], dtype="int32").reshape(-1, 2)
        self.first, self.second = ends[:, 0], ends[:, 1]
        sites = np.arange(system.n_sites)
        self.flip = ((sites == ends[:, :1]) | (sites == ends[:, 1:])).astype("int8")

    def sample(self, log_abs: Callable, walkers, seed, width):
        """``moves`` proposals for each walker; arguments and results as in `GaussianSampler.sample`.

        ``walkers`` are occupations ``(batch, 2, n_sites)``; ``width`` is not used.
        """
        batch, dtype = walkers.shape[0], keras.config.floatx()
        current = log_abs(walkers)
        if not self.bonds:
            return walkers, current, seed, ops.ones((), dtype=dtype)
        numbers, seed = draw(seed, lambda g: keras.random.uniform((self.moves, 3, batch), dtype=dtype, seed=g))

        def move(index, state):
            walkers, current, accepted_count = state
            kind, pick, decide = numbers[index, 0], numbers[index, 1], numbers[index, 2]
            exchanging = kind < self.exchange
            possible = self._possible(walkers, exchanging)
            ways = ops.sum(ops.cast(possible, "int32"), axis=-1)
            proposal = self._apply(walkers, possible, exchanging, ways, pick)
            back = ops.sum(ops.cast(self._possible(proposal, exchanging), "int32"), axis=-1)
            log_hastings = ops.log(ops.cast(ops.maximum(ways, 1), dtype) / ops.cast(ops.maximum(back, 1), dtype))
            proposed = log_abs(proposal)
            accepted = accept(decide, current, proposed, log_hastings) & (ways > 0)
            count = accepted_count + ops.mean(ops.cast(accepted, dtype))
            return select(accepted, proposal, walkers), select(accepted, proposed, current), count

        start = (walkers, current, ops.zeros((), dtype=dtype))
        walkers, current, count = ops.fori_loop(0, self.moves, move, start)
        return walkers, current, seed, count / self.moves

    def adapt(self, width, acceptance):
        """Hops have no width."""
        return width

    def _possible(self, walkers, exchanging):
        """Which moves are possible, boolean ``(batch, 2 * n_bonds)``: hops of each spin, or exchanges.

        An exchange counts once, in the first half.
        """
        at_first = ops.take(walkers, self.first, axis=2)
        at_second = ops.take(walkers, self.second, axis=2)
        differs = at_first != at_second  # (batch, 2, bonds)
        opposite = differs[:, 0] & differs[:, 1] & (at_first[:, 0] != at_first[:, 1])
        hops = ops.concatenate([differs[:, 0], differs[:, 1]], axis=-1)
        exchanges = ops.concatenate([opposite, ops.zeros_like(opposite)], axis=-1)
        return ops.where(ops.expand_dims(exchanging, -1), exchanges, hops) if self.exchange else hops

    def _apply(self, walkers, possible, exchanging, ways, pick):
        """Carry out, for each walker, the possible move that the uniform number ``pick`` points at."""
        n_bonds = len(self.bonds)
        number = ops.cast(pick * ops.cast(ways, pick.dtype), "int32")
        number = ops.minimum(number, ops.maximum(ways - 1, 0))
        order = ops.cumsum(ops.cast(possible, "int32"), axis=-1)
        chosen = possible & (order == ops.expand_dims(number + 1, -1))
        chosen = ops.reshape(ops.cast(chosen, keras.config.floatx()), (-1, 2, n_bonds))
        if self.exchange:  # both spins move over the bond
            both = ops.stack([chosen[:, 0], chosen[:, 0]], axis=1)
            chosen = ops.where(ops.reshape(exchanging, (-1, 1, 1)), both, chosen)
        flips = ops.matmul(chosen, ops.convert_to_tensor(self.flip, dtype=keras.config.floatx()))
        flips = ops.cast(flips, "int8")  # (batch, 2, sites)
        return walkers + flips * (1 - 2 * walkers)
