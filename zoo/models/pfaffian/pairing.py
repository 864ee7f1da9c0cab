"""Electrons in pairs: of opposite spins, as a determinant, or of all spins, as a Pfaffian.

Both start as the Slater determinants of given orbitals, up to a constant factor.
"""

from __future__ import annotations

import keras
import numpy as np
import scipy.linalg
from keras import ops

from zoo.layers.determinant import slogdet
from zoo.layers.lattice_orbitals import first_orbitals, occupied_sites, spins_present
from zoo.layers.occupations import occupied_rows
from zoo.layers.pfaffian import slog_pfaffian
from zoo.systems.base import LatticeSystem

_EQUAL_SPINS = 0.3
"""Weight of the pairs within the majority that `first_pairing` puts in beside those that count."""


class OppositePairs(keras.layers.Layer):
    """det [f(x_i, y_j) | phi_k(x_i)], with x_i the sites of the spin with more electrons and y_j those of the other.

    Every electron of the minority has a partner, and the rest of the majority is in orbitals phi. It starts from
    f(x, y) = sum_k u_k(x) v_k(y), with u and v the orbitals of the two spins.

    Args:
        system: A lattice system; it supplies the orbitals.
        kind: Of them, as in `zoo.systems.base.LatticeSystem.orbitals`.

    Call: occupations ``(batch, 2, n_sites)`` to ``(sign, log_abs)``, each ``(batch,)``.
    """

    def __init__(self, system: LatticeSystem, kind: str, **kwargs):
        super().__init__(**kwargs)
        self.system = system
        orbitals = first_orbitals(system, kind)
        if system.n_down > system.n_up > 0:
            orbitals = orbitals[::-1]
        major = orbitals[0]
        minor = orbitals[1] if len(orbitals) > 1 else major[:, :0]
        count = minor.shape[1]
        self.start = {"pairs": major[:, :count] @ minor.T if count else major[:, :0], "unpaired": major[:, count:]}

    def build(self, input_shape):
        self.pairs, self.unpaired = (
            self.add_weight(shape=start.shape, initializer=keras.initializers.Constant(start), name=name)
            if start.size
            else None
            for name, start in self.start.items()
        )

    def call(self, occupations):
        sites = occupied_sites(self.system, occupations)
        if self.system.n_down > self.system.n_up > 0:
            sites = sites[::-1]
        columns = []
        if self.pairs is not None:
            columns.append(ops.matmul(ops.matmul(sites[0], self.pairs), ops.swapaxes(sites[1], 1, 2)))
        if self.unpaired is not None:
            columns.append(ops.matmul(sites[0], self.unpaired))
        return slogdet(ops.concatenate(columns, axis=2))


class AllPairs(keras.layers.Layer):
    r"""Pf A, A_ij = F(z_i, z_j) over all electrons, at sites z of up and then of down electrons, each ascending.

    F is antisymmetric over the sites of both spins, so that equal spins pair too. Of an odd number of electrons one is
    in an orbital phi: A has one more row and column, phi(z_i).

    Args:
        system: A lattice system of two electrons or more; it supplies the orbitals.
        kind: Of them, as in `zoo.systems.base.LatticeSystem.orbitals`.

    Call: occupations ``(batch, 2, n_sites)`` to ``(sign, log_abs)``, each ``(batch,)``.
    """

    def __init__(self, system: LatticeSystem, kind: str, **kwargs):
        super().__init__(**kwargs)
        self.spins, self.n_electrons = spins_present(system), system.n_electrons
        pairing, self.first_unpaired = first_pairing(system, kind)
        rows, columns = np.triu_indices(len(pairing), 1)
        self.first_pairs = pairing[rows, columns]
        self.places = np.zeros(pairing.shape, "int32")
        self.places[rows, columns] = self.places[columns, rows] = np.arange(len(rows))
        self.signs = np.sign(np.arange(len(pairing)) - np.arange(len(pairing))[:, None])

    def build(self, input_shape):
        constant = keras.initializers.Constant
        self.pairs = self.add_weight(shape=self.first_pairs.shape, initializer=constant(self.first_pairs), name="pairs")
        self.unpaired = None
        if self.first_unpaired is not None:
            start = self.first_unpaired[:, None]
            self.unpaired = self.add_weight(shape=start.shape, initializer=constant(start), name="unpaired")

    def call(self, occupations):
        filled = ops.concatenate([occupations[:, spin] for spin in self.spins], axis=-1)
        sites = occupied_rows(filled, self.n_electrons)
        pairing = ops.take(self.pairs, self.places) * ops.convert_to_tensor(self.signs, dtype=sites.dtype)
        matrix = ops.matmul(ops.matmul(sites, pairing), ops.swapaxes(sites, 1, 2))
        if self.unpaired is not None:
            column = ops.matmul(sites, self.unpaired)
            row = ops.concatenate([-column, ops.zeros_like(column[:, :1])], axis=1)
            matrix = ops.concatenate([ops.concatenate([matrix, column], axis=2), ops.swapaxes(row, 1, 2)], axis=1)
        return slog_pfaffian(matrix)


def first_pairing(system: LatticeSystem, kind: str) -> tuple[np.ndarray, np.ndarray | None]:
    """First F, and of an odd number of electrons the unpaired orbital, over the sites of the spins that have electrons.

    With Phi the orbitals of both spins as columns, F = Phi J Phi^T, so that at the occupied sites, of which R picks the
    rows, Pf(R F R^T) = det(R Phi) Pf(J). J pairs the k-th orbital of one spin with the k-th of the other and the rest
    among themselves. It also pairs the majority's partners of the minority with each other, weakly: this leaves Pf(J),
    no term of which can hold such a pair without leaving orbitals of the minority over. Without it the derivative with
    respect to pairs within the minority would be zero, and training would not make them.
    """
    orbitals = scipy.linalg.block_diag(*first_orbitals(system, kind))
    n = system.n_electrons
    spins = np.split(np.arange(n), [system.n_up])
    minor, major = sorted(spins, key=len)
    partners, others = major[: len(minor)], major[len(minor) :]
    joined = np.zeros((n + n % 2, n + n % 2))  # of an odd number, the last stands for the unpaired orbital
    joined[partners, minor] = 1.0
    rest = [*others, n] if n % 2 else list(others)
    joined[rest[::2], rest[1::2]] = 1.0
    joined[np.ix_(partners, partners)] = _EQUAL_SPINS * np.triu(np.ones((len(minor), len(minor))), 1)
    joined = joined - joined.T
    pairing = orbitals @ joined[:n, :n] @ orbitals.T
    return pairing, orbitals @ joined[:n, n] if n % 2 else None
