"""Local energy on a lattice."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from harness.local_energy.hops import HopRatios
from zoo.systems.base import LatticeSystem

IMAGINARY = "imaginary_energy"
"""Name of the imaginary part of the local energy among the further local values."""


def local_energy_function(system: LatticeSystem, log_psi: Callable, ratios: Callable | None = None) -> Callable:
    """E_L(n) = sum_n' H_nn' Psi(n') / Psi(n) + H_nn, the diagonal by `system.diagonal`; see `harness.local_energy`.

    Of a complex Hamiltonian E_L is complex: energies are its real part, and the imaginary one, whose mean is zero, is
    among the further values as `IMAGINARY`.

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
        observables = {"double_occupancy": double / system.n_sites}
        if system.is_complex:
            real, imaginary = complex_hopping(filled, ratios(hops, occupations))
            return energies - real, {**observables, IMAGINARY: -imaginary}
        if len(bonds):
            elements = ops.convert_to_tensor(hopping, dtype=filled.dtype)
            energies = energies - ops.sum(ratios(hops, occupations) * elements, axis=(1, 2))
        return energies, observables

    def complex_hopping(filled, found):
        """sum t_ij Psi(n') / Psi(n) where i holds the electron of n, sum t_ij* Psi(n') / Psi(n) where j does."""
        way = ops.take(filled, hops.first, axis=2) - ops.take(filled, hops.second, axis=2)
        t_real = ops.convert_to_tensor(hopping.real, dtype=filled.dtype)
        t_imaginary = way * ops.convert_to_tensor(hopping.imag, dtype=filled.dtype)
        real, imaginary = ops.real(found), ops.imag(found)
        return (
            ops.sum(t_real * real - t_imaginary * imaginary, axis=(1, 2)),
            ops.sum(t_real * imaginary + t_imaginary * real, axis=(1, 2)),
        )

    return local_energy
