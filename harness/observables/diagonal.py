"""Observables that a configuration has by itself: structure factors and correlations of spin and charge.

With a_i = S^z_i = (n_i,up - n_i,down) / 2, or a_i = n_i - n and n the mean number of electrons on a site,

    S(q) = 1/N sum_ij exp(i q.(r_i - r_j)) <a_i a_j>,      C(r) = mean of <a_i a_j> over pairs i, j at displacement r

(C. N. Varney et al., Phys. Rev. B 80, 075116 (2009)). N counts sites. In a singlet the whole S.S is three times S^z
S^z. As n is subtracted, N(q = 0) is 0; elsewhere this only takes away the Bragg peaks of the uniform density, which
exist on the honeycomb lattice alone.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from harness.observables.displacements import Displacements
from harness.observables.wave_vectors import WaveVectors
from zoo.systems.base import LatticeSystem


def spins(system: LatticeSystem, filled):
    """S^z of each site, ``(batch, n_sites)``, in units of hbar."""
    return 0.5 * (filled[:, 0] - filled[:, 1])


def charges(system: LatticeSystem, filled):
    """Electrons of each site less their mean, ``(batch, n_sites)``."""
    return filled[:, 0] + filled[:, 1] - system.n_electrons / system.n_sites


class StructureFactor:
    """S(q) of a local operator, for the wave vectors of the lattice; antiperiodic boundaries do not shift them."""

    def __init__(self, system: LatticeSystem, local: Callable, component: str):
        self.system, self.local, self.components = system, local, (component,)
        self.points = WaveVectors.of(system.geometry)
        self.waves = np.cos(self.points.phases), np.sin(self.points.phases)

    def __call__(self, ratios: Callable, occupations, numbers):
        values = self.local(self.system, ops.cast(occupations, keras.config.floatx()))
        parts = [ops.matmul(values, ops.convert_to_tensor(wave, dtype=values.dtype)) for wave in self.waves]
        return ops.expand_dims(sum(ops.square(part) for part in parts) / self.system.n_sites, 1)


class Correlation:
    """C(r) of a local operator."""

    def __init__(self, system: LatticeSystem, local: Callable, component: str):
        self.system, self.local, self.components = system, local, (component,)
        self.points = Displacements(system)

    def __call__(self, ratios: Callable, occupations, numbers):
        values = self.local(self.system, ops.cast(occupations, keras.config.floatx()))
        products = ops.expand_dims(values, 2) * ops.expand_dims(values, 1)
        return ops.expand_dims(self.points.mean(products), 1)
