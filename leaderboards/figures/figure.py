"""A figure of a page: what it shows, in ink and in words."""

from __future__ import annotations

import dataclasses

from leaderboards import commands
from leaderboards.board import Board, Row
from leaderboards.figures.axes import MINUS

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 56.0, 370.0, 28.0, 252.0
"""The view box, and the plot within it."""
NAMES = 152.0
"""Where a plot begins whose rows have names at the left."""
MOST_HINTS = 60
"""Points that are drawn one by one, with an error bar and a hint; more of them are dots of one path."""
MOST_NAMED = 16
"""Points that get names: more would cover each other."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        title: Above it.
        svg: The drawing, which carries its alternative text.
        caption: Below it: how to read it.
    """

    title: str
    svg: str
    caption: str


def name(row: Row) -> str:
    """Of the model, with the settings that tell it from the model's other rows."""
    backend = row.record.compute.backend
    own = f"{row.record.model.name} {commands.settings(row.record)}".strip()
    return own if backend == "tensorflow" else f"{own} ({backend})"


def clipped(text: str, most: int = 24) -> str:
    """Text that ends in an ellipsis where there is no room for the rest."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def label(row: Row, most: int = 24) -> str:
    """The name of a row; where there is no room for all of it the end stays, as that tells rows of a model apart."""
    text = name(row)
    return text if len(text) <= most else f"{text[: most // 3]}…{text[-(most - most // 3 - 1) :]}"


def energy_axis(board: Board) -> str:
    """Label of an axis of energies."""
    return f"E {MINUS} reference / {board.unit}" if board.reference is not None else f"E / {board.unit}"


def origin(board: Board) -> float:
    """What is subtracted from energies before they are drawn."""
    return board.reference.energy if board.reference is not None else 0.0
