"""Neural backflow in continuous space."""

from __future__ import annotations

from zoo.layers.message_passing import MessagePassing
from zoo.layers.orbital_corrections import OrbitalCorrections
from zoo.models.contextual_backflow import ContextualBackflow
from zoo.systems.base import ContinuumSystem


class NeuralBackflow(ContextualBackflow):
    """Backflow by message passing between electrons: one determinant of phi_k(x_i) (1 + f_k(h_i)).

    Args:
        system: A continuum system; it supplies the orbitals.
        jastrow_order, three_body_order, backflow_order: As in `SlaterJastrowBackflow`.
        width: Features of each electron.
        rounds: Rounds of messages.
        channels: Filters in the rounds after the first; divides ``width``.
    """

    def __init__(
        self,
        system: ContinuumSystem,
        jastrow_order: int = 5,
        three_body_order: int = 2,
        backflow_order: int = 4,
        width: int = 32,
        rounds: int = 2,
        channels: int = 8,
        name=None,
    ):
        network = {"width": width, "rounds": rounds, "channels": channels}
        super().__init__(system, jastrow_order, three_body_order, backflow_order, name=name, **network)

    def create_network(self) -> MessagePassing:
        sizes = {name: self.hyperparameters[name] for name in ("width", "rounds", "channels")}
        return MessagePassing(self.system, **sizes, name="network")

    def create_corrections(self) -> OrbitalCorrections:
        return OrbitalCorrections(self.system.orbital_multiplets, name="corrections")
