"""`pfaffian`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.errors import ZooError
from zoo.models.slater_jastrow.spec import require_orbitals
from zoo.registry import ModelSpec

CARD = r"""
    opposite:  Psi(n) = det [f(x_i, y_j) | phi_k(x_i)] exp J(n)
    all:       Psi(n) = Pf [F(z_i, z_j)] exp J(n),     F(z, z') = -F(z', z)

Electrons in pairs, as in a superconductor with a fixed number of electrons (the resonating valence bond state where a
Jastrow factor keeps them apart). The pairing function is free, and a Slater determinant is a special case of it, from
which training starts: at the energy of `slater_jastrow` with the same orbitals.

* opposite: x are the sites of the spin with more electrons, y those of the other; f has a value for each two sites, and
  is a singlet where it is symmetric. Electrons without a partner are in orbitals phi.
* all: z are all electrons, spin up first, so that equal spins pair too (triplets, and singlets of any direction). Of an
  odd number one is in an orbital, a last row and column of the matrix.

Every pair (z, z') has a parameter of its own: no symmetry of the lattice is assumed. log|Pf| is half of log|det|; the
sign comes from an elimination with pivoting.

Limits: lattices only; nodes as good as one pairing function makes them, without backflow. Parameters grow with the
square of the number of sites.
"""


@dataclasses.dataclass(frozen=True)
class LatticeConfig:
    """Hyperparameters on a lattice.

    Attributes:
        orbitals: Orbitals that training starts from: ``screened`` (mean field of abs(U) at most 2 t), ``unrestricted``
            (mean field of U itself) or ``free``.
        pairing: Which electrons pair: ``opposite`` (those of opposite spin) or ``all``.
    """

    orbitals: str = "screened"
    pairing: str = "opposite"

    def __post_init__(self):
        require_orbitals(self.orbitals)
        if self.pairing not in ("opposite", "all"):
            raise ZooError(f"model.pairing={self.pairing}: expected opposite or all")


SPEC = ModelSpec(
    name="pfaffian",
    summary="Pairs of electrons instead of orbitals: a determinant or a Pfaffian of a pairing function",
    rung=None,
    paper="M. Bajdich, L. Mitas, G. Drobny, L. K. Wagner and K. E. Schmidt, Phys. Rev. Lett. 96, 130201 (2006); "
    "D. Tahara and M. Imada, J. Phys. Soc. Jpn. 77, 114701 (2008)",
    card=CARD,
    version="1",
    targets={"lattice": "zoo.models.pfaffian.lattice:Pfaffian"},
    configs={"lattice": LatticeConfig},
)
