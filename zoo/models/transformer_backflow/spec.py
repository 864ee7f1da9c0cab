"""`transformer_backflow`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.models.neural_backflow.spec import require_divisor, require_size
from zoo.models.slater_jastrow_backflow import spec as slater_jastrow_backflow
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = sum_k c_k det[psi^k_m(i), up] det[psi^k_m(i), down] exp J(R)
    psi^k_m(i) = phi_m(x_i) (1 + f^k_m(h_i)) + g^k_m(h_i) chi(r_i)
    x_i = r_i + sum_j eta(r_ij) (r_i - r_j) + l D h_i
    h_i <- h_i + W [sum_j alpha_ij V h_j, sum_j alpha_ij s_ij],     alpha_ij = softmax_j(Q h_i . K h_j + b(e_ij))

The determinant, the Jastrow factor and the pairwise displacements of `slater_jastrow_backflow`, to which a transformer
adds. Self-attention is backflow by another name: alpha_ij, which says how much electron j moves electron i, stands
where eta(r_ij) stands, but depends on all electrons; s_ij is the direction of r_i - r_j, bounded. `zoo plot backflow`
shows both. The features h_i displace the electron, multiply its orbitals and add to them, in 1 to K determinants.
All this starts at zero, and c = (1, 0, ...): training starts at the energy of `slater_jastrow`.

Its inputs are analytic in the coordinates, so all cusps are those of the Jastrow factor, for any weights.

In a periodic cell the additive term is left out and cos(G.r), sin(G.r) share a factor: the wavefunction keeps the
translations of the gas. Where as many spins are up as down, or all are up, its electrons begin alike, and the first
layer attends by b alone.

On a lattice each site is a token, which knows its place and which of its four states it is in; electrons are seen at
other sites as well, with the amplitudes f of `slater_jastrow_backflow` (`backflow=none` leaves them out):

    Psi(n) = sum_k c_k det[psi^k_m(i), up] det[psi^k_m(i), down] exp J(n)
    psi^k_m(i) = chi^k_m(i) + sum_j f_d(ij)(n_i, n_j) chi^k_m(j),     chi^k_m(i) = phi_m(i) + a^k_m(h_i)
    h_i = e(n_i) + p_i,     h_i <- h_i + attention(h)_i,     h_i <- h_i + tanh(W h_i + b)

a is linear, zero at first in the first determinant and small and random in the others, where c = 0. With
`orbitals=generalised` the orbitals mix the spins, in one determinant of all electrons instead of two.

Limits: the cost grows as N^3 for the local energy. On a lattice the network does not know the symmetries.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig(slater_jastrow_backflow.ContinuumConfig):
    """Hyperparameters in the continuum.

    Attributes:
        width: Features of each electron.
        layers: Layers of attention.
        heads: Heads of attention in each layer; divides the width.
        determinants: Determinants, each with orbitals of its own.
    """

    width: int = 32
    layers: int = 2
    heads: int = 4
    determinants: int = 4

    def __post_init__(self):
        super().__post_init__()
        require_size("width", self.width, 4096)
        require_size("layers", self.layers, 100)
        require_size("determinants", self.determinants, 1000)
        require_divisor("heads", self.heads, self.width)


@dataclasses.dataclass(frozen=True)
class LatticeConfig(slater_jastrow_backflow.NetworkLatticeConfig):
    """Hyperparameters on a lattice.

    Attributes:
        width: Features of each site.
        layers: Layers of attention.
        heads: Heads of attention in each layer; divides the width.
        determinants: Terms of the sum, each with orbitals of its own.
    """

    width: int = 32
    layers: int = 2
    heads: int = 4
    determinants: int = 4

    def __post_init__(self):
        super().__post_init__()
        require_size("width", self.width, 4096)
        require_size("layers", self.layers, 100)
        require_size("determinants", self.determinants, 1000)
        require_divisor("heads", self.heads, self.width)


SPEC = ModelSpec(
    name="transformer_backflow",
    summary="Backflow from self-attention between all particles",
    rung=4,
    paper="A. Vaswani et al., NeurIPS 2017; I. von Glehn, J. S. Spencer and D. Pfau, ICLR 2023; "
    "Gu et al., arXiv:2507.02644",
    card=CARD,
    version="2",
    targets={
        "continuum": "zoo.models.transformer_backflow.continuum:TransformerBackflow",
        "lattice": "zoo.models.transformer_backflow.lattice:TransformerBackflow",
    },
    configs={"continuum": ContinuumConfig, "lattice": LatticeConfig},
    aliases=("tb",),
)
