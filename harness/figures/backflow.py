"""What the backflow of a run does to one configuration, and what it makes of the distance of two electrons."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
from keras import ops

from harness.figures.backflow_drawing import draw
from harness.figures.request import Request
from harness.figures.trained import Trained, evaluate, load_all
from zoo.errors import ZooError
from zoo.layers.pairs import norm, separations

CONFIGURATIONS = 64
"""Configurations of which attention is shown: the chosen walker and those after it."""
POINTS_OF_A_CURVE = 200


@dataclasses.dataclass(frozen=True)
class Backflow:
    """Numbers of the figure, of one run.

    Attributes:
        label: Name of the run.
        step: Optimisation steps that it has seen.
        displacements: r~_i - r_i of the chosen configuration, ``(n_electrons, dim)``, in bohr; in a periodic cell less
            their mean, which closed shells do not notice.
        shift: Length of that mean, in bohr; 0 without a cell.
        distances: Where `eta` is given, ``(points,)``, in bohr.
        eta: Pairwise displacement over r_i - r_j at these distances, by the kind of pair.
    """

    label: str
    step: int
    displacements: np.ndarray
    shift: float
    distances: np.ndarray
    eta: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Attention:
    """alpha_ij of ordered pairs i != j of electrons in several configurations, by the kind of pair.

    Attributes:
        label: Name of the run.
        n_electrons: Electrons of a configuration.
        distances: ``(pairs,)`` for each kind, in bohr.
        weights: ``(pairs, layers, heads)`` for each kind.
    """

    label: str
    n_electrons: int
    distances: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads."""
        _, layers, heads = next(iter(self.weights.values())).shape
        return layers, heads


def plot_backflow(request: Request) -> Path:
    """Draw the displacements r -> r~ of a configuration, eta(r) and, of a transformer, the attention.

    Args:
        request: Of one run or two; the second is drawn beside the first, at the same configuration.

    Returns:
        The file.

    Raises:
        ZooError: A run has no checkpoint, or its model no backflow.
    """
    runs = load_all(request)
    for run in runs:
        if not hasattr(run.model, "effective_positions") or not hasattr(run.model, "backflow"):
            raise ZooError(
                f"{run.folder}: {run.label} has no backflow to draw: expected a run of a model that displaces "
                "electrons, such as slater_jastrow_backflow or transformer_backflow"
            )
    first = runs[0]
    configuration = first.walkers[request.walker]
    sample = np.take(first.walkers, request.walker + np.arange(CONFIGURATIONS), axis=0, mode="wrap")
    sample = sample[: len(first.walkers)]
    distances = pair_distances(sample, request.system.cell)
    longest = float(distances.max()) if distances.size else 0.0
    draw(
        request,
        configuration,
        [backflow_of(run, configuration, longest) for run in runs],
        next((attention_of(run, sample) for run in runs if hasattr(run.model, "attention")), None),
    )
    return request.path


def pair_distances(configurations: np.ndarray, cell: float | None) -> np.ndarray:
    """Distances, or their periodic lengths, of all ordered pairs: ``(count, n, dim)`` to ``(count, n, n)``."""
    differences = configurations[:, :, None] - configurations[:, None]
    return np.asarray(ops.convert_to_numpy(norm(separations(_tensor(differences), cell))))


def backflow_of(run: Trained, configuration: np.ndarray, longest: float) -> Backflow:
    """Displacements of a configuration ``(n_electrons, dim)``, and eta up to the distance ``longest``."""
    (effective,) = evaluate(run.model.effective_positions, configuration[None])
    distances = np.linspace(0.0, longest, POINTS_OF_A_CURVE)
    eta = {
        group.name: np.asarray(ops.convert_to_numpy(run.model.backflow.pair_function(index, _tensor(distances))))
        for index, group in enumerate(run.model.backflow.groups)
    }
    displacements = effective[0] - configuration
    common = displacements.mean(axis=0) * (run.model.system.cell is not None)
    return Backflow(run.label, run.saved.step, displacements - common, float(np.linalg.norm(common)), distances, eta)


def attention_of(run: Trained, configurations: np.ndarray) -> Attention | None:
    """Attention between the electrons of configurations ``(count, n, dim)``; None of a single electron."""
    system = run.model.system
    n = system.n_electrons
    if n == 1:
        return None
    (weights,) = evaluate(run.model.attention, configurations)  # (count, layers, heads, n, n)
    weights = np.moveaxis(weights, (3, 4), (1, 2))
    distances = pair_distances(configurations, system.cell)
    up = np.arange(n) < system.n_up
    same, other = up[:, None] == up, ~np.eye(n, dtype=bool)
    kinds = {"opposite_spin": ~same, "same_spin": same & other}
    kinds = {kind: mask for kind, mask in kinds.items() if mask.any()}
    return Attention(
        run.label,
        n,
        {kind: distances[:, mask].ravel() for kind, mask in kinds.items()},
        {kind: weights[:, mask].reshape(-1, *weights.shape[3:]) for kind, mask in kinds.items()},
    )


def _tensor(values: np.ndarray):
    return ops.convert_to_tensor(values, dtype=keras.config.floatx())
