"""Orbitals on a lattice: their first values, and their values where the electrons are."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from zoo.layers.complex_numbers import complex_columns, real_columns
from zoo.layers.occupations import occupied_rows
from zoo.layers.orbital_corrections import first_set_zero
from zoo.systems.base import LatticeSystem

_SMALL = 0.1
"""First parts of mixed orbitals at sites of the other spin, and first random corrections, as a fraction of the typical
size of an orbital, n_sites^(-1/2)."""
_MOMENT = 1e-6
"""Smallest moment of a site that counts as magnetic."""


def spins_present(system: LatticeSystem) -> list[int]:
    """0 for up and 1 for down, those that have electrons."""
    return [spin for spin, count in enumerate((system.n_up, system.n_down)) if count]


def occupied_sites(system: LatticeSystem, occupations) -> list:
    """Where the electrons are: for each spin that has some, one-hot rows ``(batch, n_spin, n_sites)``, ascending."""
    counts = (system.n_up, system.n_down)
    return [occupied_rows(occupations[:, spin], counts[spin]) for spin in spins_present(system)]


def mixes_spins(system: LatticeSystem, kind: str = "auto") -> bool:
    """Whether orbitals of that kind have values at sites of both spins, under one determinant of all electrons.

    Generalised ones have; ``auto`` chooses them where the mean field is magnetic with as many electrons of each spin.
    """
    return kind == "generalised" or (kind == "auto" and system.n_up == system.n_down and _is_magnetic(system, kind))


def first_orbitals(system: LatticeSystem, kind: str = "auto", mixed: bool | None = None) -> list[np.ndarray]:
    """Orbitals that training starts from.

    Mixed orbitals have values at the sites of both spins, and one determinant holds all. Where the mean field is
    magnetic, with as many electrons of each spin, its moments are turned from the axis of quantisation into the plane:
    there the Jastrow factor, which is diagonal along the axis, brings the transverse fluctuations of the moments, and
    their length is not fixed (F. Becca, M. Capone and S. Sorella, Phys. Rev. B 62, 12700 (2000)).

    Otherwise they start from those of each spin apart, with the same Psi: the down orbitals have small parts at up
    sites, and det [[A, B], [0, D]] is det A det D whatever B is. With B = 0 the derivatives with respect to both blocks
    beside the diagonal would vanish, and training would never mix the spins.

    Args:
        system: Gives the orbitals of each spin.
        kind: ``"auto"`` or ``"generalised"``, which start from the screened orbitals, or one of
            `zoo.systems.base.LatticeSystem.orbitals`.
        mixed: Whether orbitals have values at sites of both spins; by default as `mixes_spins` says.

    Returns:
        For each spin that has electrons ``(n_sites, n_spin)``, or ``(n_sites, n_electrons)`` if mixed; complex where
        the Hamiltonian is.
    """
    mixed = mixes_spins(system, kind) if mixed is None else mixed
    orbitals = _collinear(system, kind)
    present = [orbitals[spin] for spin in spins_present(system)]
    if not mixed or len(present) == 1:
        return present
    up, down = present
    if system.n_up == system.n_down and _is_magnetic(system, kind):
        return [np.concatenate([up, -down], axis=1) / 2**0.5, np.concatenate([up, down], axis=1) / 2**0.5]
    across = small_numbers(down.shape)
    return [np.concatenate([up, across], axis=1), np.concatenate([np.zeros_like(up), down], axis=1)]


def _collinear(system: LatticeSystem, kind: str) -> tuple[np.ndarray, np.ndarray]:
    return system.orbitals("screened" if kind in ("auto", "generalised") else kind)


def _is_magnetic(system: LatticeSystem, kind: str) -> bool:
    up, down = (np.sum(np.square(np.abs(orbitals)), axis=1) for orbitals in _collinear(system, kind))
    return bool(np.max(np.abs(up - down)) > _MOMENT)


def small_numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A tenth of the typical size of orbitals over ``shape[0]`` sites, random, but the same on every backend."""
    return _SMALL / shape[0] ** 0.5 * np.random.default_rng(seed).standard_normal(shape)


