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
