"""What neural and transformer backflow share in continuous space."""

from __future__ import annotations

from abc import abstractmethod

import keras
from keras import ops

from zoo.layers.backflow import has_effect
from zoo.layers.determinant import spin_determinants, sum_of_determinants
from zoo.layers.orbital_corrections import OrbitalCorrections
from zoo.models.slater_jastrow_backflow.continuum import SlaterJastrowBackflow


class ContextualBackflow(SlaterJastrowBackflow):
    r"""Pairwise backflow, to which a network that sees all electrons adds.

        x_i = r_i + xi_i(R) + l D h_i(R),     Psi = sum_k c_k det[phi^k_m(x_i)] exp J

    with xi the pairwise displacements, h_i the features of electron i that the network gives, D linear, l the length
    scale of the system, and phi^k orbitals that h_i corrects (`zoo.layers.orbital_corrections`). The first
    determinant starts with c_1 = 1 and without corrections, the others with c_k = 0: it starts as the Slater-Jastrow
    wavefunction. A subclass makes the network in `create_network` and the orbitals in `create_corrections`.
    """

    @abstractmethod
    def create_network(self) -> keras.layers.Layer:
        """The network, from positions to features ``(batch, n_electrons, width)``."""

    @abstractmethod
    def create_corrections(self) -> OrbitalCorrections:
        """The layer that makes the orbitals of the determinants."""

    def add_backflow(self) -> None:
        super().add_backflow()
        self.network = self.create_network()
        if has_effect(self.system):
            self.displacement = keras.layers.Dense(
                self.system.dim, kernel_initializer="zeros", use_bias=False, name="displacement"
            )
        self.corrections = self.create_corrections()
        if self.corrections.sets > 1:
            self.coefficients = self.add_weight(
                shape=(self.corrections.sets,),
                initializer=lambda shape, dtype=None: ops.cast(ops.arange(shape[0]) == 0, dtype),
                name="coefficients",
            )

    def effective_positions(self, positions):
        return self._displaced(positions, self.network(positions))

    def _displaced(self, positions, features):
        displaced = positions + self.backflow(positions)
        if not has_effect(self.system):
            return displaced
        further = self.displacement(features) * self.system.length_scale
        if self.system.cell is not None:  # a displacement common to all changes nothing in closed shells
            further = further - ops.sum(further, axis=1, keepdims=True) / self.system.n_electrons
        return displaced + further

    def call(self, positions):
        features = self.network(positions)
        orbitals = self.orbitals(self._displaced(positions, features))
        orbitals = self.corrections(orbitals, features, positions)
        sign, log_abs = spin_determinants(orbitals, self.system.n_up, self.system.n_down)
        if self.corrections.sets == 1:
            sign, log_abs = sign[:, 0], log_abs[:, 0]
        else:
            sign, log_abs = sum_of_determinants(sign, log_abs, self.coefficients)
        return sign, log_abs + self.jastrow(positions)
