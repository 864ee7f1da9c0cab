"""What `zoo exact` does: the exact ground state of a lattice system, beside the energies on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.table import Table

from zoo.errors import UnknownNameError, ZooError
from zoo.systems import bethe, diagonalisation, exact
from zoo.systems.arguments import read
from zoo.systems.base import LatticeSystem
from zoo.systems.hubbard import Hubbard

METHODS = ("auto", "bethe", "diagonalisation")

_QUICK_STATES = 1_000_000
"""States up to which diagonalisation is tried first."""


def answer(arguments: Sequence[str], report: Callable[[str], None]) -> Table:
    """Energy, double occupancy and how they were obtained, as a table to print.

    Args:
        arguments: ``system=NAME``, ``system.KEY=VALUE`` and ``method=NAME``.
        report: Is told about progress, a line at a time.

    Raises:
        ZooError: An argument cannot be used, or no method can treat the system; the message says why.
    """
    system, method = _read(arguments)
    started = time.perf_counter()
    solution = solve(system, method, report)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("energy", f"{solution.energy:.10f}")
    table.add_row("energy per site", f"{solution.energy / system.n_sites:.10f}")
    double = solution.double_occupancy
    table.add_row("double occupancy", f"{double:.8f}, {double / system.n_sites:.8f} a site")
    table.add_row("states", f"{solution.dimension:,}")
    table.add_row("method", solution.method)
    table.add_row("time", f"{time.perf_counter() - started:.1f} s")
    known = system.references().best
    if known is not None:
        difference = solution.energy - known.energy
        table.add_row("on record", f"{known.energy:.10f} ({known.kind}, {known.method}), difference {difference:+.1e}")
    return table


def solve(system: LatticeSystem, method: str, report: Callable[[str], None]) -> diagonalisation.Solution:
    """The ground state, by one of `METHODS`; ``"auto"`` diagonalises what is small, else prefers the Bethe ansatz."""
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    obstacle = bethe.obstacle(system) if isinstance(system, Hubbard) else "expected a Hubbard model"
    if method == "bethe" and obstacle is not None:
        raise ZooError(f"method=bethe: {obstacle}")
    small = exact.dimension(system) <= _QUICK_STATES
    if isinstance(system, Hubbard) and (method == "bethe" or (method == "auto" and obstacle is None and not small)):
        state = bethe.ground_state(system)
        return diagonalisation.Solution(state.energy, state.double_occupancy, exact.dimension(system), bethe.METHOD)
    return diagonalisation.solve(system, report)


def _read(arguments: Sequence[str]) -> tuple[LatticeSystem, str]:
    """The system and the method that ``KEY=VALUE`` arguments describe."""
    _, system, others = read(arguments, ("method",), "lattice")
    assert isinstance(system, LatticeSystem)  # `read` lets no other through
    return system, others.get("method", METHODS[0])
