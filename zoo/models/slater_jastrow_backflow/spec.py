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


SPEC = ModelSpec(
    name="slater_jastrow_backflow",
    summary="Slater-Jastrow at coordinates displaced pair by pair, which moves the nodes",
    rung=2,
    paper="R. P. Feynman and M. Cohen, Phys. Rev. 102, 1189 (1956); Y. Kwon, D. M. Ceperley, R. M. Martin, "
    "Phys. Rev. B 48, 12037 (1993)",
    card=CARD,
    version="1",
    targets={"continuum": "zoo.models.slater_jastrow_backflow.continuum:SlaterJastrowBackflow"},
    configs={"continuum": ContinuumConfig},
    aliases=("sjb",),
)
