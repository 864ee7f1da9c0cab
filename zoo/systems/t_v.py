"""The t-V model: fermions of one spin that hop on a lattice and repel on neighbouring sites."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from zoo.systems.lattice_model import LatticeModel


@dataclasses.dataclass(frozen=True)
class TV(LatticeModel):
    r"""H = -t sum_<ij> (c+_i c_j + h.c.) - t' sum_<<ij>> (c+_i c_j + h.c.) + V sum_<ij> n_i n_j, without spin.

    All fermions are spin up: occupations are ``(batch, 2, n_sites)`` as of every lattice system, with an empty second
    row. Nearest neighbours are pairs, each counted once: a periodic axis of 2 sites has single bonds, and its
    sites repel once (`zoo.systems.lattice.Lattice.pairs`).

    Attributes:
        lattice: ``"chain"``, ``"ladder"`` (legs x length), ``"rectangle"`` or ``"square"``, ``"triangular"`` or
            ``"honeycomb"`` (two sites in a cell).
        extent: Cells along each axis, such as ``[8]`` or ``[4,4]``; the last axis is numbered fastest.
        boundary: A letter for each axis: P periodic, A antiperiodic, O open.
        v: Repulsion of fermions on neighbouring sites; attraction where negative.
        t: Hopping to the nearest neighbours.
        t_prime: Hopping to the next nearest ones: second neighbours on a chain, diagonals on a rectangle.
        n_up: Fermions.
        anisotropy: A factor of ``t`` for each direction of bonds, as of `zoo.systems.hubbard.Hubbard`; ``v`` has none.
    """

    family: ClassVar[str] = "t_v"
    u = 0.0  # no two fermions share a site
    n_down = 0

    lattice: str = "chain"
    extent: tuple[int, ...] = (8,)
    boundary: str = "A"
    v: float = 1.0
    t: float = 1.0
    t_prime: float = 0.0
    n_up: int = 4
    anisotropy: tuple[float, ...] = ()

    @property
    def repulsions(self) -> tuple[tuple[int, int, float], ...]:
        pairs = self.geometry.pairs(self.geometry.definition.nearest)
        return tuple((i, j, self.v) for i, j in sorted(pairs)) if self.v else ()

    @property
    def reference_key(self) -> str | None:
        """Such as ``tv/square_16_P/5/0.1``, a name of VarBench; None where it has no name for the Hamiltonian."""
        from zoo.systems import varbench

        name = varbench.lattice_name(self)
        if name is None or self.t != 1 or self.t_prime != 0 or any(factor != 1 for factor in self.anisotropy):
            return None
        return f"tv/{name}/{self.n_up}/{self.v:g}"

    def orbitals(self, kind: str = "screened") -> tuple[np.ndarray, np.ndarray]:
        from zoo.systems import t_v_mean_field

        return t_v_mean_field.solve(self, kind).orbitals, np.zeros((self.n_sites, 0))
