"""Scales, ticks and axes of inline SVG: small, and in the colours of the page, so that they follow dark mode.

A figure of matplotlib has its colours fixed and takes 30 to 100 kB, against 2 to 5 kB here.
"""

from __future__ import annotations

import dataclasses
import html
import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"


@dataclasses.dataclass(frozen=True)
class Scale:
    """From numbers to places along an axis.

    Attributes:
        low, high: Numbers at its ends.
        start, end: Places of the ends, in the units of the view box.
        logarithmic: Whether equal ratios take equal room; both ends are positive then.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @classmethod
    def around(cls, values, start: float, end: float, logarithmic: bool = False, margin: float = 0.06) -> Scale:
        """A scale with all values inside, with some room at its ends."""
        numbers = [math.log10(v) if logarithmic else v for v in values]
        low, high = min(numbers), max(numbers)
        least = 0.3 if logarithmic else 1e-6 * max(1.0, abs(high))
        room = max(margin * (high - low), (least - (high - low)) / 2)
        low, high = low - room, high + room
        return cls(10**low, 10**high, start, end, True) if logarithmic else cls(low, high, start, end)

    def place(self, value: float) -> float:
        low, high = (math.log10(self.low), math.log10(self.high)) if self.logarithmic else (self.low, self.high)
        number = math.log10(value) if self.logarithmic else value
        return self.start + (self.end - self.start) * (number - low) / (high - low)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> list[tuple[float, str]]:
        """Round numbers inside the scale, with their labels."""
        return self._decades() if self.logarithmic else self._steps(most)

    def _steps(self, most: int) -> list[tuple[float, str]]:
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return [(value, f"{value + 0.0:,.{decimals}f}".replace("-", MINUS)) for value in values]

    def _decades(self) -> list[tuple[float, str]]:
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        if last - first >= 1:
            stride = max(1, math.ceil((last - first) / 6))
            return [(10.0**n, f"10{str(n).translate(_SUPERSCRIPTS)}") for n in range(first, last + 1, stride)]
        values = [m * 10.0**n for n in range(first - 1, last + 1) for m in (1, 2, 5)]
        return [(v, number(v)) for v in values if self.low <= v <= self.high]


def number(value: float) -> str:
    """A tick of a short logarithmic axis: 500, 0.02, 2 × 10⁻⁵."""
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.6g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


class Drawing:
    """Elements of one SVG, in the order in which they are drawn."""

    def __init__(self, width: float, height: float):
        self.width, self.height = width, height
        self._elements: list[str] = []

    def add(self, element: str) -> None:
        self._elements.append(element)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "") -> None:
        classes = f' class="{kind}"' if kind else ""
        anchored = f' text-anchor="{anchor}"' if anchor else ""
        self.add(f'<text x="{short(x)}" y="{short(y)}"{classes}{anchored}>{html.escape(text, quote=False)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.add(f'<path class="{kind}" d="M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}"/>')

    def path(self, points, kind: str, dots: bool = False) -> None:
        """A line through points, or a dot at each of them, which takes ten bytes a dot."""
        places = [f"{short(x)} {short(y)}" for x, y in points]
        if places:
            self.add(f'<path class="{kind}" d="M{"h0M".join(places) + "h0" if dots else "L".join(places)}"/>')

    def dot(self, x: float, y: float, kind: str, hint: str = "", radius: float = 4) -> None:
        title = f"<title>{html.escape(hint, quote=False)}</title>" if hint else ""
        self.add(f'<circle class="{kind}" cx="{short(x)}" cy="{short(y)}" r="{short(radius)}">{title}</circle>')

    def diamond(self, x: float, y: float, kind: str, hint: str = "", size: float = 5) -> None:
        title = f"<title>{html.escape(hint, quote=False)}</title>" if hint else ""
        s = short(size)
        corners = f"M{short(x)} {short(y - size)}l{s} {s}l-{s} {s}l-{s}-{s}z"
        self.add(f'<path class="{kind}" d="{corners}">{title}</path>')

    def triangle(self, x: float, y: float, kind: str, hint: str = "") -> None:
        """One that points down: a bound from above."""
        title = f"<title>{html.escape(hint, quote=False)}</title>" if hint else ""
        self.add(f'<path class="{kind}" d="M{short(x)} {short(y + 5)}l-5-9h10z">{title}</path>')

    def band(self, x: Scale, low: float, high: float, top: float, bottom: float) -> None:
        """What lies between two numbers, where that is wide enough to be seen."""
        left, right = (min(x.end, max(x.start, x.place(value))) for value in (low, high))
        if right - left >= 1:
            size = f'width="{short(right - left)}" height="{short(bottom - top)}"'
            self.add(f'<rect class="band" x="{short(left)}" y="{short(top)}" {size}/>')

    def columns(self, x: Scale, top: float, label: str) -> float:
        """The horizontal axis alone, of a drawing whose rows name themselves; returns its height."""
        bottom = self.height - 44
        for value, text in x.ticks(4):
            place = x.place(value)
            self.line(place, top, place, bottom, "grid")
            self.text(place, bottom + 16, text, "tick", "middle")
        self.text((x.start + x.end) / 2, bottom + 36, label, "axis", "middle")
        return bottom

    def axes(self, x: Scale, y: Scale, x_label: str, y_label: str) -> None:
        """Grid, ticks and labels; the plot is what the two scales span."""
        for value, label in x.ticks(5):
            place = x.place(value)
            self.line(place, y.end, place, y.start, "grid")
            self.text(place, y.start + 16, label, "tick", "middle")
        self.text((x.start + x.end) / 2, y.start + 36, x_label, "axis", "middle")
        for value, label in y.ticks():
            place = y.place(value)
            self.line(x.start, place, x.end, place, "grid")
            self.text(x.start - 6, place + 4, label, "tick", "end")
        self.text(8, y.end - 14, y_label, "axis")

    def svg(self, alt: str) -> str:
        label = html.escape(alt)
        box = f"0 0 {short(self.width)} {short(self.height)}"
        return f'<svg viewBox="{box}" role="img" aria-label="{label}">{"".join(self._elements)}</svg>'


class Labels:
    """Places names beside points where they cover neither another name nor a point; what finds no room is left out."""

    def __init__(self, drawing: Drawing, left: float, right: float, top: float, bottom: float, points):
        self._drawing = drawing
        self._room = left, right, top, bottom
        self._taken = [(x - 5, x + 5, y - 5, y + 5) for x, y in points]

    def add(self, x: float, y: float, text: str, kind: str = "name") -> bool:
        width, height = 6.6 * len(text), 12
        places = [(8, 4, "start"), (-8, 4, "end"), (0, -9, "middle"), (0, 18, "middle")]
        places += [(dx, dy, anchor) for dy in (-10, 18, -24, 32) for dx, anchor in ((8, "start"), (-8, "end"))]
        for dx, dy, anchor in places:
            left = x + dx - {"start": 0, "end": width, "middle": width / 2}[anchor]
            box = (left, left + width, y + dy - height + 2, y + dy + 2)
            if self._free(box):
                self._taken.append(box)
                self._drawing.text(x + dx, y + dy, text, kind, anchor if anchor != "start" else "")
                return True
        return False

    def _free(self, box) -> bool:
        left, right, top, bottom = self._room
        if box[0] < left or box[1] > right or box[2] < top or box[3] > bottom:
            return False
        return all(box[1] <= t[0] or box[0] >= t[1] or box[3] <= t[2] or box[2] >= t[3] for t in self._taken)


def short(value: float) -> str:
    """A coordinate to a tenth, without the zeros that nobody sees."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text
