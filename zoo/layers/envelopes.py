"""Envelopes: how orbitals decay far from everything, each with rates of its own."""

from __future__ import annotations

import keras
from keras import ops

from zoo.layers.pairs import electron_nucleus_differences, norm


class Envelopes(keras.layers.Layer):
    r"""One decaying factor for each orbital k, sum_A pi_Ak exp(-sigma_Ak f(r_A)) over the centres A.

    * Nuclei: f = r in bohr, the isotropic exponentials of the later FermiNet code. Psi has a kink at the nuclei.
    * Other centres, such as the middle of a trap: f = r^2 / (2 l^2) with l the system's length scale, so that sigma = 1
      is the ground state of a trap of that oscillator length.
    * A periodic cell without centres: 1, and no weights.

    All pi and sigma are one at first. With a single centre pi would repeat the scale of the orbital, and is left out.

    Args:
        system: A `zoo.systems.base.ContinuumSystem`.
        n_orbitals: Orbitals.

    Call: positions ``(batch, m, dim)`` to ``(batch, m, n_orbitals)``, or to 1 in a periodic cell.
    """

    def __init__(self, system, n_orbitals: int, **kwargs):
        super().__init__(**kwargs)
        self.centres, self.at_nuclei, self.n_orbitals = system.centres, bool(len(system.charges)), n_orbitals
        self.length = system.length_scale

    def build(self, input_shape):
        shape = (len(self.centres), self.n_orbitals)
        if len(self.centres):
            self.sigma = self.add_weight(shape=shape, initializer="ones", name="sigma")
        if len(self.centres) > 1:
            self.pi = self.add_weight(shape=shape, initializer="ones", name="pi")

    def call(self, positions):
        if not len(self.centres):
            return 1.0
        differences = electron_nucleus_differences(positions, self.centres)
        if self.at_nuclei:
            distances = norm(differences)
        else:
            distances = ops.sum(ops.square(differences / self.length), axis=-1) * 0.5
        if len(self.centres) == 1:
            return ops.exp(ops.matmul(-distances, self.sigma))
        return ops.einsum("bmak,ak->bmk", ops.exp(ops.einsum("bma,ak->bmak", -distances, self.sigma)), self.pi)
