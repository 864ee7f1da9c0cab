"""`slater_jastrow`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.errors import ZooError
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = det[phi_k(r_i, up)] det[phi_k(r_i, down)] exp J(R)

The determinants hold the reference orbitals of the system. The Jastrow factor J is symmetric and has no zeros, so it
lowers the energy without moving the nodes: this is the baseline that backflow is compared with.

* Continuum: J is a sum over pairs of electrons, and over electrons and nuclei. Its slope at contact is fixed by the
  cusp conditions; beyond it, every spin pair has its own trainable series in a bounded function of the distance.
* Lattice: J holds a Gutzwiller term, density-density and spin-spin terms, tied over classes of equivalent
  displacements. It is zero at first, so that training starts at the energy of the mean-field determinant. Orbitals are
  trainable; the generalised ones mix the spins, in one determinant of all electrons, so that magnetic order can point
  anywhere.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig:
    """Hyperparameters in the continuum.

    Attributes:
        jastrow_order: Trainable functions in each one- and two-body term of the Jastrow factor.
        three_body_order: Trainable functions of each distance in the electron-electron-nucleus term; 0 leaves it out.
    """

    jastrow_order: int = 5
    three_body_order: int = 2

    def __post_init__(self):
        if not 1 <= self.jastrow_order <= 100:
            raise ZooError(f"model.jastrow_order={self.jastrow_order}: expected 1 to 100")
        if not 0 <= self.three_body_order <= 10:
            raise ZooError(f"model.three_body_order={self.three_body_order}: expected 0 to 10")


@dataclasses.dataclass(frozen=True)
class LatticeConfig:
    """Hyperparameters on a lattice.

    Attributes:
        orbitals: Orbitals that training starts from: ``screened`` (mean field of abs(U) at most 2 t), ``unrestricted``
            (mean field of U itself), ``free``, ``generalised`` (screened, in one determinant that may mix spins), or
            ``auto``: generalised where the mean field is magnetic and both spins are equally many, else screened.
        train_orbitals: Whether the orbitals are optimised beside the Jastrow factor.
    """

    orbitals: str = "auto"
    train_orbitals: bool = True

    def __post_init__(self):
        require_orbitals(self.orbitals, "generalised", "auto")


COLLINEAR = ("screened", "unrestricted", "free")


def require_orbitals(orbitals: str, *further: str) -> None:
    """Refuses what is no kind of mean-field orbitals nor one of ``further``."""
    *kinds, last = (*COLLINEAR, *further)
    if orbitals not in (*kinds, last):
        raise ZooError(f"model.orbitals={orbitals}: expected {', '.join(kinds)} or {last}")


SPEC = ModelSpec(
    name="slater_jastrow",
    summary="Slater determinants times a Jastrow factor: the nodes are those of the determinants",
    rung=1,
    paper="R. Jastrow, Phys. Rev. 98, 1479 (1955); J. C. Slater, Phys. Rev. 34, 1293 (1929)",
    card=CARD,
    version="1",
    targets={
        "continuum": "zoo.models.slater_jastrow.continuum:SlaterJastrow",
        "lattice": "zoo.models.slater_jastrow.lattice:SlaterJastrow",
    },
    configs={"continuum": ContinuumConfig, "lattice": LatticeConfig},
    aliases=("sj",),
)
