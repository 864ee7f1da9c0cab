"""Local energy on a lattice, over the hops that Pauli's principle allows.

Most hops are blocked. The allowed ones of the whole batch are numbered by a cumulative sum and evaluated in chunks of
one fixed size, in a loop whose length depends on how many there are: no blocked hop is evaluated, memory is bounded
by the chunk, and nothing is recompiled from step to step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from zoo.systems.base import LatticeSystem

# Configurations evaluated at once: enough to keep the device busy, few enough to bound memory.
CHUNK = 4096


def local_energy_function(system: LatticeSystem, log_psi: Callable) -> Callable:
    """E_L(n) = sum_n' H_nn' Psi(n') / Psi(n) + H_nn, the diagonal by `system.diagonal`; see `harness.local_energy`.

    A hop between sites i < j carries the sign (-1)^(electrons of its spin strictly between i and j).
    """
    bonds = system.bonds
    first = np.array([b[0] for b in bonds], dtype="int32")
    second = np.array([b[1] for b in bonds], dtype="int32")
    hopping = np.array([b[2] for b in bonds])
    sites = np.arange(system.n_sites)
    between = (sites > first[:, None]) & (sites < second[:, None])  # (bonds, sites)
    flip = (sites == first[:, None]) | (sites == second[:, None])

    def local_energy(occupations):
        sign, log_abs = log_psi(occupations)
        dtype = log_abs.dtype
        filled = ops.cast(occupations, dtype)
        double = ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        energies = system.diagonal(filled)
        if len(bonds):
            energies = energies + _kinetic(occupations, filled, sign, log_abs)
        return energies, {"double_occupancy": double / system.n_sites}

    def _kinetic(occupations, filled, sign, log_abs):
        dtype = log_abs.dtype
        batch, n_bonds = occupations.shape[0], len(bonds)
        allowed = ops.take(occupations, first, axis=2) != ops.take(occupations, second, axis=2)  # (batch, 2, bonds)
        crossed = ops.matmul(filled, ops.convert_to_tensor(between.T, dtype=dtype))
        crossing_sign = 1.0 - 2.0 * ops.mod(crossed, 2.0)
        elements = -ops.convert_to_tensor(hopping, dtype=dtype) * crossing_sign
        allowed = ops.reshape(allowed, (batch * 2 * n_bonds,))
        count = ops.cumsum(ops.cast(allowed, "int32"))
        total = count[-1]
        chunk = min(CHUNK, batch * 2 * n_bonds)
        flips = ops.convert_to_tensor(flip.astype("int8"))

        def evaluate(start, ratios):
            numbers = start + ops.arange(1, chunk + 1, dtype="int32")
            index = ops.searchsorted(count, ops.minimum(numbers, total), side="left")
            index = ops.minimum(ops.cast(index, "int32"), batch * 2 * n_bonds - 1)
            walker, rest = index // (2 * n_bonds), index % (2 * n_bonds)
            spin, bond = rest // n_bonds, rest % n_bonds
            flipped = ops.expand_dims(ops.take(flips, bond, axis=0), 1)
            of_spin = ops.cast(ops.expand_dims(ops.arange(2, dtype="int32"), 0) == ops.expand_dims(spin, 1), "int8")
            change = flipped * ops.expand_dims(of_spin, 2)
            before = ops.take(occupations, walker, axis=0)
            after = before + change * (1 - 2 * before)
            new_sign, new_log = log_psi(after)
            ratio = new_sign * ops.take(sign, walker) * ops.exp(new_log - ops.take(log_abs, walker))
            return start + chunk, ops.slice_update(ratios, (start,), ratio)

        # Slots past the last allowed hop repeat it; they are never read.
        slots = -(-batch * 2 * n_bonds // chunk) * chunk
        ratios = ops.zeros((slots,), dtype=dtype)
        _, ratios = ops.while_loop(
            lambda start, ratios: start < total,
            evaluate,
            (ops.zeros((), dtype="int32"), ratios),
        )
        ratio_of_hop = ops.take(ratios, ops.maximum(count - 1, 0))
        ratio_of_hop = ops.where(allowed, ratio_of_hop, ops.zeros_like(ratio_of_hop))
        return ops.sum(ops.reshape(ratio_of_hop, (batch, 2, n_bonds)) * elements, axis=(1, 2))

    return local_energy
