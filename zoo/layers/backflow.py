"""Pairwise backflow: every electron is displaced along the lines to the others and to the nuclei."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.constants import matrix
from zoo.layers.pairs import directions, electron_nucleus_differences, norm, separations, spin_pairs
from zoo.layers.radial import RadialBasis


def has_effect(system) -> bool:
    """Whether displaced coordinates change the determinants of a continuum system.

    They do not where each spin has one electron in a periodic cell: the first plane wave is a constant.
    """
    return system.cell is None or max(system.n_up, system.n_down) > 1


class PairwiseBackflow(keras.layers.Layer):
    r"""xi_i = w_i [ sum_{j != i} eta(r_ij) (r_i - r_j) ] + sum_A mu(r_iA) (r_i - R_A).

    eta, one function for each type of spin pair, and mu, one for each nuclear species, are short expansions that
    decay at large distance. For equal spins eta has zero slope at contact: Psi is proportional to (1 + 2 eta) r there,
    so that a slope would change the cusp. With nuclei w_i = prod_A r_iA^2 / (r_iA^2 + l^2) switches the first term off
    at every nucleus; the second vanishes there by itself. In a periodic cell r_ij and r_i - r_j are periodic
    (`zoo.layers.pairs.separations` and `directions`). All coefficients start at zero. Form: Lopez Rios, Ma, Drummond,
    Towler and Needs, PRE 74, 066701 (2006).

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        order: Functions in eta and in mu.

    Call: positions ``(batch, n_electrons, dim)`` to displacements of the same shape.
    """

    def __init__(self, system, order: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.order = order
        self.groups = spin_pairs(system.n_up, system.n_down)
        if not has_effect(system):
            self.groups = []
        self.nuclei, self.cell = system.nuclei, system.cell
        charges = system.charges
        kinds = sorted(set(charges.tolist()))
        self.species = np.stack([charges == kind for kind in kinds], axis=1).astype("float64") if kinds else None
        length = 2.0 * system.length_scale
        self.pair_bases = [
            RadialBasis(order, length, "flat_displacement" if g.same_spin else "displacement", name=f"{g.name}_basis")
            for g in self.groups
        ]
        self.nucleus_basis = RadialBasis(order, length, "displacement", name="nucleus_basis") if kinds else None

    def build(self, input_shape):
        for basis in self.pair_bases:
            basis.build(None)
        self.eta = [
            self.add_weight(shape=(self.order,), initializer="zeros", name=f"eta_{g.name}") for g in self.groups
        ]
        if self.nucleus_basis is not None:
            self.nucleus_basis.build(None)
            self.mu = self.add_weight(shape=(self.species.shape[1], self.order), initializer="zeros", name="mu")
            if self.groups:
                start = keras.initializers.Constant(float(np.log(0.5)))
                self.log_switch = self.add_weight(shape=(), initializer=start, name="log_switch")

    def pair_function(self, index: int, distances):
        """eta of pair group ``index`` at distances ``(...)``."""
        return ops.matmul(self.pair_bases[index](distances), self.eta[index])

    def call(self, positions):
        displacement = ops.zeros_like(positions)
        for index, group in enumerate(self.groups):
            differences = group.differences(positions)
            eta = self.pair_function(index, norm(separations(differences, self.cell)))
            pushes = directions(differences, self.cell) * ops.expand_dims(eta, -1)
            incidence = matrix(group.incidence, positions.dtype)
            displacement = displacement + ops.einsum("pn,bpd->bnd", incidence, pushes)
        if self.nucleus_basis is not None:
            differences = electron_nucleus_differences(positions, self.nuclei)
            if self.groups:
                squares = ops.sum(ops.square(differences), axis=-1)
                switch = ops.prod(squares / (squares + ops.exp(2.0 * self.log_switch)), axis=-1)
                displacement = displacement * ops.expand_dims(switch, -1)
            species = ops.convert_to_tensor(self.species, dtype=positions.dtype)
            values = self.nucleus_basis(norm(differences))
            mu = ops.sum(values * ops.matmul(species, self.mu), axis=-1, keepdims=True)
            displacement = displacement + ops.sum(differences * mu, axis=2)
        return displacement
