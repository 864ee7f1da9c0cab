"""What `zoo exact` does: the exact ground state of a lattice system, beside the energies on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.table import Table

from zoo import parameters, registry
from zoo.errors import UnknownNameError, ZooError
from zoo.systems import bethe, diagonalisation, exact, varbench
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
    import yaml

    given: dict[str, str] = {}
    for argument in varbench.expand(arguments):
        key, equals, text = argument.partition("=")
        if not equals or key in given:
            raise ZooError(f"{argument}: expected KEY=VALUE, each key once, such as system=hubbard_4x4")
        given[key] = text
    name, method = given.pop("system", ""), given.pop("method", METHODS[0])
    if not name:
        raise ZooError(f"system=NAME is missing: expected one of {', '.join(_lattices())}")
    spec = registry.system_spec(name)
    values = {}
    for key, text in given.items():
        fields = [field.name for field in parameters.parameters(spec.system)]
        if key.removeprefix("system.") not in fields or not key.startswith("system."):
            raise parameters.unknown_key(key, {"": ["system", "method"], "system": fields})
        try:
            values[key.removeprefix("system.")] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ZooError(f"{key}={text}: expected a number, a text or a list such as [4,4]") from None
    system = registry.create_system(name, **values)
    if not isinstance(system, LatticeSystem):
        raise ZooError(f"system={name}: expected a lattice system, one of {', '.join(_lattices())}")
    return system, method


def _lattices() -> list[str]:
    return [name for name in registry.list_systems() if registry.system_spec(name).space == "lattice"]
