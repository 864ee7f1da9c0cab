"""The Hubbard model: electrons that hop on a lattice and repel where two share a site."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from zoo.systems.lattice_kinds import canonical
from zoo.systems.lattice_model import LatticeModel


@dataclasses.dataclass(frozen=True)
class Hubbard(LatticeModel):
    r"""H = -t sum_<ij>,s (c+_is c_js + h.c.) - t' sum_<<ij>>,s (c+_is c_js + h.c.) + U sum_i n_i,up n_i,down.

    Energies are in the units in which ``t`` and ``u`` are given. Any two sites share at most one bond: a periodic
    axis of 2 sites has **single** bonds, where some libraries put two (`zoo.systems.lattice.Lattice.pairs`), so P and
    O are the same there, and A is refused.

    Attributes:
        lattice: ``"chain"``, ``"ladder"`` (legs x length), ``"rectangle"`` or ``"square"``, ``"triangular"`` or
            ``"honeycomb"`` (two sites in a cell).
        extent: Cells along each axis, such as ``[6]`` or ``[4,4]``; the last axis is numbered fastest.
        boundary: A letter for each axis: P periodic, A antiperiodic, O open.
        u: Repulsion of two electrons on one site; attraction where negative.
        t: Hopping to the nearest neighbours.
        t_prime: Hopping to the next nearest ones: second neighbours on a chain, diagonals on a rectangle.
        anisotropy: A factor of ``t`` for each direction of bonds: 1 on a chain; 2 on a ladder (rungs, legs), a
            rectangle or a square; 3 on the triangular and the honeycomb lattice. Empty: equal.
        n_up, n_down: Electrons of each spin.
        twist: Angle of the boundary of each axis in turns of 2 pi, such as ``[0.25,0]``; empty: none. A hop across it
            in the positive direction has the amplitude -t exp(2 pi i twist), its reverse the complex conjugate. Whole
            numbers are P, half ones A; others make the wavefunction complex. Only periodic axes can be twisted.
    """

    family: ClassVar[str] = "hubbard"

    lattice: str = "chain"
    extent: tuple[int, ...] = (6,)
    boundary: str = "P"
    u: float = 4.0
    t: float = 1.0
    t_prime: float = 0.0
    n_up: int = 3
    n_down: int = 3
    anisotropy: tuple[float, ...] = ()
    twist: tuple[float, ...] = ()

    @property
    def reference_key(self) -> str | None:
        """Such as ``hubbard/4x4/PP/5-5/U4``; None unless t = 1, t' = 0, isotropic, untwisted, on a chain or rectangle.

        Equal Hamiltonians get equal keys: the longer axis and the spin with more electrons come first, an axis of one
        site is left out, and an axis of 2 sites counts as periodic with single bonds (``sgl``).
        """
        named = canonical(self.lattice) in ("chain", "rectangle")
        if (
            not named
            or self.twist
            or self.t != 1
            or self.t_prime != 0
            or any(factor != 1 for factor in self.anisotropy)
        ):
            return None
        axes = [(n, "P" if n == 2 else letter) for n, letter in zip(self.extent, self.boundary, strict=True) if n > 1]
        axes = sorted(axes, key=lambda axis: (-axis[0], "OPA".index(axis[1]))) or [(1, "O")]
        extents = [extent for extent, _ in axes]
        shape = "x".join(map(str, extents if len(extents) > 1 else [*extents, 1])) + ("sgl" if 2 in extents else "")
        letters = "".join(letter for _, letter in axes)
        n_up, n_down = max(self.n_up, self.n_down), min(self.n_up, self.n_down)
        u = f"{self.u:g}" if float(f"{self.u:g}") == self.u else repr(self.u)
        return f"hubbard/{shape}/{letters}/{n_up}-{n_down}/U{u}"

    def exact_energy(self) -> tuple[float, str] | None:
        from zoo.systems import bethe

        quick = super().exact_energy()
        if quick is None and bethe.obstacle(self) is None:
            return bethe.ground_state(self).energy, bethe.METHOD
        return quick

    def orbitals(self, kind: str = "screened") -> tuple[np.ndarray, np.ndarray]:
        from zoo.systems import mean_field

        solution = mean_field.solve(self, kind)
        return solution.up, solution.down
