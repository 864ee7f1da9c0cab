r"""The Hamiltonian in a sector of given momentum, without a matrix.

Translations T of the system move the configurations u of spin up and v of spin down alike. In the sector of momentum k,
where U_T psi = exp(i k.T) psi, the amplitudes psi(u, v) of one u out of each orbit, its representative r, are enough:

    psi(T r, v) = exp(-i k.T) s_T(r) s_T(T^-1 v) psi(r, T^-1 v),

with the signs s of fermions and of antiperiodic boundaries. So a vector is a matrix over representatives and all v,
smaller by about the number of translations than the whole basis, and spin down hops within its rows as ever:

    (H psi)(r, .) = psi(r, .) H_down + diag + sum_T (M_T psi)(., T^-1 .),

where M_T joins representatives by the hops of spin up that end in T r'. Rows are scaled by the square root of the
length of the orbit, which makes this Hermitian. A representative that some translations leave as it is has a row of
less freedom, to which `Sector.project` brings a vector. With the identity as the only translation this is the whole
basis.

A twist is spread evenly over its axis (`zoo.systems.lattice.Lattice.uniform_gauge`), where translations are symmetries;
energies and densities do not depend on the gauge.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

from zoo.systems import exact, symmetry
from zoo.systems.base import LatticeSystem
from zoo.systems.bonds import Bond
from zoo.systems.symmetry import Symmetry

_BLOCK = 1 << 20
"""Amplitudes that are worked on at once."""


def uniform_bonds(system: LatticeSystem) -> tuple[Bond, ...]:
    """The bonds of the system, with a twist spread evenly."""
    if not system.geometry.twist:
        return system.bonds
    gauge = system.geometry.uniform_gauge
    return tuple((i, j, complex(hopping * gauge[i] * np.conj(gauge[j]))) for i, j, hopping in system.bonds)


def translations(system: LatticeSystem) -> tuple[Symmetry, ...]:
    """The translations of the system with a twist spread evenly, the identity first."""
    return symmetry.translations(system, uniform_bonds(system))


@dataclasses.dataclass(frozen=True, eq=False)
class OneSpin:
    """The configurations of one spin under translations.

    Attributes:
        occupations: ``(dim, n_sites)``, floating-point numbers.
        images: Where each translation takes each configuration, integers ``(translations, dim)``.
        signs: And with what sign, ``(translations, dim)``.
    """

    occupations: np.ndarray
    images: np.ndarray
    signs: np.ndarray

    @classmethod
    def of(cls, n_sites: int, count: int, translations: tuple[Symmetry, ...]) -> OneSpin:
        configurations = exact.combinations(n_sites, count)
        known = exact.codes(configurations)
        images = np.empty((len(translations), len(known)), dtype=np.int32)
        signs = np.empty((len(translations), len(known)), dtype=np.int8)
        for index, translation in enumerate(translations):
            moved, signs[index] = translation.apply(configurations[:, None])
            images[index] = len(known) - 1 - np.searchsorted(known[::-1], exact.codes(moved[:, 0]))
        return cls(configurations.astype(np.float64), images, signs)


class Translated:
    """A system's basis arranged by translations; its sectors share it.

    Args:
        system: The system.
        translations: A group of symmetries of it, as the function `translations` gives them.
    """

    def __init__(self, system: LatticeSystem, translations: tuple[Symmetry, ...]):
        self.system, self.translations = system, translations
        self.up, self.down = (OneSpin.of(system.n_sites, count, translations) for count in (system.n_up, system.n_down))
        first = self.up.images.min(axis=0)
        self.representatives, self.orbit = np.unique(first, return_inverse=True)
        # Which translations leave a representative as it is: (translations, representatives).
        self.stabilisers = self.up.images[:, self.representatives] == self.representatives
        self.stabiliser_orders = self.stabilisers.sum(axis=0)
        hops = [exact.one_spin_hopping(system, count, uniform_bonds(system)) for count in (system.n_up, system.n_down)]
        self.hop_up, self.hop_down = hops[0][self.representatives].tocoo(), hops[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Of a vector: representatives, configurations of spin down."""
        return len(self.representatives), self.hop_down.shape[0]

    @functools.cached_property
    def origins(self) -> np.ndarray:
        """T^-1 v for each translation and configuration v of spin down."""
        return np.argsort(self.down.images, axis=1).astype(np.int32)

    def origin_signs(self, translation: int) -> np.ndarray:
        """s_T(T^-1 v) for each v."""
        return self.down.signs[translation][self.origins[translation]]


