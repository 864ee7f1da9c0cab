"""Amplitude ratios of hops, over those that Pauli's principle allows.

Most hops are blocked. The allowed ones of the whole batch are numbered by a cumulative sum and evaluated in chunks of
one fixed size, in a loop whose length depends on how many there are: no blocked hop is evaluated, memory is bounded
by the chunk, and nothing is recompiled from step to step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from harness import backend
from harness.stateless import log_psi, low_rank_factors
from zoo.layers.complex_numbers import as_type_of, is_complex
from zoo.layers.determinant import values_only
from zoo.layers.low_rank import LowRank
from zoo.wavefunction import Wavefunction

CHUNK = 4096
"""Configurations evaluated at once on a CPU, and the fewest on an accelerator."""
PAIRS_OF_SITES = 2**24
"""Configurations evaluated at once times pairs of sites, on an accelerator: attention has arrays of these."""


def at_once(n_sites: int) -> int:
    """Configurations to evaluate at once: enough to keep the device busy, few enough to bound memory."""
    return max(CHUNK, PAIRS_OF_SITES // n_sites**2) if backend.on_accelerator() else CHUNK


def hop_ratios(model: Wavefunction, parameters: list) -> Callable:
    """Function from `HopRatios`, or other hops with such methods, to their ratios, by the fastest way the model has.

    It takes the hops, occupations ``(batch, 2, n_sites)``, and what else these hops ask for.

    Args:
        model: A wavefunction on a lattice.
        parameters: Values of its trainable weights.
    """
    if model.low_rank is None:
        return lambda hops, *given: hops.evaluate(lambda x: log_psi(model, parameters, x), *given)
    factors = low_rank_factors(model, parameters)
    return lambda hops, *given: hops.follow(model.low_rank, factors, *given)


class HopRatios:
    """Ratios Psi(n') / Psi(n) of hops between pairs of sites, with the sign of the fermions they pass.

    Where exactly one of the sites i < j holds an electron of a spin, n' has it on the other one, and the ratio is that
    of <n'|c+ c|n> Psi(n') / Psi(n): it carries (-1)^(electrons of that spin strictly between i and j). Where none or
    both do, the hop is blocked and the ratio is 0.

    Args:
        pairs: Pairs of sites (i, j) with i < j.
        n_sites: Sites of the lattice.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], n_sites: int):
        ends = np.array(pairs, dtype="int32").reshape(-1, 2)
        self.first, self.second, self.n_sites = ends[:, 0], ends[:, 1], n_sites
        sites = np.arange(n_sites)
        self.between = (sites > ends[:, :1]) & (sites < ends[:, 1:])  # (pairs, sites)
        self.flips = ((sites == ends[:, :1]) | (sites == ends[:, 1:])).astype("int8")

    def allowed(self, occupations):
        """Which hops are not blocked, boolean ``(batch, 2, pairs)``, of occupations ``(batch, 2, n_sites)``."""
        return ops.take(occupations, self.first, axis=2) != ops.take(occupations, self.second, axis=2)

    def crossing_signs(self, filled):
        """(-1)^(electrons between the sites), ``(batch, 2, pairs)``, of occupations as floating-point numbers."""
        crossed = ops.matmul(filled, ops.convert_to_tensor(self.between.T, dtype=filled.dtype))
        return 1.0 - 2.0 * ops.mod(crossed, 2.0)

    def follow(self, low_rank: LowRank, factors: dict[str, Any], occupations):
        """The same ratios as `evaluate` gives, without determinants, for models with low-rank updates."""
        pairs = backend.fuse(
            lambda factors, table, occupations: low_rank.pairs(factors, table, occupations, self.first, self.second)
        )
        return pairs(factors, low_rank.table(factors, occupations), occupations)

    @values_only()
    def evaluate(self, log_psi: Callable, occupations):
        """The ratios, ``(batch, 2, pairs)``, complex where the wavefunction is.

        Args:
            log_psi: Function from occupations to ``(sign, log_abs)``.
            occupations: ``(batch, 2, n_sites)``.
        """
        sign, log_abs = log_psi(occupations)
        n_pairs = len(self.first)
        flips = ops.convert_to_tensor(self.flips)

        def ratios(index):
            walker, rest = index // (2 * n_pairs), index % (2 * n_pairs)
            spin, pair = rest // n_pairs, rest % n_pairs
            flipped = ops.expand_dims(ops.take(flips, pair, axis=0), 1)
            of_spin = ops.cast(ops.expand_dims(ops.arange(2, dtype="int32"), 0) == ops.expand_dims(spin, 1), "int8")
            change = flipped * ops.expand_dims(of_spin, 2)
            before = ops.take(occupations, walker, axis=0)
            after = before + change * (1 - 2 * before)
            new_sign, new_log = log_psi(after)
            size = ops.exp(new_log - ops.take(log_abs, walker))
            return new_sign * ops.take(inverse, walker) * as_type_of(size, sign)

        inverse = ops.conj(sign) if is_complex(sign) else sign
        signs = self.crossing_signs(ops.cast(occupations, log_abs.dtype))
        found = evaluate_where(self.allowed(occupations), ratios, sign.dtype, at_once(self.n_sites))
        return found * as_type_of(signs, sign)


def evaluate_where(allowed, values: Callable, dtype: str, chunk: int):
    """Values of the entries that are allowed, 0 of the others, in the shape of ``allowed``; see the module.

    Args:
        allowed: Booleans of any shape.
        values: Function from numbers of entries, in row-major order, to their values, a chunk of them at a time.
        dtype: Of the values.
        chunk: How many entries that is.
    """
    shape = allowed.shape
    everything = math.prod(shape)
    allowed = ops.reshape(allowed, (everything,))
    count = ops.cumsum(ops.cast(allowed, "int32"))
    total = count[-1]
    chunk = min(chunk, everything)

    def evaluate(start, found):
        numbers = start + ops.arange(1, chunk + 1, dtype="int32")
        index = ops.searchsorted(count, ops.minimum(numbers, total), side="left")
        index = ops.minimum(ops.cast(index, "int32"), everything - 1)
        return start + chunk, ops.slice_update(found, (start,), values(index))

    # Slots past the last allowed entry repeat it; they are never read.
    slots = -(-everything // chunk) * chunk
    _, found = ops.while_loop(
        lambda start, found: start < total,
        evaluate,
        (ops.zeros((), dtype="int32"), ops.zeros((slots,), dtype=dtype)),
    )
    of_entry = ops.take(found, ops.maximum(count - 1, 0))
    return ops.reshape(ops.where(allowed, of_entry, ops.zeros_like(of_entry)), shape)
