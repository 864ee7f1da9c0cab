r"""Where the ground state of the hopping alone is a state of restricted Hartree-Fock, and its energy.

With the density matrices P of each spin, n their diagonals, and the repulsions U on a site and W between sites,

    E = sum_s Tr[K P_s] + U sum_i n_i,up n_i,down + sum_ij W_ij (n_i n_j - sum_s |P_s,ij|^2) / 2,
    F_s = K + M_s,   M_s = U diag(n_-s) + diag(W n) - W o P_s,   so that   E = sum_s Tr[(K + M_s / 2) P_s],

with K the hopping matrix, and o element by element.

The determinant is a stationary point if F_s and P_s commute: closed shells of a lattice of equal sites, where the
orbitals are plane waves, and half-filled bipartite lattices with any edges and no W, as all densities are one half.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from zoo.systems.lattice_model import LatticeModel

METHOD = "RHF (determinant of free electrons)"
_SAME = 1e-9
"""Of levels and of elements of matrices, in units of the largest of the hopping matrix."""


@functools.lru_cache(maxsize=64)
@threadpool_limits.wrap(limits=1, user_api="blas")  # as in `zoo.systems.mean_field`
def restricted_energy(system: LatticeModel) -> float | None:
    """Energy of the free determinant; None where an open shell leaves it undefined, or it is not stationary."""
    hopping, repulsion = system.hopping_matrix(), system.repulsion_matrix()
    levels, orbitals = np.linalg.eigh(hopping)
    smallest = _SAME * max(1.0, np.max(np.abs(hopping)))
    counts = (system.n_up, system.n_down)
    if any(0 < n < len(levels) and levels[n] - levels[n - 1] < smallest for n in counts):
        return None
    densities = [orbitals[:, :n] @ orbitals[:, :n].conj().T for n in counts]
    up, down = (np.diag(density).real for density in densities)
    energy = 0.0
    for density, other in zip(densities, (down, up), strict=True):
        mean = np.diag(system.u * other + repulsion @ (up + down)) - repulsion * density
        if np.max(np.abs(mean @ density - density @ mean), initial=0.0) > smallest * max(1.0, np.max(np.abs(mean))):
            return None
        energy += np.sum((hopping + mean / 2) * density.T).real
    return float(energy)
