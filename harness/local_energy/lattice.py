"""Local energy on a lattice."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from harness.local_energy.hops import HopRatios
from zoo.systems.base import LatticeSystem


def local_energy_function(system: LatticeSystem, log_psi: Callable, ratios: Callable | None = None) -> Callable:
    """E_L(n) = sum_n' H_nn' Psi(n') / Psi(n) + H_nn, the diagonal by `system.diagonal`; see `harness.local_energy`.

    Args:
        ratios: Function from a `harness.local_energy.hops.HopRatios` and occupations to the ratios ``(batch, 2,
            pairs)``; by default they come from ``log_psi``.
    """
    bonds = system.bonds
    hops = HopRatios([(i, j) for i, j, _ in bonds], system.n_sites)
    hopping = np.array([t for _, _, t in bonds])
    ratios = ratios or (lambda hops, occupations: hops.evaluate(log_psi, occupations))

    def local_energy(occupations):
        filled = ops.cast(occupations, keras.config.floatx())
        double = ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        energies = system.diagonal(filled)
        if len(bonds):
            elements = ops.convert_to_tensor(hopping, dtype=filled.dtype)
            energies = energies - ops.sum(ratios(hops, occupations) * elements, axis=(1, 2))
        return energies, {"double_occupancy": double / system.n_sites}

    return local_energy
