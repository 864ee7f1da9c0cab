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

    Terms that are the same in all configurations of the given numbers of electrons have no weight (`varying_terms`).

    Args:
        displacement_classes: Integers ``(n_sites, n_sites)``; class 0 is the pair (i, i).
        electrons: Up and down, if their numbers are fixed.

    Call: occupations ``(batch, 2, n_sites)`` to log of the factor, ``(batch,)``.
    """

    def __init__(self, displacement_classes: np.ndarray, electrons: tuple[int, int] | None = None, **kwargs):
        super().__init__(**kwargs)
        classes = np.asarray(displacement_classes)
        numbers = np.arange(1, int(classes.max()) + 1)
        pairs = classes[..., None] == numbers  # (n_sites, n_sites, classes)
        self.has_gutzwiller = True
        density = spin = np.ones(len(numbers), dtype=bool)
        if electrons is not None:
            self.has_gutzwiller = all(0 < count < len(classes) for count in electrons)
            density, spin = varying_terms(pairs, electrons)
        # [i, j, d] = 1/2 for the pairs of the class of weight d
        self.density_members, self.spin_members = 0.5 * pairs[..., density], 0.5 * pairs[..., spin]

    @classmethod
    def of(cls, system: LatticeSystem) -> LatticeJastrow:
        """The factor of a system."""
        return cls(system.displacement_classes(), (system.n_up, system.n_down), name="jastrow")

    def build(self, input_shape):
        self.density = self.spin = None
        if self.has_gutzwiller:
            self.gutzwiller = self.add_weight(shape=(), initializer="zeros", name="gutzwiller")
        if self.density_members.size:
            self.density = self.add_weight(shape=self.density_members.shape[2:], initializer="zeros", name="density")
        if self.spin_members.size:
            self.spin = self.add_weight(shape=self.spin_members.shape[2:], initializer="zeros", name="spin")

    def couplings(self) -> dict:
        """``gutzwiller``, a number, and ``density`` and ``spin``, symmetric matrices v and w ``(n_sites, n_sites)``."""
        none = ops.zeros(self.density_members.shape[:2], dtype=keras.config.floatx())

        def matrix(members, weights):
            if weights is None:
                return none
            return ops.matmul(ops.convert_to_tensor(2.0 * members, dtype=none.dtype), weights)

        return {
            "gutzwiller": self.gutzwiller.value if self.has_gutzwiller else none[0, 0],
            "density": matrix(self.density_members, self.density),
            "spin": matrix(self.spin_members, self.spin),
        }

    def call(self, occupations):
        charge, spin = charge_and_spin(occupations)
        filled = ops.cast(occupations, charge.dtype)
        double = ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        factor = double * self.gutzwiller if self.has_gutzwiller else ops.zeros_like(double)
        terms = ((charge, self.density_members, self.density), (spin, self.spin_members, self.spin))
        for values, members, weights in terms:
            if weights is not None:
                matrix = ops.matmul(ops.convert_to_tensor(members, dtype=charge.dtype), weights)
                factor = factor + ops.sum(ops.matmul(values, matrix) * values, axis=-1)
        return factor


def varying_terms(pairs: np.ndarray, electrons: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Which of the sums 1/2 sum_ij A_ij (n_i - 1)(n_j - 1) and 1/2 sum_ij A_ij m_i m_j differ between configurations.

    Where electrons of both spins can move all do: moving one changes a sum by an amount that depends on where those of
    the other spin are. Where only k of one spin can move over L sites, u_i = 0 or 1, and each site holds s = 0 or 1 of
    the other, a sum is, up to a constant and with z_i = sum_j A_ij,

        1/2 sum_ij A_ij u_i u_j + c sum_i z_i u_i,     c = s - 1 of densities, -s of spins.

    Of a single electron the first term vanishes, of a single hole it is sum_i z_i u_i and a constant, and sum_i z_i u_i
    is itself constant where all z_i are equal. Of others the first term varies unless A holds all pairs of sites.

    Args:
        pairs: A for each class of pairs of different sites, booleans ``(n_sites, n_sites, classes)``, symmetric.
        electrons: Up and down.

    Returns:
        Booleans ``(classes,)`` for the densities and for the spins.
    """
    n_sites, _, n_classes = pairs.shape
    moving = [count for count in electrons if 0 < count < n_sites]
    if len(moving) != 1:
        both = np.full(n_classes, bool(moving))
        return both, both
    (k,) = moving
    (s,) = (int(count == n_sites) for count in electrons if count in (0, n_sites))
    neighbours = pairs.sum(axis=1)  # z, (n_sites, classes)
    differs = neighbours.min(axis=0) != neighbours.max(axis=0)
    incomplete = neighbours.min(axis=0) < n_sites - 1

    def varies(c: int) -> np.ndarray:
        if k == 1:
            return differs & (c != 0)
        return differs & (c != -1) if k == n_sites - 1 else incomplete

    return varies(s - 1), varies(-s)
