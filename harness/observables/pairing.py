"""Correlations of singlet pairs of electrons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from harness.observables.displacements import Displacements
from harness.observables.pair_hops import PairHopRatios
from zoo.systems.base import LatticeSystem
from zoo.systems.lattice_kinds import canonical

ORIGINS = 2
"""Sites at which pairs are taken up, for each configuration and measurement."""


class PairCorrelation:
    """P_a(r) = <D+_a(R + r) D_a(R)>, averaged over R and over displacements r of one class.

    The pair fields (S. Zhang, J. Carlson and J. E. Gubernatis, Phys. Rev. Lett. 78, 4486 (1997); S. R. White et al.,
    Phys. Rev. B 39, 839 (1989)) are

        D_s(R) = c_R,up c_R,down
        D_a(R) = sum_d f_a(d) (c_R,up c_R+d,down - c_R,down c_R+d,up)

    with d to the nearest neighbours of R, each once: f = 1 for ``extended_s``; on a grid of two axes also ``d``, with
    f = 1 along the first axis and -1 along the second. Across an antiperiodic boundary f changes sign. Neighbours
    beyond an open end are left out. As c_R,down c_R+d,up = -c_R+d,up c_R,down, each field is a sum of
    b_ij = c_i,up c_j,down, and P a sum of <b+_ij b_kl>, whose local values are amplitude ratios of two hops.

    Of all sites R + r only `ORIGINS` are taken for a configuration, other ones for each walker and each measurement,
    so that each site has its turn equally often: the mean is the same, and a sum of (number of sites)^2 terms, each
    with its amplitude ratios, becomes one of (number of sites).

    P holds the part without any pairing too, <c+c>_up <c+c>_down: compare with U = 0, or look at large r.

    Args:
        system: The system, with electrons of both spins.
    """

    def __init__(self, system: LatticeSystem):
        self.points = Displacements(system)
        self.forms: list[tuple[np.ndarray, dict[str, np.ndarray]]] = [on_site(system)]
        if len(extended(system)[0]):
            self.forms.append(extended(system))
        self.hops = [PairHopRatios(places, system.n_sites) for places, _ in self.forms]
        self.rows = [pairs_of_sites(next(iter(forms.values()))) for _, forms in self.forms]
        self.components = tuple(name for _, forms in self.forms for name in forms)
        self.n_sites, self.origins = system.n_sites, min(ORIGINS, system.n_sites)

    @property
    def slots(self) -> int:
        """Numbers for each walker while it is measured."""
        return max(
            self.origins * rows.size // self.n_sites * len(f[0]) for rows, f in zip(self.rows, self.forms, strict=True)
        )

    def __call__(self, ratios: Callable, occupations, numbers):
        batch = occupations.shape[0]
        first = ops.expand_dims(numbers * self.origins, 1)
        origins = (first + ops.arange(self.origins, dtype="int32")) % self.n_sites  # (batch, origins)
        flat = ops.reshape(origins, (batch * self.origins,))
        values = []
        for hops, table, (_, forms) in zip(self.hops, self.rows, self.forms, strict=True):
            rows = ops.take(ops.convert_to_tensor(table), flat, axis=0)  # (batch * origins, pairs of a site)
            at_once = ops.reshape(rows, (batch, self.origins * table.shape[1]))
            products = ratios(hops, occupations, at_once)
            products = ops.reshape(products, (batch * self.origins, table.shape[1], -1))
            for form in forms.values():
                weights = ops.convert_to_tensor(form, dtype=products.dtype)
                own = ops.take_along_axis(ops.take(weights, flat, axis=0), ops.maximum(rows, 0), axis=1)
                fields = ops.matmul(ops.sum(ops.expand_dims(own, 2) * products, axis=1), ops.transpose(weights))
                values.append(self.points.mean_from(origins, ops.reshape(fields, (batch, self.origins, self.n_sites))))
        return ops.stack(values, axis=1)


def pairs_of_sites(field: np.ndarray) -> np.ndarray:
    """The pairs that the field on each site is made of, whole numbers ``(n_sites, most)``; -1 where there are fewer."""
    found = [np.flatnonzero(row) for row in field]
    table = np.full((len(found), max(map(len, found))), -1, dtype="int32")
    for row, own in zip(table, found, strict=True):
        row[: len(own)] = own
    return table


def on_site(system: LatticeSystem) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Places ``(n_sites, 2)`` of pairs on one site, and the field on each site as a sum of them."""
    sites = np.arange(system.n_sites)
    return np.stack([sites, sites], axis=1), {"s": np.eye(system.n_sites)}


def extended(system: LatticeSystem) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Places ``(pairs, 2)`` of spin up and down on nearest neighbours, and the fields ``(n_sites, pairs)`` by name."""
    lattice = system.geometry
    places, signs, directions = [], [], []
    for direction, displacement in enumerate(lattice.definition.nearest):
        for (i, j), sign in lattice.pairs((displacement,)).items():
            places += [(i, j), (j, i)]
            signs += [sign, sign]
            directions += [direction, direction]
    ends = np.array(places, dtype=int).reshape(-1, 2)
    field = np.zeros((system.n_sites, len(ends)))
    for column, (pair, sign) in enumerate(zip(ends, signs, strict=True)):
        field[pair, column] = sign
    forms = {"extended_s": field}
    if canonical(lattice.kind) == "rectangle" and len(set(directions)) == 2:
        forms["d"] = field * (1 - 2 * np.array(directions))
    return ends, forms
