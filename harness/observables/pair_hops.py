"""Amplitude ratios of hops of pairs: an up and a down electron move at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from harness import backend
from harness.local_energy.hops import at_once, evaluate_where
from zoo.layers.determinant import values_only
from zoo.layers.low_rank import LowRank


class PairHopRatios:
    """Local values of b+_p b_p' for pairs of places p = (i, j), with b_p = c_i,up c_j,down.

    Where a configuration n has spin up on i and spin down on j, and the places of p' are free once these two have
    left, n' has them there instead, and the value is <n|b+_p b_p'|n'> Psi(n') / Psi(n), which carries
    (-1)^(electrons of equal spin between the old and the new place) for each of the two; elsewhere it is 0. Only what
    is not 0 is evaluated, in chunks, as in `harness.local_energy.hops`.

    Args:
        places: Sites (i, j) of spin up and spin down; i = j is allowed.
        n_sites: Sites of the lattice.
    """

    def __init__(self, places: np.ndarray, n_sites: int):
        self.up, self.down = (np.ascontiguousarray(column, dtype="int32") for column in np.reshape(places, (-1, 2)).T)
        self.n_sites = n_sites

    def follow(self, low_rank: LowRank, factors: dict[str, Any], occupations, rows):
        """The same values as `evaluate` gives, without determinants, for models with low-rank updates."""
        up, down = self.up, self.down
        pair_hops = backend.fuse(
            lambda factors, table, occupations, rows: low_rank.pair_hops(factors, table, occupations, up, down, rows)
        )
        return pair_hops(factors, low_rank.table(factors, occupations), occupations, rows)

    @values_only()
    def evaluate(self, log_psi: Callable, occupations, rows):
        """The values, ``(batch, rows, pairs)``, of some p and all p'.

        Args:
            log_psi: Function from occupations to ``(sign, log_abs)``.
            occupations: ``(batch, 2, n_sites)``.
            rows: Which p for each configuration, whole numbers ``(batch, rows)``; of -1 the values are 0.
        """
        sign, log_abs = log_psi(occupations)
        batch, n_rows, pairs = occupations.shape[0], rows.shape[1], len(self.up)
        up, down = ops.convert_to_tensor(self.up), ops.convert_to_tensor(self.down)
        full_up = ops.take(occupations[:, 0], up, axis=1) == 1  # (batch, pairs)
        full_down = ops.take(occupations[:, 1], down, axis=1) == 1
        chosen = ops.maximum(rows, 0)
        present = ops.take_along_axis(full_up & full_down, chosen, axis=1) & (rows >= 0)
        flat = ops.reshape(chosen, (batch * n_rows,))
        same_up = ops.expand_dims(ops.reshape(ops.take(up, flat), (batch, n_rows)), 2) == up
        same_down = ops.expand_dims(ops.reshape(ops.take(down, flat), (batch, n_rows)), 2) == down
        free = (same_up | ~ops.expand_dims(full_up, 1)) & (same_down | ~ops.expand_dims(full_down, 1))
        moves = ops.expand_dims(present, 2) & free & ~(same_up & same_down)
        sites = ops.expand_dims(ops.arange(self.n_sites, dtype="int32"), 0)
        below = ops.cumsum(ops.cast(occupations, "int32"), axis=2)  # electrons up to each site

        def values(index):
            walker, new = index // (n_rows * pairs), index % pairs
            old = ops.take(flat, index // pairs)
            before, counts = ops.take(occupations, walker, axis=0), ops.take(below, walker, axis=0)
            changes, crossed = [], []
            for spin, places in enumerate((up, down)):
                source, target = ops.take(places, old), ops.take(places, new)
                at_source = ops.cast(sites == ops.expand_dims(source, 1), "int8")
                at_target = ops.cast(sites == ops.expand_dims(target, 1), "int8")
                changes.append(at_target - at_source)
                of_spin = counts[:, spin]
                upto = [ops.sum(of_spin * ops.cast(at, "int32"), axis=1) for at in (at_source, at_target)]
                # The source is full and the target empty: one less lies between where the source is the upper end.
                crossed.append(ops.abs(upto[1] - upto[0]) + ops.cast(target < source, "int32"))
            after = before + ops.stack(changes, axis=1)
            new_sign, new_log = log_psi(after)
            value = new_sign * ops.take(sign, walker) * ops.exp(new_log - ops.take(log_abs, walker))
            return value * ops.cast(1 - 2 * ((crossed[0] + crossed[1]) % 2), value.dtype)

        staying = ops.cast(ops.expand_dims(present, 2) & same_up & same_down, log_abs.dtype)
        return evaluate_where(moves, values, log_abs.dtype, at_once(self.n_sites)) + staying