class LatticeOrbitals(keras.layers.Layer):
    """Trainable orbitals phi_k(i) of each spin.

    Args:
        start: First values, an array ``(n_sites, columns)`` for each spin that has electrons. Complex orbitals are
            twice as many real columns, as `zoo.layers.complex_numbers.real_columns` orders them.

    Attributes:
        start: The first values as real numbers.

    Call: where the electrons of each spin are, a list of ``(batch, n_spin, n_sites)``, and, if there are some, a list
    of corrections to the orbitals of each configuration, ``(batch, n_sites, columns)``, to a list of
    ``(batch, n_spin, columns)``. The amplitudes of an electron at the sites may be a pair of such tensors, the real
    and the imaginary part. Corrections to complex orbitals are real columns too; only the result is complex.
    """

    def __init__(self, start: list[np.ndarray], **kwargs):
        super().__init__(**kwargs)
        self.is_complex = any(np.iscomplexobj(values) for values in start)
        self.start = [real_columns(values) for values in start] if self.is_complex else start

    def build(self, sites_shape, corrections_shape=None):
        self.values = [
            self.add_weight(shape=start.shape, initializer=keras.initializers.Constant(start), name=f"values_{number}")
            for number, start in enumerate(self.start)
        ]

    def matrices(self) -> list:
        """The orbitals themselves, ``(n_sites, columns)`` for each spin that has electrons."""
        return [complex_columns(v.value) if self.is_complex else v.value for v in self.values]

    def call(self, sites, corrections=None):
        orbitals = self.values
        if corrections is not None:
            orbitals = [correction + values for correction, values in zip(corrections, self.values, strict=True)]
        return [self._at(rows, values, ops.matmul) for rows, values in zip(sites, orbitals, strict=True)]

    def _at(self, rows, values, product: Callable):
        """The product of amplitudes, which may be a pair, and orbitals, which are complex if this is."""
        if not self.is_complex:
            return product(rows, values)
        if not isinstance(rows, tuple):
            return complex_columns(product(rows, values))
        real, imaginary = (complex_columns(product(part, values)) for part in rows)
        return real + 1j * imaginary


class CorrectedOrbitals(LatticeOrbitals):
    """K sets of orbitals phi_k(i) + a_k(h_i) / sqrt(n_sites), with a linear in features h_i of the sites.

    In the first set a starts at zero. In further sets it starts small and random, so that determinants of different
    sets differ from the beginning.

    Args:
        start: As in `LatticeOrbitals`.
        sets: K.

    Call: where the electrons of each spin are, as in `LatticeOrbitals`, and features ``(batch, n_sites, width)`` to a
    list of ``(batch, sets, n_spin, columns)``.
    """

    def __init__(self, start: list[np.ndarray], sets: int = 1, **kwargs):
        super().__init__(start, **kwargs)
        self.sets = sets
        self.columns = [values.shape[1] for values in self.start]
        random = first_set_zero(sets)
        self.correction = keras.layers.Dense(
            sets * sum(self.columns),
            use_bias=False,
            kernel_initializer=lambda shape, dtype=None: random(shape, dtype=dtype) * _SMALL,
            name="correction",
        )

    def build(self, sites_shape, features_shape=None):
        super().build(sites_shape)
        self.correction.build(features_shape)

    def call(self, sites, features):
        n_sites = features.shape[1]
        corrections = self.correction(features) / n_sites**0.5
        corrections = ops.reshape(corrections, (-1, n_sites, self.sets, sum(self.columns)))
        ends = np.cumsum(self.columns)
        matrices = []
        for rows, values, end, count in zip(sites, self.values, ends, self.columns, strict=True):
            moved = corrections[..., end - count : end] + ops.expand_dims(values, 1)
            matrices.append(self._at(rows, moved, functools.partial(ops.einsum, "bni,bisk->bsnk")))
        return matrices
