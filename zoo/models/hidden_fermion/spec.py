"""`hidden_fermion`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.models.neural_backflow.spec import require_size
from zoo.models.slater_jastrow.spec import require_orbitals
from zoo.registry import ModelSpec

CARD = r"""
    Psi(n) = det [[phi, chi], [r(n), 1 + s(n)]] exp J(n)

To the N electrons come M hidden fermions, in a space of their own whose state is a function of the occupations n. The
first N rows are those of the occupied spin orbitals, up sites and then down sites in ascending order: phi (N, N) and
chi (N, M), trainable. The last M rows, r (M, N) and s (M, M), are the output of a network of all occupations. Since
det [[A, B], [C, D]] = det D det(A - B D^-1 C), it is backflow of rank M, times a factor det D of all occupations.

r and s are zero at first: training starts at the energy of `slater_jastrow`. phi and chi start with small parts that
mix the spins, which change nothing then; without them derivatives would vanish.

* From the paper: the determinant, with rows that a dense network makes. Beyond it: the start from a mean field, and the
  Jastrow factor. Sizes and activations are this project's; energies of the paper have not been repeated.
* Limits: lattices only; the determinant has N + M rows, and the network does not know the symmetries of the lattice.
"""


@dataclasses.dataclass(frozen=True)
class LatticeConfig:
    """Hyperparameters on a lattice.

    Attributes:
        orbitals: Orbitals that training starts from: ``screened`` (mean field of abs(U) at most 2 t), ``unrestricted``
            (mean field of U itself) or ``free``.
        hidden_fermions: Hidden fermions.
        hidden: Units of each hidden layer of the network.
        layers: Hidden layers.
    """

    orbitals: str = "screened"
    hidden_fermions: int = 8
    hidden: int = 64
    layers: int = 1

    def __post_init__(self):
        require_orbitals(self.orbitals)
        require_size("hidden_fermions", self.hidden_fermions, 1024)
        require_size("hidden", self.hidden, 65536)
        require_size("layers", self.layers, 100)


SPEC = ModelSpec(
    name="hidden_fermion",
    summary="A determinant of electrons and hidden fermions, whose orbitals depend on all occupations",
    rung=None,
    paper="J. Robledo Moreno, G. Carleo, A. Georges and J. Stokes, PNAS 119, e2122059119 (2022)",
    card=CARD,
    version="1",
    targets={"lattice": "zoo.models.hidden_fermion.lattice:HiddenFermion"},
    configs={"lattice": LatticeConfig},
)
