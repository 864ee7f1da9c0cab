"""`projected`: what the registry knows about it."""

from __future__ import annotations

import dataclasses
from typing import Any

from zoo.errors import ZooError
from zoo.parameters import plain_text
from zoo.registry import ModelSpec, hyperparameters

CARD = r"""
    Psi_P(n) = sum_g chi(g) s_g(n) Psi(g n)

Any wavefunction of a lattice, projected onto a sector of translations, of the point group, of the exchange of the
spins, or of all of them. s_g(n) is the sign that a symmetry gives to a configuration: of the order in which electrons
arrive, and of antiperiodic boundaries. The projected wavefunction is optimised itself (variation after projection),
and is antisymmetric as the one it is made from.

    zoo run model=projected model.base=neural_backflow model.options={hidden:32} model.momentum=[0,0] \
        system=hubbard_4x4

The sign of the exchange of the spins is that of U c+_i,up U^-1 = c+_i,down: a singlet of N_up = N_down electrons has
the character (-1)^N_up.

Limits: characters are real, so momenta are 0 or half the extent. Each configuration costs as many evaluations as the
group has elements.
"""


@dataclasses.dataclass(frozen=True)
class LatticeConfig:
    """Hyperparameters on a lattice.

    Attributes:
        base: Name of the model that is projected.
        options: Its hyperparameters, such as ``{hidden:32}``.
        momentum: For each axis the momentum in units of 2 pi / extent, 0 or half the extent; ``[]`` for no projection.
        point_group: ``none``, ``trivial``, or a list of characters, 1 or -1.
        spin_flip: Character of the exchange of the spins, 1 or -1; 0 for no projection.
    """

    base: str = "slater_jastrow"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    momentum: tuple[int, ...] = ()
    point_group: str | tuple[int, ...] = "none"
    spin_flip: int = 0

    def __post_init__(self):
        if self.spin_flip not in (-1, 0, 1):
            raise ZooError(f"model.spin_flip={self.spin_flip}: expected 1, -1 or 0")
        if self.base == "projected":
            raise ZooError("model.base=projected: expected another model")
        try:
            hyperparameters(self.base, "lattice", **self.options)
        except ZooError as error:
            raise ZooError(f"model.base={self.base}, model.options={plain_text(self.options)}: {error}") from None


SPEC = ModelSpec(
    name="projected",
    summary="Any wavefunction of a lattice, projected onto a symmetry sector",
    rung=None,
    paper="P. Ring and P. Schuck, The Nuclear Many-Body Problem (1980), chapter 11; D. Tahara and M. Imada, "
    "J. Phys. Soc. Jpn. 77, 114701 (2008)",
    card=CARD,
    version="1",
    targets={"lattice": "zoo.models.projected.lattice:Projected"},
    configs={"lattice": LatticeConfig},
)
