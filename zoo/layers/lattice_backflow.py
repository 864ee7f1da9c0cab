"""Backflow on a lattice: electrons that are seen at other sites as well, according to who is there."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.layers.determinant import derivatives_wanted
from zoo.layers.lattice_orbitals import spins_present
from zoo.layers.lattice_states import site_states
from zoo.systems.base import LatticeSystem

_CANCELLED = 1e-9
"""A sum of phases that is zero in all but rounding."""

# Which entries of the table of local states (see `LatticeBackflow`) each trainable number stands for. States of i: the
# other spin absent or present. States of j: (own spin, other spin) = 00, 01, 10, 11.
_TIES = {
    "general": np.eye(8),
    "doublon_holon": np.array(
        [
            [0, 0, 0, 0, 1, 0, 0, 0],  # D_i H_j
            [0, 1, 0, 0, 0, 0, 0, 0],  # an exchange of spins: i has one electron, j has one of the other spin
            [1, 0, 0, 0, 0, 1, 0, 0],  # one electron to a holon, and doublon to one electron
        ],
        dtype=float,
    ),
    "none": np.zeros((0, 8)),
}


class LatticeBackflow(keras.layers.Layer):
    r"""Coefficients b_ij with which an electron at site i is seen at sites j as well: orbitals are taken at
    phi(i) + sum_j b_ij phi(j).

        b_ij = s_ij f_d(ij)(n_i', n_j n_j'),     n of the spin of the electron, n' of the other

    ``"general"`` has a trainable number f for each class of displacements d and each of the 2 x 4 local states of i and
    j, given that the electron is at i. ``"doublon_holon"`` has three, those of L. F. Tocchio, F. Becca and C. Gros,
    Phys. Rev. B 83, 195138 (2011): with D_i a doublon, H_j a holon and h = 1 - n,

        eta_1 D_i H_j + eta_2 (n_i h_i')(n_j' h_j) + eta_3 [D_i n_j' h_j + (n_i h_i') H_j].

    Their eps is left out: it multiplies Psi by a constant. So are terms with j = i, a Gutzwiller factor. f starts at
    zero and is the same for both spins. ``"none"`` has no numbers: electrons are seen where they are.

    s_ij is the sign of the shortest way along bonds from i to j, so that it does not matter where an antiperiodic
    boundary is, and 0 where shortest ways of opposite signs cancel. Of complex hoppings it is a phase.

    Args:
        system: Gives bonds and classes of displacements.
        form: ``"general"``, ``"doublon_holon"`` or ``"none"``.
        reach: Hops to the furthest j.

    Attributes:
        shape: Of the trainable numbers: classes of displacements within reach, and numbers of each. There are none of
            the form ``"none"``, and on a lattice without bonds.

    Call: where the electrons of each spin are, a list of one-hot ``(batch, n_spin, n_sites)`` for each spin that has
    some, and occupations ``(batch, 2, n_sites)``, to a list of the amplitudes with which they are seen at all sites,
    ``(batch, n_spin, n_sites)``, or, where hoppings are complex, of pairs of their real and their imaginary part.
    """

    def __init__(self, system: LatticeSystem, form: str, reach: int, **kwargs):
        super().__init__(**kwargs)
        signs, classes = path_signs(system, reach), system.displacement_classes()
        kept = np.unique(classes[signs != 0])
        parts = [signs.real, signs.imag] if np.iscomplexobj(signs) else [signs]
        self.members = [part[..., None] * (classes[..., None] == kept) for part in parts]  # (n_sites, n_sites, classes)
        self.ties = _TIES[form]
        self.shape = (len(kept), len(self.ties))
        self.spins = spins_present(system)

    def build(self, sites_shape, occupations_shape=None):
        if all(self.shape):
            self.strengths = self.add_weight(shape=self.shape, initializer="zeros", name="strengths")

    def call(self, sites, occupations):
        if not all(self.shape):
            return sites
        seen = []
        for spin, rows in zip(self.spins, sites, strict=True):
            b = self.coefficients(rows, occupations[:, spin], occupations[:, 1 - spin])
            seen.append((rows + b[0], b[1]) if isinstance(b, tuple) else rows + b)
        return seen

    def coefficients(self, rows, own, other):
        """The row of b of each electron, ``(batch, n_spin, n_sites)``, or the pair of its parts.

        Args:
            rows: One-hot sites of the electrons of a spin, ``(batch, n_spin, n_sites)``.
            own, other: Occupations of that spin and of the other, each ``(batch, n_sites)``.
        """
        rows_of = self._contracted if derivatives_wanted() else self._looked_up
        parts = tuple(rows_of(self._table(members), rows, own, other) for members in self.members)
        return parts if len(parts) > 1 else parts[0]

    def _table(self, members: np.ndarray):
        """b_ij for each 2 x 4 local states of i and j, ``(n_sites, n_sites, 8)``."""
        members, ties = (ops.convert_to_tensor(array, dtype=self.strengths.dtype) for array in (members, self.ties))
        return ops.matmul(ops.matmul(members, self.strengths), ties)

    def _contracted(self, table, rows, own, other):
        """By products with one-hot states, whose derivatives are products too."""
        states = site_states(own, other)
        without = ops.einsum("ijc,bjc->bij", table[..., :4], states)
        with_other = ops.einsum("ijc,bjc->bij", table[..., 4:], states)
        b = without + (with_other - without) * ops.expand_dims(ops.cast(other, states.dtype), 2)
        return ops.matmul(rows, b)

    def _looked_up(self, table, rows, own, other):
        """The same without arithmetic, for the rows of the electrons only; derivatives would be slow."""
        n_sites = other.shape[-1]
        table = ops.transpose(ops.reshape(table, (n_sites, n_sites, 2, 4)), (0, 2, 1, 3))
        sites, own, other = ops.arange(n_sites, dtype="int32"), ops.cast(own, "int32"), ops.cast(other, "int32")
        # A product with one-hot rows takes half as long as ops.argmax; numbers of sites are exact in any precision.
        line = ops.cast(ops.matmul(rows, ops.expand_dims(ops.cast(2 * sites + other, rows.dtype), 2)), "int32")
        column = ops.expand_dims(4 * sites + 2 * own + other, 1)
        return ops.take(ops.reshape(table, (-1,)), 4 * n_sites * line + column)


def path_signs(system: LatticeSystem, reach: int) -> np.ndarray:
    """Sign of the shortest way along bonds between each two sites, ``(n_sites, n_sites)``, as numbers -1, 0 and 1.

    0 for the same site, for sites further apart than ``reach`` hops, and where ways of opposite signs cancel. Of
    complex hoppings the phase of the sum of the ways, a number of modulus one.
    """
    bonds = np.sign(-system.hopping_matrix())
    signs, walks = np.zeros_like(bonds), np.eye(system.n_sites, dtype=bonds.dtype)
    reached = np.eye(system.n_sites, dtype=bool)
    for _ in range(reach):
        walks = walks @ bonds
        new = (reached.astype(float) @ np.abs(bonds) > 0) & ~reached
        signs[new] = np.sign(np.where(np.abs(walks[new]) < _CANCELLED, 0.0, walks[new]))
        reached |= new
    return signs
