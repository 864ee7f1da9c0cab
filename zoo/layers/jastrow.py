"""Symmetric correlation factors of the continuum: exact cusps, and flexible functions that leave them alone.

log|Psi| gains  sum_{i<j} u(r_ij) + sum_{i,A} chi(r_iA) + sum_{i<j,A} f(r_ij, r_iA, r_jA).  Functions differ between
spin pairs of equal and of opposite spin, and between nuclei of different charge. The centre of a trap counts as a
nucleus of charge zero; where a system has no centre, the first sum is left. In a periodic cell distances are periodic
(`zoo.layers.pairs.separations`), and a second two-body term in plane waves is added. General form: Drummond, Towler and
Needs, PRB 70, 235119 (2004), here in bounded variables.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.constants import matrix
from zoo.layers.cusp import nuclear_cusp
from zoo.layers.pairs import PairGroup, electron_nucleus_distances, norm, separations, spin_pairs
from zoo.layers.plane_waves import PlaneWaves
from zoo.layers.radial import RadialBasis
from zoo.systems.wave_vectors import stars


def _species(system) -> np.ndarray:
    """The species of every centre as one-hot rows; a centre without a charge is a species of its own."""
    charges = system.charges if len(system.charges) else np.zeros(len(system.centres))
    kinds = sorted(set(charges.tolist()))
    return np.stack([charges == kind for kind in kinds], axis=1).astype("float64")


class ElectronElectronJastrow(keras.layers.Layer):
    """Two-body factor of one type of pair: the cusp term c a rho(r) and ``order`` trainable functions.

    Args:
        cusp: Slope c of the factor at r = 0.
        order: Number of functions.
        length: First value of the range a, in bohr.

    Call: distances ``(batch, n_pairs)`` to ``(batch,)``.
    """

    def __init__(self, cusp: float, order: int, length: float, **kwargs):
        super().__init__(**kwargs)
        self.cusp, self.order, self.length = cusp, order, length
        self.basis = RadialBasis(order, length, name="basis")

    def build(self, input_shape):
        self.basis.build(input_shape)
        self.coefficients = self.add_weight(shape=(self.order,), initializer="zeros", name="coefficients")

    def call(self, distances):
        cusp = self.basis.scaled(distances) * (ops.exp(self.basis.log_length) * self.cusp)
        return ops.sum(cusp + ops.matmul(self.basis(distances), self.coefficients), axis=-1)

    def get_config(self):
        return {**super().get_config(), "cusp": self.cusp, "order": self.order, "length": self.length}


class ElectronNucleusJastrow(keras.layers.Layer):
    """One-body factor: the nuclear cusp, and for each species of centre ``order`` trainable functions.

    Call: electron-centre distances ``(batch, n_electrons, n_centres)`` to ``(batch,)``.
    """

    def __init__(self, system, order: int, **kwargs):
        super().__init__(**kwargs)
        self.charges, self.order = system.charges, order
        self.species = _species(system)
        length = system.length_scale
        self.basis = RadialBasis(order, length, name="basis")

    def build(self, input_shape):
        self.basis.build(input_shape)
        self.coefficients = self.add_weight(
            shape=(self.species.shape[1], self.order), initializer="zeros", name="coefficients"
        )

    def call(self, distances):
        species = ops.convert_to_tensor(self.species, dtype=distances.dtype)
        summed = ops.einsum("biak,as->bsk", self.basis(distances), species)
        total = ops.sum(summed * self.coefficients, axis=(-2, -1))
        if len(self.charges):
            total = total + ops.sum(nuclear_cusp(distances, self.charges), axis=-1)
        return total


class ElectronElectronNucleusJastrow(keras.layers.Layer):
    """Three-body factor sum gamma_lmn b_l(r_ij) [b_m(r_iA) b_n(r_jA) + b_n(r_iA) b_m(r_jA)] / 2, m <= n.

    b_0 = 1 and the other b_k have zero slope at the origin, so no cusp changes. Terms that are two-body (m = n = 0)
    or one-body (l = m = 0) are left out.

    Args:
        group: The pairs that it is for.
        species: One-hot rows ``(n_centres, n_species)``.
        order: Functions of each distance beside b_0.
        length: First value of the ranges, in bohr.

    Call: pair distances ``(batch, n_pairs)``, electron-centre distances ``(batch, n_electrons, n_centres)`` to
    ``(batch,)``.
    """

    def __init__(self, group: PairGroup, species: np.ndarray, order: int, length: float, **kwargs):
        super().__init__(**kwargs)
        self.group, self.species, self.order = group, species, order
        self.pair_basis = RadialBasis(order, length, name="pair_basis")
        self.centre_basis = RadialBasis(order, length, name="centre_basis")
        powers = range(order + 1)
        terms = [(l, m, n) for l in powers for m in powers for n in powers if m <= n and n > 0 and (l > 0 or m > 0)]
        self.symmetric = np.zeros((len(terms), order + 1, order + 1, order + 1))
        for row, (l, m, n) in enumerate(terms):
            self.symmetric[row, l, m, n] += 0.5
            self.symmetric[row, l, n, m] += 0.5

    def build(self, pair_shape, centre_shape):
        self.pair_basis.build(pair_shape)
        self.centre_basis.build(centre_shape)
        shape = (self.species.shape[1], len(self.symmetric))
        self.coefficients = self.add_weight(shape=shape, initializer="zeros", name="coefficients")

    def call(self, pair_distances, centre_distances):
        def constant(array):
            return ops.convert_to_tensor(array, dtype=pair_distances.dtype)

        of_pair = _with_one(self.pair_basis(pair_distances))  # (batch, pairs, l)
        of_centre = _with_one(self.centre_basis(centre_distances))  # (batch, electrons, centres, m)
        at_first = ops.einsum("pi,biam->bpam", matrix(self.group.first, of_centre.dtype), of_centre)
        at_second = ops.einsum("pi,biam->bpam", matrix(self.group.second, of_centre.dtype), of_centre)
        # The coupling of each centre is a small constant of the batch: gather its coefficients first.
        of_species = ops.matmul(constant(self.species), self.coefficients)
        coupling = ops.einsum("aq,qlmn->lamn", of_species, constant(self.symmetric))
        inner = ops.einsum("bpl,lamn->bpamn", of_pair, coupling)
        return ops.sum(ops.einsum("bpam,bpamn->bpan", at_first, inner) * at_second, axis=(1, 2, 3))


def _with_one(values):
    return ops.concatenate([ops.ones_like(values[..., :1]), values], axis=-1)


class PlaneWaveJastrow(keras.layers.Layer):
    """Two-body factor of a periodic cell, sum_{i<j} p(r_ij) with p(r) = sum_s a_s sum_{G in star s} cos(G.r).

    The stars are those of the shortest wave vectors, each with a coefficient for equal and one for opposite spins. It
    has what functions of one distance lack, the long range and the shape of the cell, and no cusp. All coefficients
    start at zero.

    Args:
        system: A `zoo.systems.base.ContinuumSystem` with a cell.
        order: Number of stars.

    Call: positions ``(batch, n_electrons, dim)`` to ``(batch,)``.
    """

    def __init__(self, system, order: int, **kwargs):
        super().__init__(**kwargs)
        self.n_up = system.n_up
        self.kinds = [group.name for group in spin_pairs(system.n_up, system.n_down)]
        found = stars(system.dim, order)
        self.waves = PlaneWaves([n for star in found for n in star], system.cell, name="waves")
        # Cosine and sine of a vector stand side by side.
        self.star_of_wave = np.repeat(np.eye(order), [2 * len(star) for star in found], axis=0)

    def build(self, input_shape):
        shape = (self.star_of_wave.shape[1],)
        self.coefficients = {
            kind: self.add_weight(shape=shape, initializer="zeros", name=f"{kind}_coefficients") for kind in self.kinds
        }

    def call(self, positions):
        """Sums over pairs as products of sums over electrons: |sum_i exp(iG.r_i)|^2 holds every pair twice."""
        waves = self.waves(positions)
        up, down = ops.sum(waves[:, : self.n_up], axis=1), ops.sum(waves[:, self.n_up :], axis=1)
        products = {"same_spin": 0.5 * (ops.square(up) + ops.square(down)), "opposite_spin": up * down}
        star_of_wave = ops.convert_to_tensor(self.star_of_wave, dtype=positions.dtype)
        total = ops.zeros_like(positions[:, 0, 0])
        for kind, coefficients in self.coefficients.items():
            total = total + ops.matmul(ops.matmul(products[kind], star_of_wave), coefficients)
        return total


class ContinuumJastrow(keras.layers.Layer):
    """The sum of the factors above, as far as the system has centres or a cell, for each type of spin pair.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        order: Functions in the one- and two-body factors.
        three_body_order: Functions of each distance in the three-body factor; 0 leaves it out.

    Call: positions ``(batch, n_electrons, dim)`` to log of the factor, ``(batch,)``.
    """

    def __init__(self, system, order: int = 5, three_body_order: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.centres, self.cell = system.centres, system.cell
        length = system.length_scale
        self.groups = spin_pairs(system.n_up, system.n_down)
        self.one_body, self.three_body, self.long_range = None, [], None
        if len(self.centres):
            self.one_body = ElectronNucleusJastrow(system, order, name="electron_nucleus")
        self.two_body = [
            ElectronElectronJastrow(
                system.electron_cusp(g.same_spin), order, system.correlation_length, name=f"{g.name}_pairs"
            )
            for g in self.groups
        ]
        if len(self.centres) and three_body_order > 0:
            species = _species(system)
            self.three_body = [
                ElectronElectronNucleusJastrow(g, species, three_body_order, length, name=f"{g.name}_pairs_and_nucleus")
                for g in self.groups
            ]
        if self.cell is not None:
            self.long_range = PlaneWaveJastrow(system, order, name="plane_waves")

    def build(self, input_shape):
        batch, n_electrons, _ = input_shape
        centre_shape = (batch, n_electrons, len(self.centres))
        if self.one_body is not None:
            self.one_body.build(centre_shape)
        for factor in self.two_body:
            factor.build(None)
        for factor in self.three_body:
            factor.build(None, centre_shape)
        if self.long_range is not None:
            self.long_range.build(input_shape)

    def call(self, positions):
        total = ops.zeros_like(positions[:, 0, 0])
        to_centres = electron_nucleus_distances(positions, self.centres) if self.one_body is not None else None
        if self.one_body is not None:
            total = total + self.one_body(to_centres)
        for index, group in enumerate(self.groups):
            between = norm(separations(group.differences(positions), self.cell))
            total = total + self.two_body[index](between)
            if self.three_body:
                total = total + self.three_body[index](between, to_centres)
        if self.long_range is not None:
            total = total + self.long_range(positions)
        return total
