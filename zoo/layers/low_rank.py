r"""Ratios of Slater-Jastrow amplitudes between configurations that differ by a few hops, by updates of low rank.

Let M be the rows of the orbitals Phi at the occupied sites. The table W = Phi M^-1 has the unit vector e_k in the row
of the site where electron k is, and at every other site j

    W[j, k] = det M' / det M,    M' with electron k at j,

so one product of two rows is the ratio of a determinant: O(N), where the determinant itself is O(N^3). After the hop
of electron k from i to j the matrix determinant lemma (Sherman and Morrison, Ann. Math. Stat. 21, 124 (1950)) gives

    W' = W - (W e_k) (W[j] - e_k)^T / W[j, k],

O(N n_sites). Electrons of one determinant that move together enter it by a matrix of their number of rows instead of
the last division. Electrons keep their row of M as they move, so the sign of a ratio is that of Psi with the sign of
the electrons passed on the way, the one that a matrix element of c+ c needs (`harness.local_energy.hops`).

Complex orbitals have complex ratios, by the same formulas.

The Jastrow factor follows by the fields of the others: with q' = q + d, the change of q V q / 2 is (V q) d + d V d / 2.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.layers.complex_numbers import as_type_of
from zoo.layers.determinant import slogdet
from zoo.layers.occupations import charge_and_spin, occupied_rows

Tensors = dict[str, Any]


class LowRank:
    """Low-rank ratios of Psi = prod det x exp J, J of `zoo.layers.lattice_jastrow.LatticeJastrow`.

    ``factors`` are the weights: ``orbitals``, a tensor ``(n_sites, columns)`` for each spin that has electrons, and
    ``gutzwiller``, ``density`` and ``spin``, the couplings of the Jastrow factor, a number and two symmetric matrices
    ``(n_sites, n_sites)`` without diagonal. A ``table`` is what belongs to a batch of configurations.

    Args:
        counts: Electrons of each spin, up and down.
        mixed: Whether one determinant holds the electrons of both spins.
    """

    def __init__(self, counts: tuple[int, int], mixed: bool):
        self.counts = counts
        present = [spin for spin in (0, 1) if counts[spin]]
        self.present = present
        self.blocks = [present] if mixed else [[spin] for spin in present]
        """The spins of each determinant."""

    def table(self, factors: Tensors, occupations) -> Tensors:
        """The table of configurations ``(batch, 2, n_sites)``, from nothing.

        Returns:
            ``log_abs``, log|Psi| ``(batch,)``, -inf also where a determinant is but the rounding error of zero, which
            has no ratios; ``ratios``, W of each determinant, ``(batch, rows, n)``, its rows the
            sites of each spin in turn; ``charge`` and ``spin``, V q and X m, ``(batch, n_sites)``.
        """
        charge, spin = charge_and_spin(occupations)
        table = {"charge": ops.matmul(charge, factors["density"]), "spin": ops.matmul(spin, factors["spin"])}
        log_abs = 0.5 * (ops.sum(table["charge"] * charge, axis=-1) + ops.sum(table["spin"] * spin, axis=-1))
        log_abs = log_abs + factors["gutzwiller"] * _doublons(occupations, log_abs.dtype)
        orbitals = dict(zip(self.present, factors["orbitals"], strict=True))
        ratios = []
        for block in self.blocks:
            matrix = ops.concatenate(
                [
                    ops.matmul(as_type_of(occupied_rows(occupations[:, s], self.counts[s]), orbitals[s]), orbitals[s])
                    for s in block
                ],
                axis=1,
            )
            log_det = slogdet(matrix)[1]
            regular = ops.reshape(ops.isfinite(log_det), (-1, 1, 1))
            inverse = ops.inv(ops.where(regular, matrix, ops.eye(matrix.shape[-1], dtype=matrix.dtype)))
            table_of_block = ops.matmul(ops.concatenate([orbitals[s] for s in block], axis=0), inverse)
            largest = ops.max(ops.abs(table_of_block), axis=(1, 2))
            ratios.append(table_of_block)
            log_abs = log_abs + ops.where(largest > _largest_ratio(), ops.full_like(log_det, -float("inf")), log_det)
        return {"log_abs": log_abs, "ratios": ratios, **table}

    def pairs(self, factors: Tensors, table: Tensors, occupations, first, second):
        """Ratios of hops between pairs of sites, with the sign of the electrons passed, ``(batch, 2, pairs)``.

        An electron goes from the one of the two sites that holds it to the other one; where none or both do, the
        ratio is 0.

        Args:
            occupations: Those of the table.
            first, second: The sites of each pair, ``(pairs,)``.
        """
        dtype = table["log_abs"].dtype
        filled = ops.cast(occupations, dtype)
        at_first, at_second = ops.take(filled, first, axis=2), ops.take(filled, second, axis=2)
        way = at_first - at_second  # 1 from the first site to the second, -1 back, 0 blocked
        n_sites = occupations.shape[-1]
        bonds = first * n_sites + second
        density, spin = (ops.take(ops.reshape(factors[name], (-1,)), bonds) for name in ("density", "spin"))
        steps = {name: ops.take(table[name], second, axis=1) - ops.take(table[name], first, axis=1) for name in _FIELDS}
        results: list[Any] = [None, None]
        for block, ratios in zip(self.blocks, table["ratios"], strict=True):
            for place, s in enumerate(block):
                rows = ratios[:, place * n_sites : (place + 1) * n_sites]
                ratio = ops.sum(ops.take(rows, first, axis=1) * ops.take(rows, second, axis=1), axis=-1)
                sense = 1.0 - 2.0 * s
                change = way[:, s] * (steps["charge"] + sense * steps["spin"]) - density - spin
                change = change - factors["gutzwiller"] * way[:, s] * (at_first[:, 1 - s] - at_second[:, 1 - s])
                results[s] = ratio * as_type_of(ops.exp(change), ratio) * as_type_of(ops.abs(way[:, s]), ratio)
        nothing = ops.zeros_like(results[self.present[0]])
        return ops.stack([nothing if result is None else result for result in results], axis=1)

    def pair_hops(self, factors: Tensors, table: Tensors, occupations, up, down, rows):
        """Ratios for an up and a down electron that go from one pair of places to another, ``(batch, rows, pairs)``.

        With the sign of the electrons passed, and 0 where a place of the pair chosen is empty or a new place is taken
        by another electron: products of rows of W vanish there by themselves.

        Args:
            occupations: Those of the table, with electrons of both spins.
            up, down: The sites of each pair of places, ``(pairs,)``.
            rows: Numbers of the pairs where the electrons are at first, ``(batch, rows)``; -1 gives 0.
        """
        dtype = table["log_abs"].dtype
        n_sites, batch = occupations.shape[-1], occupations.shape[0]
        filled = ops.cast(occupations, dtype)
        chosen = ops.maximum(rows, 0)
        from_up, from_down = ops.take(up, chosen), ops.take(down, chosen)  # (batch, rows)
        at_up, at_down = (ops.one_hot(sites, n_sites, dtype=dtype) for sites in (from_up, from_down))
        present = ops.cast(rows >= 0, dtype) * ops.einsum("brs,bs->br", at_up, filled[:, 0])
        present = present * ops.einsum("brs,bs->br", at_down, filled[:, 1])

        def products(starts, rows_of_starts, rows_of_ends, ends):
            """W[start] . W[end] for each chosen pair and each end, ``(batch, rows, pairs)``."""
            at_start = ops.einsum("brs,bsn->brn", starts, rows_of_starts)
            return ops.take(ops.einsum("brn,bsn->brs", at_start, rows_of_ends), ends, axis=2)

        if len(self.blocks) == 1:
            both = table["ratios"][0]
            of_up, of_down = both[:, :n_sites], both[:, n_sites:]
            crossed = products(at_up, of_up, of_down, down) * products(at_down, of_down, of_up, up)
        else:
            (of_up, of_down), crossed = table["ratios"], 0.0
        ratio = products(at_up, of_up, of_up, up) * products(at_down, of_down, of_down, down) - crossed

        def change(field):
            """Of a field, ``(batch, n_sites)``, between the places: for each spin ``(batch, rows, pairs)``."""
            return [
                ops.expand_dims(ops.take(field, ends, axis=1), 1)
                - ops.expand_dims(ops.einsum("brs,bs->br", starts, field), 2)
                for starts, ends in ((at_up, up), (at_down, down))
            ]

        def coupled(coupling):
            """v between old and new place of each spin, and between the places of both, old and new, with signs."""
            to_up, to_down = ops.take(coupling, up, axis=1), ops.take(coupling, down, axis=1)  # (n_sites, pairs)
            own = ops.einsum("brs,sp->brp", at_up, to_up) + ops.einsum("brs,sp->brp", at_down, to_down)
            new = ops.take(ops.reshape(coupling, (-1,)), up * n_sites + down)
            old = ops.take(ops.reshape(coupling, (-1,)), from_up * n_sites + from_down)
            other = new - ops.einsum("brs,sp->brp", at_down, to_up) - ops.einsum("brs,sp->brp", at_up, to_down)
            return own, other + ops.expand_dims(old, 2)

        charge_up, charge_down = change(table["charge"])
        spin_up, spin_down = change(table["spin"])
        (own_v, other_v), (own_w, other_w) = coupled(factors["density"]), coupled(factors["spin"])
        log_ratio = charge_up + charge_down + other_v - own_v + spin_up - spin_down - other_w - own_w
        gained, lost = change(filled[:, 1])[0] + change(filled[:, 0])[1], coupled(ops.eye(n_sites, dtype=dtype))[1]
        log_ratio = log_ratio + factors["gutzwiller"] * (gained + lost)
        # What is blocked is not to overflow: the factor of a hop that there is not may be anything.
        moving = ops.reshape(present, (batch, -1, 1)) * ratio
        return moving * ops.exp(ops.where(ops.equal(moving, 0.0), ops.zeros_like(log_ratio), log_ratio))

    def propose(self, factors: Tensors, table: Tensors, occupations, proposal) -> tuple[Any, Tensors]:
        """log|Psi'| of proposals in which at most one electron of each spin has moved, and what `follow` needs.

        Args:
            occupations, proposal: Before and after, ``(batch, 2, n_sites)``.
        """
        dtype = table["log_abs"].dtype
        change = ops.cast(proposal, dtype) - ops.cast(occupations, dtype)
        moved = {"charge": change[:, 0] + change[:, 1], "spin": change[:, 0] - change[:, 1]}
        log_abs = table["log_abs"] + factors["gutzwiller"] * (
            _doublons(proposal, dtype) - _doublons(occupations, dtype)
        )
        fields = {}
        for name, coupling in zip(_FIELDS, ("density", "spin"), strict=True):
            fields[name] = ops.matmul(moved[name], factors[coupling])
            log_abs = log_abs + ops.sum((table[name] + 0.5 * fields[name]) * moved[name], axis=-1)
        n_sites = occupations.shape[-1]
        updates = []
        for block, ratios in zip(self.blocks, table["ratios"], strict=True):
            left, arrived, active = [], [], []
            for place, s in enumerate(block):
                rows = ratios[:, place * n_sites : (place + 1) * n_sites]
                lost, gained = (as_type_of(ops.maximum(way * change[:, s], 0.0), rows) for way in (-1.0, 1.0))
                left.append(ops.einsum("bi,bin->bn", lost, rows))
                arrived.append(ops.einsum("bi,bin->bn", gained, rows))
                active.append(as_type_of(ops.max(change[:, s], axis=-1), rows))
            inner = [[ops.sum(a * b, axis=-1) for b in left] for a in arrived]
            for place, moves in enumerate(active):
                inner[place][place] = inner[place][place] + 1.0 - moves  # an electron that stays is a factor of 1
            inverse, determinant = _small_inverse(inner)
            rows_of = [new - old for new, old in zip(arrived, left, strict=True)]
            columns = [ops.einsum("bin,bn->bi", ratios, old) for old in left]
            updates.append({"columns": columns, "rows": rows_of, "inverse": inverse})
            log_abs = log_abs + ops.log(ops.abs(determinant))
        return log_abs, {"updates": updates, "fields": fields}

    def follow(self, table: Tensors, log_abs, proposed: Tensors, accepted) -> Tensors:
        """The table after the walkers that ``accepted``, boolean ``(batch,)``, have moved.

        Args:
            log_abs, proposed: As `propose` gave them.
        """
        taken = ops.cast(accepted, log_abs.dtype)
        ratios = []
        for before, update in zip(table["ratios"], proposed["updates"], strict=True):
            after = before
            for line, row_inverse in enumerate(update["inverse"]):
                # Row `line` of inverse @ rows; nothing where the move was refused, even where the inverse is infinite.
                combined = sum(
                    ops.expand_dims(ops.where(accepted, factor, ops.zeros_like(factor)), -1) * row
                    for factor, row in zip(row_inverse, update["rows"], strict=True)
                )
                after = after - ops.expand_dims(update["columns"][line], 2) * ops.expand_dims(combined, 1)
            ratios.append(after)
        fields = {name: table[name] + ops.expand_dims(taken, -1) * proposed["fields"][name] for name in _FIELDS}
        return {"log_abs": ops.where(accepted, log_abs, table["log_abs"]), "ratios": ratios, **fields}


_FIELDS = ("charge", "spin")


def _largest_ratio() -> float:
    """A ratio so large that the determinant below it has no correct digit left: 1e11 in float64, 7e4 in float32."""
    return float(np.finfo(keras.config.floatx()).eps) ** -0.7


def _doublons(occupations, dtype):
    filled = ops.cast(occupations, dtype)
    return ops.sum(filled[:, 0] * filled[:, 1], axis=-1)


def _small_inverse(entries: list) -> tuple[list, Any]:
    """Inverse and determinant of 1 x 1 or 2 x 2 matrices given by their entries, each ``(batch,)``."""
    if len(entries) == 1:
        return [[1.0 / entries[0][0]]], entries[0][0]
    (a, b), (c, d) = entries
    determinant = a * d - b * c
    return [[d / determinant, -b / determinant], [-c / determinant, a / determinant]], determinant
