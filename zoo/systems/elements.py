"""Chemical symbols, hydrogen to krypton."""

from __future__ import annotations

from zoo.errors import ZooError, suggestion

# fmt: off
SYMBOLS = (
    "H", "He",
    "Li", "Be", "B", "C", "N", "O", "F", "Ne",
    "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar",
    "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
)
# fmt: on
"""Symbols in the order of nuclear charge: the charge is the index plus one."""


def nuclear_charge(symbol: str) -> int:
    """Charge of the nucleus with a canonical ``symbol``."""
    return SYMBOLS.index(symbol) + 1


def canonical_symbol(text: str) -> str:
    """The symbol with its usual capitals, so ``"li"`` becomes ``"Li"``.

    Raises:
        ZooError: Not an element from hydrogen to krypton.
    """
    symbol = text.capitalize()
    if symbol not in SYMBOLS:
        near = suggestion(symbol, SYMBOLS)
        raise ZooError(f"unknown element {text!r}{near if 'mean' in near else ': expected a symbol from H to Kr'}")
    return symbol


def unpaired_electrons(charge: int, n_electrons: int) -> int | None:
    """Unpaired electrons of the ground state of an atom or ion, by Hund's rule; None where shells compete.

    Subshells fill by n + l, then n (Madelung), and within an open one as many spins as possible are parallel. Neutral
    chromium alone breaks this up to krypton: it has six parallel spins. In ions from scandium on 3d competes with 4s.

    Args:
        charge: Charge of the nucleus, at most that of krypton.
        n_electrons: Electrons, at least one.
    """
    if charge > 20 and n_electrons != charge and 18 < n_electrons < 30:
        return None
    if charge == n_electrons == 24:
        return 6
    left = n_electrons
    for _, _, momentum in sorted((n + l, n, l) for n in range(1, 9) for l in range(n)):
        states = 2 * momentum + 1
        if left <= 2 * states:
            return min(left, 2 * states - left)
        left -= 2 * states
    raise AssertionError(f"{n_electrons} electrons fill every subshell up to n = 8")
