"""Slater-Jastrow-backflow on a lattice."""

from __future__ import annotations

from zoo.layers.lattice_backflow import LatticeBackflow
from zoo.models.slater_jastrow.lattice import SlaterJastrow
from zoo.systems.base import LatticeSystem


class SlaterJastrowBackflow(SlaterJastrow):
    """Determinants of phi_k(i) + sum_j b_ij(n) phi_k(j), times exp J(n): the nodes depend on all electrons.

    b starts at zero, so it starts as the Slater-Jastrow wavefunction.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals, train_orbitals: As in `SlaterJastrow`.
        backflow: ``"general"`` or ``"doublon_holon"``, see `zoo.layers.lattice_backflow.LatticeBackflow`.
        backflow_range: Hops to the furthest sites j.
    """

    def __init__(
        self,
        system: LatticeSystem,
        orbitals: str = "auto",
        train_orbitals: bool = True,
        backflow: str = "general",
        backflow_range: int = 2,
        name=None,
    ):
        form = {"backflow": backflow, "backflow_range": backflow_range}
        super().__init__(system, orbitals, train_orbitals, name=name, **form)

    def add_backflow(self) -> None:
        form, reach = (self.hyperparameters[name] for name in ("backflow", "backflow_range"))
        self.backflow = LatticeBackflow(self.system, form, reach, name="backflow")

    def effective_sites(self, occupations) -> list:
        return self.backflow(super().effective_sites(occupations), occupations)
