"""The plane of a figure: two axes in the space of the electrons, and what is seen of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from zoo.systems.base import ContinuumSystem

LETTERS = "xyz"
NEAR = 1e-6
"""Distance from a plane, in lengths of the system, that counts as none."""


@dataclasses.dataclass(frozen=True)
class Plane:
    """A plane in two or three dimensions.

    Attributes:
        origin: A point of it, ``(dim,)``, in bohr.
        axes: Two orthonormal vectors in it, ``(2, dim)``.
        words: What it is, such as ``"plane through the nuclei"``; empty in two dimensions.
    """

    origin: np.ndarray
    axes: np.ndarray
    words: str

    def project(self, points: np.ndarray) -> np.ndarray:
        """Coordinates in the plane, ``(..., 2)``, of the nearest points to ``points`` ``(..., dim)``."""
        return (points - self.origin) @ self.axes.T

    def lift(self, coordinates: np.ndarray) -> np.ndarray:
        """Points in space, ``(..., dim)``, of coordinates in the plane ``(..., 2)``."""
        return self.origin + coordinates @ self.axes

    def off(self, points: np.ndarray, cell: float | None = None) -> np.ndarray:
        """Distance in bohr of points ``(..., dim)`` from the plane, or of their nearest image where there is a cell.

        In a cell the plane must be spanned by two of its edges.
        """
        across = points - self.lift(self.project(points))
        if cell is not None:
            across = across - cell * np.round(across / cell)
        return np.linalg.norm(across, axis=-1)

    @property
    def labels(self) -> tuple[str, str]:
        """Names of the axes: a letter of space where one lies along it."""
        names = []
        for axis, fallback in zip(self.axes, "uv", strict=True):
            along = int(np.argmax(np.abs(axis)))
            names.append(LETTERS[along] if np.isclose(axis[along], 1.0, atol=1e-6) else fallback)
        return names[0], names[1]


def coordinate_plane(system: ContinuumSystem, name: str, through: np.ndarray | None = None) -> Plane:
    """The plane ``xy``, ``xz`` or ``yz``.

    It goes through the middle of the nuclei or of the trap; without either through the point ``through``, so that its
    coordinates are those of space there too.
    """
    axes = np.eye(system.dim)[[LETTERS.index(letter) for letter in name]]
    if system.dim == 2:
        return Plane(np.zeros(2), axes, "")
    normal = np.ones(3) - axes.sum(axis=0)
    origin, words = np.zeros(3), f"projected on {name}"
    if len(system.centres):
        origin = normal * system.centres.mean(axis=0)
    elif through is not None:
        origin = normal * through
    if through is not None:
        letter = LETTERS[int(np.argmax(normal))]
        words = f"{name} plane at {letter} = {origin.sum():.2f}"
    return Plane(origin, axes, words)


def projection(system: ContinuumSystem, positions: np.ndarray, name: str | None = None) -> Plane:
    """A plane to project electrons on: through the nuclei, and as far as they leave it open where electrons spread.

    Args:
        system: The system.
        positions: The electrons, ``(n_electrons, dim)``.
        name: ``xy``, ``xz`` or ``yz`` for such a plane; None chooses.
    """
    if system.dim == 2 or system.cell is not None or name is not None:
        return coordinate_plane(system, name or "xy")
    origin = _origin(system, positions)
    _, _, principal = np.linalg.svd(positions - positions.mean(axis=0))
    axes = _spanned([*(system.nuclei - origin), *principal])
    plane = Plane(origin, axes, "")
    through = _nuclei_in(system, plane) if len(system.nuclei) > 1 else ""
    words = f"projected on a plane through {through}" if through else "projected on the plane of their widest spread"
    return dataclasses.replace(plane, words=words)


def cut(system: ContinuumSystem, positions: np.ndarray, electron: int, name: str | None = None) -> Plane:
    """A plane for an electron to move in: through nuclei, itself and electrons of its spin, as far as they fit.

    Psi vanishes where an electron meets another of its spin, so that nodes run through these. In a periodic cell it is
    spanned by two edges.

    Args:
        system: The system.
        positions: The electrons, ``(n_electrons, dim)``.
        electron: The one that moves.
        name: ``xy``, ``xz`` or ``yz`` for such a plane; None chooses.
    """
    mover = positions[electron]
    if system.dim == 2 or system.cell is not None or name is not None:
        return coordinate_plane(system, name or "xy", mover)
    origin = _origin(system, positions)
    same = [i for i in range(system.n_electrons) if (i < system.n_up) == (electron < system.n_up) and i != electron]
    same.sort(key=lambda i: float(np.linalg.norm(positions[i] - mover)))
    axes = _spanned([*(system.nuclei - origin), mover - origin, *(positions[same] - origin)])
    plane = Plane(origin, axes, "")
    electrons = [str(i) for i in (electron, *same) if plane.off(positions[i]) < NEAR * system.length_scale]
    words = f"plane through {_nuclei_in(system, plane) or 'the middle of the trap'}"
    if electrons:
        words += f" and electron{'s' if len(electrons) > 1 else ''} {' and '.join(electrons)}"
    return dataclasses.replace(plane, words=words)


def window(
    system: ContinuumSystem, plane: Plane, points: np.ndarray, margin: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes: the cell, or a square around all nuclei and the points, with a margin in bohr.

    Args:
        system: The system.
        plane: The plane.
        points: What must be seen, ``(count, dim)``.
        margin: Space beyond it.
    """
    if system.cell is not None:
        return (0.0, system.cell), (0.0, system.cell)
    seen = plane.project(np.concatenate([points, system.centres]))
    low, high = seen.min(axis=0), seen.max(axis=0)
    middle, half = (low + high) / 2, float((high - low).max()) / 2 + margin
    return (middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half)


def into_cell(system: ContinuumSystem, positions: np.ndarray) -> np.ndarray:
    """The images of positions in the cell that is drawn; the positions themselves without one."""
    return positions if system.cell is None else np.mod(positions, system.cell)


def _nuclei_in(system: ContinuumSystem, plane: Plane) -> str:
    """The nuclei in a plane, in words; empty without nuclei."""
    total = len(system.nuclei)
    count = int((plane.off(system.nuclei) < NEAR * system.length_scale).sum())
    if total < 2:
        return "the nucleus" if total else ""
    return "the nuclei" if count == total else f"{count} of {total} nuclei"


def _origin(system: ContinuumSystem, positions: np.ndarray) -> np.ndarray:
    return system.centres[0] if len(system.centres) else positions.mean(axis=0)


def _spanned(directions: Iterable[np.ndarray]) -> np.ndarray:
    """The first two independent directions, made orthonormal; the largest component of each is positive."""
    axes: list[np.ndarray] = []
    for direction in [*directions, *np.eye(3)]:
        rest = direction
        for axis in axes:
            rest = rest - (direction @ axis) * axis
        length = float(np.linalg.norm(rest))
        if length > 1e-9 + 1e-3 * np.linalg.norm(direction):
            axis = rest / length
            axes.append(axis * np.sign(axis[np.argmax(np.abs(axis))]))
        if len(axes) == 2:
            break
    return np.array(axes)
