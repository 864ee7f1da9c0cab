"""`psiformer`: what the registry knows about it."""

from __future__ import annotations

import dataclasses

from zoo.models.neural_backflow.spec import require_divisor, require_size
from zoo.registry import ModelSpec

CARD = r"""
    Psi(R) = exp(J) sum_k det[phi^k_m(i)],     phi^k_m(i) = (w^k_m . h_i) sum_A pi^k_mA exp(-sigma^k_mA |r_i - R_A|)
    h_i <- h_i + W_o concat_heads[ sum_j softmax_j(q_i . k_j / sqrt(d)) v_j ],     h_i <- h_i + tanh(W h_i + b)
    J = - sum_{i<j} c a^2 / (a + r_ij)

Attention between the electrons tells each of them about the others. The inputs are r_i - R_A and its length, both
multiplied by log(1 + r) / r, and the spin. The electron-electron cusps are exact, with the slope c in the Jastrow
factor; the nuclear cusps are learned. It starts far from any mean field, so a run fits its orbitals to the system's own
first (`pretrain.KEY`).

* From the paper: equations and the sizes of its smaller model, which `psiformer_published` has: 4 layers of width 256,
  4 heads, 16 dense determinants. The default settings of the authors' later code add a normalisation of the layers and
  a second layer with tanh, which are not in the equations and not here.
* Beyond the paper: slopes c of two dimensions too; in a trap the envelopes are Gaussians and the inputs smooth in its
  middle; in a periodic cell inputs and distances are periodic and there is no envelope.
* Checked: values against the equations written out in NumPy; cusps, symmetry, derivatives, both precisions and both
  backends by `zoo check`. Energies of the paper have not been repeated: they took 10^5 steps.
* Limits: a nuclear cusp is as good as training makes it. The cost of the local energy grows as N^3, with attention N^4.
"""


@dataclasses.dataclass(frozen=True)
class ContinuumConfig:
    """Hyperparameters in the continuum.

    Attributes:
        layers: Layers of attention, each followed by a layer with tanh.
        width: Features of each electron.
        heads: Heads of the attention; divides the width.
        determinants: Determinants of all electrons.
    """

    layers: int = 2
    width: int = 32
    heads: int = 4
    determinants: int = 4

    def __post_init__(self):
        require_size("layers", self.layers, 100)
        require_size("width", self.width, 4096)
        require_divisor("heads", self.heads, self.width)
        require_size("determinants", self.determinants, 4096)


@dataclasses.dataclass(frozen=True)
class PublishedConfig(ContinuumConfig):
    """Hyperparameters of the paper's smaller model."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    determinants: int = 16


SPEC = ModelSpec(
    name="psiformer",
    summary="PsiFormer: orbitals from self-attention between the electrons, small sizes",
    rung=None,
    paper="I. von Glehn, J. S. Spencer and D. Pfau, ICLR 2023, arXiv:2211.13672",
    card=CARD,
    version="1",
    targets={"continuum": "zoo.models.psiformer.continuum:PsiFormer"},
    configs={"continuum": ContinuumConfig},
    needs_pretraining=True,
)

PUBLISHED = dataclasses.replace(
    SPEC,
    name="psiformer_published",
    summary="PsiFormer at the sizes of its paper",
    configs={"continuum": PublishedConfig},
)

SPECS = (SPEC, PUBLISHED)
