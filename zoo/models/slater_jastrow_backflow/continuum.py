"""Slater-Jastrow-backflow in continuous space."""

from __future__ import annotations

from zoo.layers.backflow import PairwiseBackflow
from zoo.models.slater_jastrow.continuum import SlaterJastrow
from zoo.systems.base import ContinuumSystem


class SlaterJastrowBackflow(SlaterJastrow):
    """Psi(R) = det[phi_k(r_i + xi_i(R))] exp J(R) with pairwise displacements xi: the nodes depend on all electrons.

    The displacements start at zero, so it starts as the Slater-Jastrow wavefunction.

    Args:
        system: A continuum system; it supplies the orbitals.
        jastrow_order, three_body_order: As in `SlaterJastrow`.
        backflow_order: Trainable functions in each displacement function.
    """

    def __init__(
        self,
        system: ContinuumSystem,
        jastrow_order: int = 5,
        three_body_order: int = 2,
        backflow_order: int = 4,
        name=None,
        **further,
    ):
        super().__init__(system, jastrow_order, three_body_order, name=name, backflow_order=backflow_order, **further)

    def add_backflow(self) -> None:
        order = self.hyperparameters["backflow_order"]
        self.backflow = PairwiseBackflow(self.system, order, name="backflow")

    def effective_positions(self, positions):
        return positions + self.backflow(positions)
