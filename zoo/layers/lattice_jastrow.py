"""Jastrow factor of a lattice: Gutzwiller, density-density and spin-spin."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.occupations import charge_and_spin
from zoo.systems.base import LatticeSystem


class LatticeJastrow(keras.layers.Layer):
    r"""J = g sum_i n_i,up n_i,down + 1/2 sum_ij v_d(ij) (n_i - 1)(n_j - 1) + 1/2 sum_ij w_d(ij) m_i m_j.

    v and w are tied over the classes d of displacements that the symmetry of the lattice maps into each other. Equal
    sites carry only g: with the number of electrons fixed, v and w there would be g once more. All start at zero.

    Args:
        displacement_classes: Integers ``(n_sites, n_sites)``; class 0 is the pair (i, i).
        gutzwiller: Whether the first term is there; with a spin that is absent or fills the lattice it is a constant.

    Call: occupations ``(batch, 2, n_sites)`` to log of the factor, ``(batch,)``.
    """

    def __init__(self, displacement_classes: np.ndarray, gutzwiller: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.has_gutzwiller = gutzwiller
        classes = np.asarray(displacement_classes)
        self.n_classes = int(classes.max())
        # members[i, j, d - 1] = 1/2 for the pairs of class d >= 1
        self.members = 0.5 * (classes[..., None] == np.arange(1, self.n_classes + 1))

    @classmethod
    def of(cls, system: LatticeSystem) -> LatticeJastrow:
        """The factor of a system; the first term is left out where it is a constant."""
        both_move = all(0 < count < system.n_sites for count in (system.n_up, system.n_down))
        return cls(system.displacement_classes(), gutzwiller=both_move, name="jastrow")

    def build(self, input_shape):
        if self.has_gutzwiller:
            self.gutzwiller = self.add_weight(shape=(), initializer="zeros", name="gutzwiller")
        if self.n_classes:
            self.density = self.add_weight(shape=(self.n_classes,), initializer="zeros", name="density")
            self.spin = self.add_weight(shape=(self.n_classes,), initializer="zeros", name="spin")

    def call(self, occupations):
        charge, spin = charge_and_spin(occupations)
        filled = ops.cast(occupations, charge.dtype)
        double = ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        factor = double * self.gutzwiller if self.has_gutzwiller else ops.zeros_like(double)
        if self.n_classes:
            members = ops.convert_to_tensor(self.members, dtype=charge.dtype)
            for values, weights in ((charge, self.density), (spin, self.spin)):
                matrix = ops.matmul(members, weights)
                factor = factor + ops.sum(ops.matmul(values, matrix) * values, axis=-1)
        return factor
