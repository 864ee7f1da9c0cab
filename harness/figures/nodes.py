"""Psi of several models as one electron moves through a plane and all others stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.figures.nodes_drawing import draw
from harness.figures.plane import Plane, cut, into_cell, window
from harness.figures.request import Request
from harness.figures.trained import Trained, evaluate, load_all
from zoo.errors import ZooError

POINTS = 128
"""Points along each axis of the plane."""


def plot_nodes(request: Request) -> Path:
    """Draw sign and size of Psi in a plane, one panel for each run, all at the same configuration.

    Returns:
        The file.

    Raises:
        ZooError: A run has no checkpoint, or its Psi is zero at the configuration.
    """
    runs = load_all(request)
    system = request.system
    configuration = into_cell(system, runs[0].walkers[request.walker])
    plane = cut(system, configuration, request.electron, request.plane)
    limits = window(system, plane, configuration, 0.8 * system.length_scale)
    ticks = [np.linspace(*limit, POINTS) for limit in limits]
    coordinates = np.stack(np.meshgrid(*ticks), axis=-1)  # (points, points, 2), rows along the second axis
    values = [section(run, configuration, request.electron, plane, coordinates) for run in runs]
    draw(request, configuration, plane, ticks, values, [run.saved.step for run in runs])
    return request.path


def section(
    run: Trained, configuration: np.ndarray, electron: int, plane: Plane, coordinates: np.ndarray
) -> np.ndarray:
    """Psi with an electron at points of a plane.

    Args:
        run: The run.
        configuration: All electrons, ``(n_electrons, dim)``; what it says of the one that moves gives the sign.
        electron: The one that moves.
        plane: The plane.
        coordinates: Where in the plane, ``(..., 2)``.

    Returns:
        Psi ``(...)``, divided by the largest of its absolute values and positive at the configuration itself.
    """
    points = plane.lift(coordinates).reshape(-1, configuration.shape[1])
    moved = np.tile(configuration, (len(points) + 1, 1, 1))
    moved[1:, electron] = points
    sign, log_abs = evaluate(run.model, moved)
    if not (np.isfinite(log_abs[0]) and np.isfinite(log_abs[1:].max())):
        raise ZooError(f"{run.folder}: Psi of {run.label} is zero at this configuration: expected another --walker")
    values = sign[0] * sign[1:] * np.exp(log_abs[1:] - log_abs[1:].max())
    return values.reshape(coordinates.shape[:-1])
