"""Local energy in continuous space."""

from __future__ import annotations

from collections.abc import Callable

from keras import ops

from harness.laplacian import gradient_and_laplacian
from zoo.systems.base import ContinuumSystem


def local_energy_function(system: ContinuumSystem, log_psi: Callable) -> Callable:
    """E_L = -(lap log|Psi| + |grad log|Psi||^2) / 2 + V, in hartree; see `harness.local_energy`."""

    def local_energy(positions):
        gradient, laplacian = gradient_and_laplacian(lambda x: log_psi(x)[1], positions)
        kinetic = -0.5 * (laplacian + ops.sum(ops.square(gradient), axis=(1, 2)))
        return kinetic + system.potential(positions), {}

    return local_energy
