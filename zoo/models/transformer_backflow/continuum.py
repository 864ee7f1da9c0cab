"""Transformer backflow in continuous space."""

from __future__ import annotations

from zoo.layers.attention import ElectronTransformer
from zoo.layers.orbital_corrections import OrbitalCorrections, SmoothEnvelope
from zoo.models.contextual_backflow import ContextualBackflow
from zoo.systems.base import ContinuumSystem


class TransformerBackflow(ContextualBackflow):
    """Backflow by self-attention between electrons: determinants of phi_k(x_i) (1 + f_k(h_i)) + g_k(h_i) chi(r_i).

    Args:
        system: A continuum system; it supplies the orbitals.
        jastrow_order, three_body_order, backflow_order: As in `SlaterJastrowBackflow`.
        width: Features of each electron.
        layers: Layers of attention.
        heads: Heads of each; divides ``width``.
        determinants: Determinants, each with orbitals of its own.
    """

    def __init__(
        self,
        system: ContinuumSystem,
        jastrow_order: int = 5,
        three_body_order: int = 2,
        backflow_order: int = 4,
        width: int = 32,
        layers: int = 2,
        heads: int = 4,
        determinants: int = 4,
        name=None,
    ):
        network = {"width": width, "layers": layers, "heads": heads, "determinants": determinants}
        super().__init__(system, jastrow_order, three_body_order, backflow_order, name=name, **network)

    def create_network(self) -> ElectronTransformer:
        sizes = {name: self.hyperparameters[name] for name in ("width", "layers", "heads")}
        return ElectronTransformer(self.system, **sizes, name="network")

    def create_corrections(self) -> OrbitalCorrections:
        # In a periodic cell an additive term would mix total momenta.
        envelope = SmoothEnvelope(self.system, name="envelope") if self.system.cell is None else None
        sets = self.hyperparameters["determinants"]
        return OrbitalCorrections(self.system.orbital_multiplets, sets, envelope, name="corrections")

    def attention(self, positions):
        """How much electron i attends to electron j, ``(batch, layers, heads, n, n)``; each row sums to one."""
        return self.network.attention_weights(positions)
