"""Transformer backflow on a lattice."""

from __future__ import annotations

from keras import ops

from zoo.layers.determinant import sum_of_products
from zoo.layers.lattice_backflow import LatticeBackflow
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.lattice_orbitals import CorrectedOrbitals, first_orbitals, mixes_spins, occupied_sites
from zoo.layers.lattice_transformer import LatticeTransformer
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class TransformerBackflow(Wavefunction):
    """Backflow by self-attention between sites: sum_k c_k of determinants of phi_m(i) + a^k_m(h_i), times exp J(n),
    with i seen at other sites too, as in `zoo.models.slater_jastrow_backflow.lattice.SlaterJastrowBackflow`.

    The first determinant starts with c_1 = 1 and without corrections a, the others with c_k = 0: it starts as the
    Slater-Jastrow wavefunction.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: As in `zoo.models.slater_jastrow.lattice.SlaterJastrow`.
        backflow, backflow_range: Form and reach of `zoo.layers.lattice_backflow.LatticeBackflow`.
        width: Features of each site.
        layers: Layers of attention.
        heads: Heads of each; divides ``width``.
        determinants: K, each with corrections of its own.
    """

    complex_values = True

    def __init__(
        self,
        system: LatticeSystem,
        orbitals: str = "auto",
        backflow: str = "general",
        backflow_range: int = 2,
        width: int = 32,
        layers: int = 2,
        heads: int = 4,
        determinants: int = 4,
        name=None,
    ):
        network = {"width": width, "layers": layers, "heads": heads}
        form = {"backflow": backflow, "backflow_range": backflow_range}
        super().__init__(system, name=name, orbitals=orbitals, **form, **network, determinants=determinants)
        self.mixed = mixes_spins(system, orbitals)
        self.network = LatticeTransformer(**network, name="network")
        self.orbitals = CorrectedOrbitals(first_orbitals(system, orbitals), determinants, name="orbitals")
        self.backflow = LatticeBackflow(system, backflow, backflow_range, name="backflow")
        self.jastrow = LatticeJastrow.of(system)
        self.coefficients = None
        if determinants > 1:
            self.coefficients = self.add_weight(
                shape=(determinants,),
                initializer=lambda shape, dtype=None: ops.cast(ops.arange(shape[0]) == 0, dtype),
                name="coefficients",
            )
        self.create_weights()

    def call(self, occupations):
        sites = self.backflow(occupied_sites(self.system, occupations), occupations)
        matrices = self.orbitals(sites, self.network(occupations))
        if self.mixed:
            matrices = [ops.concatenate(matrices, axis=2)]
        sign, log_abs = sum_of_products(matrices, self.coefficients)
        return sign, log_abs + self.jastrow(occupations)
