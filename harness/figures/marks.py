"""Marks that the figures of configurations share: nuclei, the middle of a trap, the cell, the axes."""

from __future__ import annotations

import numpy as np

from harness.figures.plane import Plane
from harness.figures.style import INK, QUIET
from zoo.systems.base import ContinuumSystem
from zoo.systems.elements import SYMBOLS


def spins(system: ContinuumSystem) -> dict[str, np.ndarray]:
    """Indices of the electrons of each spin that has any."""
    indices = np.split(np.arange(system.n_electrons), [system.n_up])
    return {name: own for name, own in zip(("up", "down"), indices, strict=True) if len(own)}


def number_of_electrons(system: ContinuumSystem) -> str:
    """``"6 electrons (3 up, 3 down)"``."""
    plural = "s" if system.n_electrons > 1 else ""
    return f"{system.n_electrons} electron{plural} ({system.n_up} up, {system.n_down} down)"


def set_axes(axes, plane: Plane, limits) -> None:
    """Equal scales, limits and names of the axes."""
    axes.set_aspect("equal")
    axes.set_xlim(*limits[0])
    axes.set_ylim(*limits[1])
    for name, set_label in zip(plane.labels, (axes.set_xlabel, axes.set_ylabel), strict=True):
        set_label(f"{name} (bohr)")


def draw_surroundings(axes, system: ContinuumSystem, plane: Plane) -> None:
    """Nuclei with their symbols, or the middle of the trap, or the outline of the cell."""
    if system.cell is not None:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) * system.cell
        axes.plot(*corners.T, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), clip_on=False, zorder=1)
        return
    for point in plane.project(system.centres):
        axes.plot(*point, marker="+", markersize=9, markeredgewidth=1.4, color=INK, zorder=3)
    for point, charge in zip(plane.project(system.nuclei), system.charges, strict=True):
        symbol = SYMBOLS[round(charge) - 1] if charge in range(1, len(SYMBOLS) + 1) else f"Z={charge:g}"
        write(axes, symbol, point, (4, -3), va="top")


def write(axes, text: str, point: np.ndarray, offset: tuple[float, float], **keywords) -> None:
    """Write a name beside a mark, readable on any ground."""
    from matplotlib.patheffects import withStroke

    axes.annotate(
        text,
        point,
        xytext=offset,
        textcoords="offset points",
        color=INK,
        fontsize=8,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=6,
        **keywords,
    )
