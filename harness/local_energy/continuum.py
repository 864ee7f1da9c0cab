"""Local energy in continuous space."""

from __future__ import annotations

from collections.abc import Callable

from keras import ops

from zoo.systems.base import ContinuumSystem


def local_energy_function(system: ContinuumSystem, derivatives: Callable) -> Callable:
    """E_L = -(lap log|Psi| + |grad log|Psi||^2) / 2 + V, in hartree.

    Args:
        system: Gives the potential V.
        derivatives: Function from positions to gradient and Laplacian of log|Psi|.

    Returns:
        As `harness.local_energy.local_energy_function`.
    """

    def local_energy(positions):
        gradient, laplacian = derivatives(positions)
        kinetic = -0.5 * (laplacian + ops.sum(ops.square(gradient), axis=(1, 2)))
        return kinetic + system.potential(positions), {}

    return local_energy
