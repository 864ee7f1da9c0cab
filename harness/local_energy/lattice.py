"""Local energy on a lattice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from harness.local_energy.hops import HopRatios
from zoo.systems.base import LatticeSystem


def local_energy_function(system: LatticeSystem, log_psi: Callable) -> Callable:
    """E_L(n) = sum_n' H_nn' Psi(n') / Psi(n) + H_nn, the diagonal by `system.diagonal`; see `harness.local_energy`."""
    bonds = system.bonds
    hops = HopRatios([(i, j) for i, j, _ in bonds], system.n_sites)
    hopping = np.array([t for _, _, t in bonds])

    def local_energy(occupations):
        sign, log_abs = log_psi(occupations)
        filled = ops.cast(occupations, log_abs.dtype)
        double = ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        energies = system.diagonal(filled)
        if len(bonds):
            ratios = hops.evaluate(log_psi, occupations, sign, log_abs)
            energies = energies - ops.sum(ratios * ops.convert_to_tensor(hopping, dtype=log_abs.dtype), axis=(1, 2))
        return energies, {"double_occupancy": double / system.n_sites}

    return local_energy
