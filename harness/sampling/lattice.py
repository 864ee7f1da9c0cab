"""Metropolis sampling on a lattice: hops over bonds and exchanges of opposite spins."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from harness import backend
from harness.random import draw
from harness.sampling.acceptance import accept, select
from harness.sampling.amplitudes import Direct, Following
from harness.settings import SamplerSettings
from zoo.layers.determinant import values_only
from zoo.systems.base import LatticeSystem

REFRESH = 32
"""Moves after which what follows a walker is made anew. From as many electrons on that costs no more than following."""


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
        self.n_sites = system.n_sites
        ends = np.array([[b[0], b[1]] for b in self.bonds], dtype="int32").reshape(-1, 2)
        self.first, self.second = ends[:, 0], ends[:, 1]
        self.refresh = max(REFRESH, system.n_electrons)

    def sample(self, log_abs: Callable | Following, walkers, seed, width):
        """``moves`` proposals for each walker; arguments and results as in `GaussianSampler.sample`.

        ``walkers`` are occupations ``(batch, 2, n_sites)``; ``width`` is not used. In place of the function
        ``log_abs`` there can be what follows the walkers by low-rank updates.
        """
        draws, seed = self.draw(walkers, seed, isinstance(log_abs, Following))
        walkers, log_abs, accepted, tried = self.advance(log_abs, width, walkers, *(numbers for numbers, _ in draws))
        return walkers, log_abs, seed, self.acceptance(accepted, tried)

    def draw(self, walkers, seed, follows: bool = False) -> tuple[list[tuple[Any, int]], Any]:
        """As `GaussianSampler.draw`.

        Args:
            follows: Whether `advance` will be given what follows the walkers.
        """
        batch, dtype = walkers.shape[0], keras.config.floatx()
        if not self.bonds:
            return [], seed
        numbers, seed = draw(seed, lambda g: keras.random.uniform((self.moves, 3, batch), dtype=dtype, seed=g))
        if not follows:
            return [(numbers, 2)], seed
        turns = -(-self.moves // self.refresh)
        decisions, seed = draw(seed, lambda g: keras.random.uniform((turns, batch), dtype=dtype, seed=g))
        return [(numbers, 2), (decisions, 1)], seed

    @values_only()
    def advance(self, log_abs: Callable | Following, width, walkers, *draws):
        """The moves that the random numbers stand for, of each walker by itself.

        Returns:
            Walkers, their log|Psi|, and of each how many proposals it accepted, and how many there were.
        """
        amplitudes = log_abs if isinstance(log_abs, Following) else Direct(log_abs)
        batch, dtype = walkers.shape[0], keras.config.floatx()
        if not self.bonds:
            ones = ops.ones((batch,), dtype=dtype)
            return walkers, amplitudes.keep(walkers)["log_abs"], ones, ones
        numbers, *decisions = draws

        def advance(walkers, kept, numbers):
            """The moves that ``numbers``, ``(moves, 3, batch)``, stand for; also how many each walker accepted."""

            def move(index, state):
                walkers, kept, count = state
                proposal, ways, back = self._propose(walkers, numbers[index, 0], numbers[index, 1])
                log_hastings = ops.log(ops.cast(ops.maximum(ways, 1), dtype) / ops.cast(ops.maximum(back, 1), dtype))
                log_abs, proposed = amplitudes.propose(kept, walkers, proposal)
                accepted = accept(numbers[index, 2], kept["log_abs"], log_abs, log_hastings) & (ways > 0)
                kept = amplitudes.follow(kept, log_abs, proposed, accepted)
                return select(accepted, proposal, walkers), kept, count + ops.cast(accepted, dtype)

            return ops.fori_loop(0, numbers.shape[0], move, (walkers, kept, ops.zeros((batch,), dtype=dtype)))

        if amplitudes.follows:
            walkers, kept, count = self._advance_followed(advance, amplitudes.keep, walkers, numbers, *decisions)
        else:
            walkers, kept, count = advance(walkers, amplitudes.keep(walkers), numbers)
        return walkers, kept["log_abs"], count, ops.full((batch,), float(self.moves), dtype=dtype)

    def acceptance(self, accepted, tried):
        """The share of what was tried that was accepted."""
        return ops.sum(accepted) / ops.sum(tried)

    def _advance_followed(self, advance: Callable, keep: Callable, walkers, numbers, decisions):
        """As ``advance``, with what is kept made anew every `refresh` moves.

        So rounding errors cannot grow for long, and those that have grown are corrected: what has been walked in
        between is accepted with the probability min(1, |Psi / followed Psi|^2), else the walker goes back to where it
        was, and its moves do not count as accepted. That is delayed acceptance (J. A. Christen and C. Fox, J. Comput.
        Graph. Stat. 14, 795 (2005)).
        """
        fused = backend.fuse(advance)
        kept = keep(walkers)
        total = ops.zeros_like(kept["log_abs"])
        for turn, start in enumerate(range(0, self.moves, self.refresh)):
            moved, followed, count = fused(walkers, kept, numbers[start : min(start + self.refresh, self.moves)])
            anew = keep(moved)
            sound = accept(decisions[turn], followed["log_abs"], anew["log_abs"])
            walkers = select(sound, moved, walkers)
            kept = keras.tree.map_structure(functools.partial(select, sound), anew, kept)
            total = total + ops.where(sound, count, ops.zeros_like(count))
        return walkers, kept, total

    def adapt(self, width, acceptance):
        """Hops have no width."""
        return width

    def _propose(self, walkers, kind, pick):
        """A move of each walker, chosen by uniform numbers, and how many ways there were, and are back."""
        exchanging = kind < self.exchange
        possible = self._possible(walkers, exchanging)
        ways, running = _running_count(possible)
        number = ops.cast(pick * ops.cast(ways, pick.dtype), "int32")
        number = ops.minimum(number, ops.maximum(ways - 1, 0))
        # The possible move with `number` others before it stands where the running count goes beyond that.
        chosen = ops.sum(ops.cast(running <= ops.expand_dims(number, -1), "int32"), axis=-1)
        n_bonds = len(self.bonds)
        spin, bond = chosen // n_bonds, chosen % n_bonds
        ends = ops.one_hot(ops.take(self.first, bond), self.n_sites, dtype="int8")
        ends = ends + ops.one_hot(ops.take(self.second, bond), self.n_sites, dtype="int8")
        both = exchanging if self.exchange else ops.zeros_like(exchanging)
        moving = ops.stack([both | (spin == 0), both | (spin == 1)], axis=-1) & ops.expand_dims(ways > 0, -1)
        flips = ops.expand_dims(ops.cast(moving, "int8"), -1) * ops.expand_dims(ends, 1)
        proposal = walkers + flips * (1 - 2 * walkers)
        back = ops.sum(ops.cast(self._possible(proposal, exchanging), "int32"), axis=-1)
        return proposal, ways, back

    def _possible(self, walkers, exchanging):
        """Which moves are possible, boolean ``(batch, 2 * n_bonds)``: hops of each spin, or exchanges.

        An exchange counts once, in the first half.
        """
        at_first = ops.take(walkers, self.first, axis=2)
        at_second = ops.take(walkers, self.second, axis=2)
        differs = at_first != at_second  # (batch, 2, bonds)
        hops = ops.reshape(differs, (-1, 2 * len(self.bonds)))
        if not self.exchange:
            return hops
        opposite = differs[:, 0] & differs[:, 1] & (at_first[:, 0] != at_first[:, 1])
        exchanges = ops.concatenate([opposite, ops.zeros_like(opposite)], axis=-1)
        return ops.where(ops.expand_dims(exchanging, -1), exchanges, hops)


def _running_count(chosen):
    """How many are chosen in each row of ``(batch, n)``, ``(batch,)``, and how many up to each place, ``(batch, n)``.

    In two levels, within blocks of about sqrt(n) places and over the blocks, by products with triangular matrices: on a
    CPU several times faster than `ops.cumsum`. Counts below 2^24 are exact in float32.
    """
    places = chosen.shape[-1]
    block = math.isqrt(places - 1) + 1
    blocks = -(-places // block)
    padded = ops.pad(ops.cast(chosen, "float32"), [[0, 0], [0, blocks * block - places]])
    up_to = ops.convert_to_tensor(np.triu(np.ones((block, block))), dtype="float32")
    before = ops.convert_to_tensor(np.triu(np.ones((blocks, blocks)), 1), dtype="float32")
    within = ops.matmul(ops.reshape(padded, (-1, block)), up_to)
    within = ops.reshape(within, (-1, blocks, block))
    offset = ops.matmul(within[:, :, -1], before)
    running = ops.cast(ops.reshape(within + ops.expand_dims(offset, -1), (-1, blocks * block)), "int32")
    return running[:, -1], running[:, :places]
