"""Local energies E_L = (H Psi) / Psi, and observables that are measured beside them."""

from __future__ import annotations

from collections.abc import Callable

from harness.local_energy import continuum, lattice
from zoo.systems.base import System

__all__ = ["continuum", "lattice", "local_energy_function"]


def local_energy_function(system: System, log_psi: Callable) -> Callable:
    """The function from configurations to local energies and observables, by the space of the system.

    Args:
        system: Its Hamiltonian is used.
        log_psi: Function from configurations to ``(sign, log_abs)``.

    Returns:
        Function from configurations to ``(energies, observables)``: energies ``(batch,)`` and a dictionary of
        further local values, each ``(batch,)``.
    """
    space = {"continuum": continuum, "lattice": lattice}[system.space]
    return space.local_energy_function(system, log_psi)
