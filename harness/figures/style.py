"""What all figures share: looks, colours, and how a file is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ZooError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = {
    "svg.hashsalt": "zoo",  # the same numbers give the same bytes
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#777777",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}
INK, QUIET, FAINT = "#222222", "#666666", "#e5e5e5"
SPIN_COLOURS = {"up": "#1f5a94", "down": "#c2410c"}
SPIN_MARKERS = {"up": "^", "down": "v"}
PAIR_COLOURS = {"same_spin": "#6b3fa0", "opposite_spin": "#1d7a53"}
FORMATS = ("svg", "png")
"""Formats by the suffix of the file."""


def file_format(path: Path) -> str:
    """Format of a figure from the suffix of its file; `ZooError` if it is not one of `FORMATS`."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ZooError(f"{path}: expected a file that ends in {' or '.join('.' + name for name in FORMATS)}")
    return suffix


def save(figure: Figure, path: Path, text: str) -> None:
    """Write a figure; the bytes depend on what is drawn alone.

    Args:
        figure: The figure.
        path: The file; its suffix chooses the format.
        text: What is to be seen, for those who cannot see it: the title element of an SVG, which browsers and screen
            readers show, and the title of a PNG.
    """
    kind = file_format(path)
    nameless = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    for _ in range(3):  # each time the layout knows the shape of axes of equal scale better
        figure.draw_without_rendering()
    # Beside axes of equal scale the layout may leave too little room for what is written on their outer side.
    figure.savefig(path, format=kind, dpi=160, bbox_inches="tight", metadata={"Title": text, **nameless})


def plain(text: str) -> str:
    """Text with no dollar sign that matplotlib would take for the beginning of a formula."""
    return text.replace("$", r"\$")
