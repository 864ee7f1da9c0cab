"""`slater_boltzmann`: what the registry knows about it. Imports no Keras: `zoo list` reads this file."""

from __future__ import annotations

import dataclasses

from zoo.errors import ZooError
from zoo.registry import ModelSpec

CARD = r"""
    Psi(n) = det[phi_k(i), i occupied by up] det[phi_k(i), i occupied by down] prod_h 2 cosh(b_h + W_h n)

The product is a restricted Boltzmann machine whose hidden units h have been summed over: each sees the occupations of
all sites and both spins. It correlates any number of electrons at once, where a Jastrow factor has pairs alone, but is
positive: the nodes are those of the determinants, as in `slater_jastrow`, with which it shares what it cannot do.

`hidden` units for each site, weights that know nothing of the lattice: parameters grow as the square of the sites. The
first weights are small and random, since a machine of zeros would not learn, so that training starts close to the
energy of the determinants.
"""


@dataclasses.dataclass(frozen=True)
class LatticeConfig:
    """Hyperparameters on a lattice.

    Attributes:
        hidden: Hidden units for each site.
        train_orbitals: Whether the orbitals are optimised beside the machine.
    """

    hidden: int = 2
    train_orbitals: bool = True

    def __post_init__(self):
        if not 1 <= self.hidden <= 100:
            raise ZooError(f"model.hidden={self.hidden}: expected 1 to 100")


SPEC = ModelSpec(
    name="slater_boltzmann",
    summary="Slater determinants times a restricted Boltzmann machine",
    rung=None,
    paper="Y. Nomura, A. S. Darmawan, Y. Yamaji and M. Imada, Phys. Rev. B 96, 205152 (2017)",
    card=CARD,
    version="1",
    targets={"lattice": "zoo_slater_boltzmann.lattice:SlaterBoltzmann"},
    configs={"lattice": LatticeConfig},
)
