"""`neural_backflow`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.errors import ZooError
from zoo.models.slater_jastrow_backflow import spec as slater_jastrow_backflow
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = det[psi_k(i), up] det[psi_k(i), down] exp J(R),     psi_k(i) = phi_k(x_i) (1 + f_k(h_i))
    x_i = r_i + sum_j eta(r_ij) (r_i - r_j) + l D h_i
    h_i <- h_i + tanh(W [h_i, sum_j w(e_ij) * (V h_j)])

The determinant, the Jastrow factor and the pairwise displacements of `slater_jastrow_backflow`, to which a network adds
a displacement and a factor for each orbital. The network passes messages between the electrons, with filters w of the
distance and direction e_ij, and is equivariant under permutations of equal spins. Its output starts at zero: training
starts at the energy of `slater_jastrow`.

Its inputs are analytic in the coordinates, so all cusps are those of the Jastrow factor, for any weights. In a periodic
cell only periodic differences of positions enter, and cos(G.r), sin(G.r) share a factor: the wavefunction keeps the
translations of the gas.

On a lattice the network sees the occupations of all sites, and adds to every orbital at every site; electrons are seen
at other sites as well, with the amplitudes f of `slater_jastrow_backflow`:

    Psi(n) = det[psi_k(i), up] det[psi_k(i), down] exp J(n),     psi_k(i) = chi_k(i) + sum_j f_d(ij)(n_i, n_j) chi_k(j)
    chi_k(i) = phi_k(i) + a_ki(n),     a(n) = A tanh(W n + b)

`backflow=none` leaves f out, as in the paper of Luo and Clark.

Limits: one determinant. In the continuum the cost of the local energy grows as N^3; on a lattice every configuration
costs a whole evaluation of the network and of the determinant.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig(slater_jastrow_backflow.ContinuumConfig):
    """Hyperparameters in the continuum.

    Attributes:
        width: Features of each electron.
        rounds: Rounds of messages between the electrons.
        channels: Filters in the rounds after the first; divides the width.
    """

    width: int = 32
    rounds: int = 2
    channels: int = 8

    def __post_init__(self):
        super().__post_init__()
        require_size("width", self.width, 4096)
        require_size("rounds", self.rounds, 100)
        require_divisor("channels", self.channels, self.width)


@dataclasses.dataclass(frozen=True)
class LatticeConfig(slater_jastrow_backflow.NetworkLatticeConfig):
    """Hyperparameters on a lattice.

    Attributes:
        hidden: Units of each hidden layer of the network.
        layers: Hidden layers.
    """

    hidden: int = 64
    layers: int = 1

    def __post_init__(self):
        super().__post_init__()
        require_size("hidden", self.hidden, 65536)
        require_size("layers", self.layers, 100)


def require_size(name: str, value: int, most: int) -> None:
    """Refuses what is not 1 to ``most``."""
    if not 1 <= value <= most:
        raise ZooError(f"model.{name}={value}: expected 1 to {most}")


def require_divisor(name: str, value: int, width: int) -> None:
    """Refuses what does not divide the width."""
    if value < 1 or width % value:
        divisors = ", ".join(str(d) for d in range(1, width + 1) if width % d == 0)
        raise ZooError(f"model.{name}={value}: expected a divisor of model.width={width}: {divisors}")


SPEC = ModelSpec(
    name="neural_backflow",
    summary="Backflow from a network that passes messages between the particles",
    rung=3,
    paper="D. Luo and B. K. Clark, Phys. Rev. Lett. 122, 226401 (2019); J. Hermann, Z. Schaetzle and F. Noe, "
    "Nature Chemistry 12, 891 (2020)",
    card=CARD,
    version="2",
    targets={
        "continuum": "zoo.models.neural_backflow.continuum:NeuralBackflow",
        "lattice": "zoo.models.neural_backflow.lattice:NeuralBackflow",
    },
    configs={"continuum": ContinuumConfig, "lattice": LatticeConfig},
    aliases=("nb",),
)
