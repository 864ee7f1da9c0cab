"""`slater_jastrow_backflow`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.errors import ZooError
from zoo.models.slater_jastrow import spec as slater_jastrow
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = det[phi_k(x_i, up)] det[phi_k(x_i, down)] exp J(R)
    x_i = r_i + sum_j eta(r_ij) (r_i - r_j)

Each electron is displaced along its distances to the others, and to the nuclei where there are any, before the
orbitals are evaluated. The scalar eta has its own trainable series for equal and for opposite spins, and decays at
large distance. Unlike the Jastrow factor, the displacement moves the nodes.

eta is zero at first: training starts at the energy of `slater_jastrow`, and the difference is what backflow buys.

On a lattice an electron at site i is seen at other sites j as well, with amplitudes that depend on who is at i and j:

    Psi(n) = det[psi_k(i), up] det[psi_k(i), down] exp J(n),     psi_k(i) = phi_k(i) + sum_j f_d(ij)(n_i, n_j) phi_k(j)

f has a value for each class of displacements d and each pair of local states, the same for both spins with their roles
exchanged (`backflow=general`). `backflow=doublon_holon` ties them to the three terms of Tocchio, Becca and Gros on each
class: a doublon and a holon, an exchange of spins, and an electron that moves on. The general form contains these,
costs no more, and is the default.

Limits on a lattice: pairs of sites alone, within `backflow_range` hops.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig(slater_jastrow.ContinuumConfig):
    """Hyperparameters in the continuum.

    Attributes:
        backflow_order: Trainable functions in each displacement function.
    """

    backflow_order: int = 4

    def __post_init__(self):
        super().__post_init__()
        if not 1 <= self.backflow_order <= 100:
            raise ZooError(f"model.backflow_order={self.backflow_order}: expected 1 to 100")


@dataclasses.dataclass(frozen=True)
class LatticeConfig(slater_jastrow.LatticeConfig):
    """Hyperparameters on a lattice.

    Attributes:
        backflow: ``general`` (a number for each pair of local states) or ``doublon_holon`` (three terms).
        backflow_range: Hops to the furthest sites at which an electron is seen.
    """

    backflow: str = "general"
    backflow_range: int = 2

    def __post_init__(self):
        super().__post_init__()
        require_backflow(self.backflow, self.backflow_range)


@dataclasses.dataclass(frozen=True)
class NetworkLatticeConfig:
    """Hyperparameters on a lattice that models share which add a network to this one.

    Attributes:
        orbitals: Orbitals that training starts from: ``screened`` (mean field of abs(U) at most 2 t), ``unrestricted``
            (mean field of U itself), ``free``, ``generalised`` (screened, in one determinant that may mix spins), or
            ``auto``: generalised where the mean field is magnetic and both spins are equally many, else screened.
        backflow: Pairwise backflow beside the network: ``general`` (a number for each pair of local states),
            ``doublon_holon`` (three terms) or ``none``.
        backflow_range: Hops to the furthest sites at which an electron is seen.
    """

    orbitals: str = "auto"
    backflow: str = "general"
    backflow_range: int = 2

    def __post_init__(self):
        slater_jastrow.require_orbitals(self.orbitals, "generalised", "auto")
        require_backflow(self.backflow, self.backflow_range, "none")


def require_backflow(form: str, reach: int, *further: str) -> None:
    """Refuses what is no form of the pairwise backflow of a lattice nor a further choice, and no number of hops."""
    forms = ("general", "doublon_holon", *further)
    if form not in forms:
        raise ZooError(f"model.backflow={form}: expected {', '.join(forms[:-1])} or {forms[-1]}")
    if not 1 <= reach <= 100:
        raise ZooError(f"model.backflow_range={reach}: expected 1 to 100")


SPEC = ModelSpec(
    name="slater_jastrow_backflow",
    summary="Slater-Jastrow at coordinates displaced pair by pair, which moves the nodes",
    rung=2,
    paper="R. P. Feynman and M. Cohen, Phys. Rev. 102, 1189 (1956); Y. Kwon, D. M. Ceperley, R. M. Martin, "
    "Phys. Rev. B 48, 12037 (1993); L. F. Tocchio, F. Becca and C. Gros, Phys. Rev. B 83, 195138 (2011)",
    card=CARD,
    version="1",
    targets={
        "continuum": "zoo.models.slater_jastrow_backflow.continuum:SlaterJastrowBackflow",
        "lattice": "zoo.models.slater_jastrow_backflow.lattice:SlaterJastrowBackflow",
    },
    configs={"continuum": ContinuumConfig, "lattice": LatticeConfig},
    aliases=("sjb",),
)
