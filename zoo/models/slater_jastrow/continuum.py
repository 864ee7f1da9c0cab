"""Slater-Jastrow in continuous space."""

from __future__ import annotations

from zoo.layers.determinant import spin_determinants
from zoo.layers.jastrow import ContinuumJastrow
from zoo.systems.base import ContinuumSystem
from zoo.wavefunction import Wavefunction


class SlaterJastrow(Wavefunction):
    """Psi(R) = det[phi_k(r_i up)] det[phi_k(r_i down)] exp J(R): the nodes are those of the determinants.

    Args:
        system: A continuum system; it supplies the orbitals.
        jastrow_order: Trainable functions in each one- and two-body term.
        three_body_order: Trainable functions of each distance in the electron-electron-nucleus term; 0 leaves it
            out.
    """

    spin_flip_symmetric = True

    def __init__(
        self, system: ContinuumSystem, jastrow_order: int = 5, three_body_order: int = 2, name=None, **further
    ):
        super().__init__(system, name=name, jastrow_order=jastrow_order, three_body_order=three_body_order, **further)
        self.orbitals = system.orbitals()
        self.jastrow = ContinuumJastrow(system, jastrow_order, three_body_order, name="jastrow")
        self.add_backflow()
        self.create_weights()

    def add_backflow(self) -> None:
        """Create the layers of the backflow, before the weights are made; this rung of the ladder has none."""

    def effective_positions(self, positions):
        """Where the orbitals are evaluated, ``(batch, n_electrons, dim)``: here, at the electrons."""
        return positions

    def call(self, positions):
        orbitals = self.orbitals(self.effective_positions(positions))
        sign, log_abs = spin_determinants(orbitals, self.system.n_up, self.system.n_down)
        return sign, log_abs + self.jastrow(positions)
