"""Inputs of networks that learn the cusps: vectors and their lengths, which have a kink where particles meet."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError
from zoo.layers.pairs import directions, electron_nucleus_differences, norm, ordered_pairs, separations


class CentreDistances(keras.layers.Layer):
    r"""Where one electron is, seen from every centre: d = r - R and its length.

    * Nuclei: d and |d| in bohr. The kink of |d| lets a network learn the nuclear cusp.
    * Other centres, such as the middle of a trap, where Psi is smooth: d and sqrt(1 + d^2), in units of the system's
      length scale.
    * A periodic cell of side L without centres: sin(2 pi r / L) and cos(2 pi r / L) of each coordinate.

    With ``rescaled`` both are multiplied by log(1 + l) / l, with l the length, so that they grow slowly far away (von
    Glehn, Spencer and Pfau, ICLR 2023).

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        rescaled: Whether the inputs grow logarithmically.

    Call: positions ``(batch, m, dim)`` to ``(batch, m, n_features)``.

    Raises:
        ZooError: The system has neither centres nor a cell.
    """

    def __init__(self, system, rescaled: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.centres, self.cell, self.rescaled = system.centres, system.cell, rescaled
        self.at_nuclei, self.unit = bool(len(system.charges)), length_unit(system)
        if not len(self.centres) and self.cell is None:
            raise ZooError(f"system={system.family}: expected centres or a periodic cell, to tell places apart by")

    def call(self, positions):
        if not len(self.centres):
            return periodic_vector(positions, self.cell)
        differences = electron_nucleus_differences(positions, self.centres) / self.unit
        lengths = norm(differences) if self.at_nuclei else ops.sqrt(1.0 + ops.sum(ops.square(differences), axis=-1))
        if self.rescaled:
            nonzero = ops.not_equal(lengths, 0.0)
            safe = ops.where(nonzero, lengths, ops.ones_like(lengths))
            factors = ops.where(nonzero, ops.log1p(safe) / safe, ops.ones_like(lengths))
            differences, lengths = differences * ops.expand_dims(factors, -1), ops.log1p(lengths)
        vectors = ops.reshape(differences, (-1, positions.shape[1], len(self.centres) * positions.shape[2]))
        return ops.concatenate([vectors, lengths], axis=-1)


class ElectronDistances(keras.layers.Layer):
    """How electron j is seen from electron i, for all N^2 ordered pairs: the pair (i, j) is number i N + j.

    d = r_i - r_j and |d|, in the units of `CentreDistances`; in a periodic cell of side L the sine and cosine of
    2 pi d / L, and the periodic length in units of the length scale. The kink of the length lets a network learn the
    cusps. The features of (i, i) are constants.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch, n_electrons^2, n_features)``.
    """

    def __init__(self, system, **kwargs):
        super().__init__(**kwargs)
        self.cell, self.unit = system.cell, length_unit(system)
        self.group = ordered_pairs(system.n_electrons)

    def call(self, positions):
        differences = self.group.differences(positions)
        vectors = differences / self.unit if self.cell is None else periodic_vector(differences, self.cell)
        lengths = norm(separations(differences, self.cell)) / self.unit
        return ops.concatenate([vectors, ops.expand_dims(lengths, -1)], axis=-1)


def length_unit(system) -> float:
    """Length in bohr that inputs are measured in: 1 with nuclei, whose size does not scale, else the length scale."""
    return 1.0 if len(system.charges) else system.length_scale


def periodic_vector(differences, cell: float):
    """sin and cos of 2 pi d / L for every component: ``(..., dim)`` to ``(..., 2 dim)``."""
    unit = 2.0 * np.pi / cell
    shifted = directions(differences + 0.25 * cell, cell)
    return ops.concatenate([directions(differences, cell) * unit, shifted * unit], axis=-1)
