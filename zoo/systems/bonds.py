"""Every bond of a finite lattice, with its hopping."""

from __future__ import annotations

import functools

from zoo.errors import ZooError
from zoo.systems.lattice import Lattice

Bond = tuple[int, int, float | complex]
"""Two sites i < j and a hopping t: the Hamiltonian holds -(t c+_i c_j + h.c.)."""


@functools.lru_cache(maxsize=128)
def bonds(lattice: Lattice, t: float, t_prime: float, anisotropy: tuple[float, ...] = ()) -> tuple[Bond, ...]:
    """Every bond once, ``(i, j, hopping)`` with i < j, sorted; a hopping of zero gives no bonds.

    Args:
        lattice: Sites and boundaries; `Lattice.pairs` says what becomes of very short axes.
        t: Hopping to the nearest neighbours.
        t_prime: Hopping to the next nearest neighbours.
        anisotropy: A factor of ``t`` for each direction of `LatticeKind.nearest`; 1 throughout where empty.

    Raises:
        ZooError: ``t_prime`` is not zero, but the lattice is so small that next nearest neighbours do not exist or
            are nearest neighbours as well; ``anisotropy`` has not one factor for each direction; or bonds of opposite
            sign meet (`Lattice.pairs`).
    """
    kind = lattice.definition
    factors = anisotropy or (1.0,) * len(kind.nearest)
    if len(factors) != len(kind.nearest):
        count = len(kind.nearest)
        raise ZooError(
            f"system.anisotropy={list(anisotropy)}: expected a factor of t for each direction of bonds, "
            f"{count} on a {lattice.kind}, or [] for equal ones"
        )
    found: dict[tuple[int, int], float | complex] = {}
    for direction, factor in zip(kind.nearest, factors, strict=True):
        found |= {pair: sign * t * factor for pair, sign in lattice.pairs((direction,)).items() if t * factor}
    if t_prime:
        where = f"system.t_prime={t_prime:g}: {lattice.kind} {list(lattice.extent)} with boundary {lattice.boundary!r}"
        distant = lattice.pairs(kind.next_nearest)
        if not distant:
            raise ZooError(f"{where} has no {kind.next_nearest_name}; expected t_prime=0 or a larger lattice")
        if not lattice.pairs(kind.nearest).keys().isdisjoint(distant):
            raise ZooError(f"{where}: its {kind.next_nearest_name} are nearest neighbours too; expected t_prime=0")
        found |= {pair: sign * t_prime for pair, sign in distant.items()}
    return tuple((i, j, hopping) for (i, j), hopping in sorted(found.items()))
