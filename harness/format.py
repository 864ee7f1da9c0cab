"""Numbers as people read them."""

from __future__ import annotations

SMALLEST_SHOWN_ERROR = 5e-9
"""Below this an error is not shown, and the value is given to 8 decimals."""


def shorthand(value: float, error: float | None = None, *, signed: bool = False) -> str:
    """A value with its standard error in units of the last digit: ``-19.5612(8)``.

    The error keeps one digit, or two where one would be coarse (from 9.5 to 19); an error above 1 that keeps a decimal
    is written in full, as in ``123.4(1.2)``. Without an error, 8 decimals at most and no trailing zeros.

    Args:
        value: Any finite number.
        error: Standard error, >= 0, or None.
        signed: Write a plus sign before values that are not negative.
    """
    sign = "+" if signed else ""
    if error is None or error < SMALLEST_SHOWN_ERROR:
        text = f"{value:{sign}.8f}"
        return text.rstrip("0").rstrip(".") if error is None else text
    mantissa, exponent = f"{error:.1e}".split("e")
    digits = 2 if mantissa[0] == "1" or float(mantissa) >= 9.5 else 1
    decimals = max(0, digits - 1 - int(exponent))
    shown = f"{error:.{decimals}f}" if decimals > 0 and error >= 1 else f"{error * 10**decimals:.0f}"
    return f"{value:{sign}.{decimals}f}({shown})"
