"""Local energies E_L = (H Psi) / Psi, and observables that are measured beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.laplacian import gradient_and_laplacian
from harness.local_energy import continuum, lattice

__all__ = ["continuum", "lattice", "local_energy_function"]


def local_energy_function(
    system: Any, log_psi: Callable, derivatives: Callable | None = None, ratios: Callable | None = None
) -> Callable:
    """The function from configurations to local energies and observables, by the space of the system.

    Args:
        system: A `zoo.systems.base.System`; its Hamiltonian is used.
        log_psi: Function from configurations to ``(sign, log_abs)``.
        derivatives: In the continuum, function from positions to gradient and Laplacian of log|Psi|; by default
            nested differentiation of ``log_psi``.
        ratios: On a lattice, function from `harness.local_energy.hops.HopRatios` and occupations to the ratios; by
            default from ``log_psi``.

    Returns:
        Function from configurations to ``(energies, observables)``: energies ``(batch,)`` and a dictionary of
        further local values, each ``(batch,)``.
    """
    if system.space == "lattice":
        return lattice.local_energy_function(system, log_psi, ratios)
    return continuum.local_energy_function(
        system, derivatives or (lambda x: gradient_and_laplacian(lambda y: log_psi(y)[1], x))
    )
