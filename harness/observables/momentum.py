"""The momentum distribution, from the one-body density matrix."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from harness.local_energy.hops import HopRatios
from harness.observables.wave_vectors import WaveVectors
from zoo.systems.base import LatticeSystem


class MomentumDistribution:
    """n_s(k) = <c+_ks c_ks> with c_ks = N^(-1/2) sum_i exp(-i k.r_i) c_is: between 0 and 1, for each spin s.

    The local estimator is the mean over all pairs of sites (C. N. Varney et al., Phys. Rev. B 80, 075116 (2009)),

        n_s(k) = N_s / N + 1/N sum_{i<j} cos(k.(r_i - r_j)) <c+_i c_j + c+_j c_i>_s

    with the hops between i and j as amplitude ratios: Psi is real, so that n(-k) = n(k). An antiperiodic axis shifts
    its component of k by half a step, a twisted one by its twist. Where Psi is complex a pair counts as

        cos(k.(r_i - r_j)) Re <...> -+ sin(k.(r_i - r_j)) Im <...>,     - where i is occupied, + where j is.

    On the honeycomb lattice k runs through the large zone of `WaveVectors`.

    Args:
        system: The system, without open axes.
    """

    def __init__(self, system: LatticeSystem):
        self.system = system
        self.spins = 2 if system.n_down else 1
        self.components = ("up", "down")[: self.spins]
        self.points = WaveVectors.of(system.geometry, shifted=True)
        first, second = np.triu_indices(system.n_sites, 1)
        self.hops = HopRatios(list(zip(first.tolist(), second.tolist(), strict=True)), system.n_sites)
        angles = self.points.phases[first] - self.points.phases[second]
        self.waves, self.sines = np.cos(angles), np.sin(angles)  # (pairs, wave vectors)

    @property
    def slots(self) -> int:
        """Numbers for each walker while it is measured."""
        return 2 * len(self.waves)

    def __call__(self, ratios: Callable, occupations, numbers):
        counts = np.array([self.system.n_up, self.system.n_down])[: self.spins]
        filling = ops.convert_to_tensor(counts[:, None] / self.system.n_sites, dtype=keras.config.floatx())
        if not len(self.waves):  # a single site
            return ops.ones((occupations.shape[0], 1, 1), dtype=filling.dtype) * filling
        hopping = ratios(self.hops, occupations)[:, : self.spins]
        waves = ops.convert_to_tensor(self.waves, dtype=filling.dtype)
        if not self.system.is_complex:
            return filling + ops.matmul(hopping, waves) / self.system.n_sites
        filled = ops.cast(occupations[:, : self.spins], filling.dtype)
        way = ops.take(filled, self.hops.first, axis=2) - ops.take(filled, self.hops.second, axis=2)
        sines = ops.convert_to_tensor(self.sines, dtype=filling.dtype)
        total = ops.matmul(ops.real(hopping), waves) - ops.matmul(way * ops.imag(hopping), sines)
        return filling + total / self.system.n_sites
