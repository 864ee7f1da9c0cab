"""Slater determinants times a restricted Boltzmann machine, on a lattice."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.determinant import product_of_determinants
from zoo.layers.lattice_orbitals import LatticeOrbitals, first_orbitals, occupied_sites
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class BoltzmannMachine(keras.layers.Layer):
    """sum_h log 2 cosh(b_h + sum_i W_hi (n_i - 1/2)): hidden units summed over.

    Args:
        units: Hidden units.

    Call: occupations ``(batch, 2 n_sites)`` as numbers to ``(batch,)``.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        small = keras.initializers.RandomNormal(stddev=0.02)  # at zero W and b would never leave it
        self.couplings = self.add_weight(shape=(input_shape[-1], self.units), initializer=small, name="couplings")
        self.biases = self.add_weight(shape=(self.units,), initializer=small, name="biases")

    def call(self, occupations):
        angles = ops.matmul(occupations - 0.5, self.couplings) + self.biases
        return ops.sum(ops.logaddexp(angles, -angles), axis=-1)  # log 2 cosh, without overflow


class SlaterBoltzmann(Wavefunction):
    """Psi(n) = det[phi_k(i), up] det[phi_k(i), down] prod_h 2 cosh(b_h + W_h n).

    Args:
        system: A lattice system; it supplies the first orbitals.
        hidden: Hidden units for each site.
        train_orbitals: Whether the orbitals are optimised.
    """

    def __init__(self, system: LatticeSystem, hidden: int = 2, train_orbitals: bool = True, name=None):
        super().__init__(system, name=name, hidden=hidden, train_orbitals=train_orbitals)
        self.orbitals = LatticeOrbitals(first_orbitals(system, "screened"), trainable=train_orbitals, name="orbitals")
        self.machine = BoltzmannMachine(hidden * system.n_sites, name="machine")
        self.create_weights()

    def call(self, occupations):
        sign, log_abs = product_of_determinants(self.orbitals(occupied_sites(self.system, occupations)))
        flat = ops.cast(ops.reshape(occupations, (-1, 2 * self.system.n_sites)), log_abs.dtype)
        return sign, log_abs + self.machine(flat)
