"""`ferminet`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.models.neural_backflow.spec import require_size
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = sum_k det[phi^k_m(i)],     phi^k_m(i) = (w^k_m . h_i + g^k_m) sum_A pi^k_mA exp(-sigma^k_mA |r_i - R_A|)
    h_i  <- h_i  + tanh(V [h_i, mean_up h_j, mean_down h_j, mean_up h_ij, mean_down h_ij] + b)
    h_ij <- h_ij + tanh(W h_ij + c)

Two streams of features, of single electrons and of pairs, start from the vectors r_i - R_A and r_i - r_j and their
lengths. Each layer tells every electron the means over the electrons of each spin. Everything is learned, the cusps
too: the lengths have the kinks that cusps are made of. It starts far from any mean field, so a run fits its orbitals to
the system's own first (`pretrain.KEY`).

* From the paper: section II and its sizes, which `ferminet_published` has: layers of 256 and 32, 16 products of
  determinants of each spin. `full_determinant` is the dense determinant of the authors' later code, and so are the
  isotropic envelopes, in place of the paper's with a matrix for each exponent. Weights of the determinants are part of
  their orbitals.
* Beyond the paper: in a trap the envelopes are Gaussians and the inputs smooth in its middle; in a periodic cell inputs
  are periodic and there is no envelope.
* Checked: values against the equations written out in NumPy; symmetry, derivatives, both precisions and both backends
  by `zoo check`. Energies of the paper have not been repeated: they took 10^5 steps.
* Limits: no cusp is exact, so local energies diverge where particles meet until they are learned, and remain noisier
  than those of models with a Jastrow factor. The cost of the local energy grows as N^4 with the pairs.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig:
    """Hyperparameters in the continuum.

    Attributes:
        layers: Layers of the stream of single electrons; that of pairs has one less.
        width: Features of each electron.
        pair_width: Features of each pair.
        determinants: Determinants, or products of one for each spin.
        full_determinant: Whether one matrix holds the orbitals of both spins, instead of one for each spin.
    """

    layers: int = 3
    width: int = 32
    pair_width: int = 8
    determinants: int = 4
    full_determinant: bool = True

    def __post_init__(self):
        require_size("layers", self.layers, 100)
        require_size("width", self.width, 4096)
        require_size("pair_width", self.pair_width, 4096)
        require_size("determinants", self.determinants, 4096)


@dataclasses.dataclass(frozen=True)
class PublishedConfig(ContinuumConfig):
    """Hyperparameters of the paper."""

    layers: int = 4
    width: int = 256
    pair_width: int = 32
    determinants: int = 16
    full_determinant: bool = False


SPEC = ModelSpec(
    name="ferminet",
    summary="FermiNet: orbitals from streams of single electrons and of pairs, small sizes",
    rung=None,
    paper="D. Pfau, J. S. Spencer, A. G. D. G. Matthews and W. M. C. Foulkes, Phys. Rev. Research 2, 033429 (2020)",
    card=CARD,
    version="1",
    targets={"continuum": "zoo.models.ferminet.continuum:FermiNet"},
    configs={"continuum": ContinuumConfig},
    needs_pretraining=True,
)

PUBLISHED = dataclasses.replace(
    SPEC,
    name="ferminet_published",
    summary="FermiNet at the sizes of its paper",
    configs={"continuum": PublishedConfig},
)

SPECS = (SPEC, PUBLISHED)