class Sector:
    """The Hamiltonian on the vectors of one momentum.

    Args:
        basis: The basis, arranged by translations.
        phases: exp(i k.T) of each translation; real ones where the momentum is its own negative.
    """

    def __init__(self, basis: Translated, phases: np.ndarray):
        import scipy.sparse

        self.basis = basis
        real = np.allclose(phases.imag, 0, atol=1e-12) and not basis.system.is_complex
        self.phases = phases.real.copy() if real else phases
        hops, orbit = basis.hop_up, basis.orbit[basis.hop_up.coords[1]]
        rows, ends = hops.coords
        scale = np.sqrt(basis.stabiliser_orders[orbit] / basis.stabiliser_orders[rows])
        self.joins = []
        for index, phase in enumerate(self.phases):
            here = basis.up.images[index, basis.representatives[orbit]] == ends
            signs = basis.up.signs[index, basis.representatives[orbit[here]]]
            values = hops.data[here] * scale[here] * signs * np.conj(phase) / basis.stabiliser_orders[orbit[here]]
            shape = (len(basis.representatives),) * 2
            self.joins.append(scipy.sparse.csr_array((values, (rows[here], orbit[here])), shape=shape))

    def blocks(self):
        """Slices of rows, each of which is worked on at once."""
        rows, columns = self.basis.shape
        step = max(1, _BLOCK // columns)
        return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]

    def add(self, vector: np.ndarray, result: np.ndarray) -> None:
        """Add H vector to ``result``; see `zoo.systems.lanczos.Operator`."""
        origins, signs = self.basis.origins, [self.basis.origin_signs(i) for i in range(len(self.phases))]
        for rows in self.blocks():
            part = vector[rows]
            total = self.diagonal(rows) * part
            total += (self.basis.hop_down @ part.T).T
            for index, join in enumerate(self.joins):
                joined = join[rows] @ vector
                if index:
                    joined = np.take(joined, origins[index], axis=1)
                    joined *= signs[index]
                total += joined
            result[rows] += total

    def diagonal(self, rows: slice) -> np.ndarray:
        """The interaction of these representatives with every configuration of spin down."""
        system, up, down = self.basis.system, self._up(rows), self.basis.down.occupations
        if not system.repulsions:
            return system.u * self.double(rows)
        repulsion = system.repulsion_matrix()
        alone = [0.5 * np.sum((spin @ repulsion) * spin, axis=1) for spin in (up, down)]
        return alone[0][:, None] + alone[1] + up @ (repulsion + system.u * np.eye(system.n_sites)) @ down.T

    def double(self, rows: slice) -> np.ndarray:
        """Doubly occupied sites of these representatives with every configuration of spin down."""
        return self._up(rows) @ self.basis.down.occupations.T

    def _up(self, rows: slice) -> np.ndarray:
        return self.basis.up.occupations[self.basis.representatives[rows]]

    def project(self, vector: np.ndarray) -> None:
        """Bring the rows of representatives with a stabiliser to the amplitudes that it allows, in place."""
        basis = self.basis
        special = np.flatnonzero(basis.stabiliser_orders > 1)
        if not len(special):
            return
        mean = np.zeros((len(special), basis.shape[1]), dtype=vector.dtype)
        for index, phase in enumerate(self.phases):
            here = np.flatnonzero(basis.stabilisers[index, special])
            moved = np.take(vector[special[here]], basis.origins[index], axis=1)
            factors = np.conj(phase) * basis.up.signs[index, basis.representatives[special[here]]]
            mean[here] += moved * basis.origin_signs(index) * factors[:, None]
        vector[special] = mean / basis.stabiliser_orders[special, None]

    def start(self) -> np.ndarray:
        """A random vector of the sector, from a fixed seed."""
        random, shape = np.random.default_rng(0), self.basis.shape
        vector = random.standard_normal(shape)
        if np.iscomplexobj(self.phases):
            vector = vector + 1j * random.standard_normal(shape)
        self.project(vector)
        return vector

    def double_occupancy(self, vector: np.ndarray) -> float:
        """Expected number of doubly occupied sites in a normalised vector."""
        return math.fsum(float(np.sum(np.abs(vector[rows]) ** 2 * self.double(rows))) for rows in self.blocks())
