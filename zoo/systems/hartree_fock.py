r"""Smooth orbitals for molecules: Hartree-Fock orbitals from PySCF, refitted without their nuclear cusps.

The wavefunctions of this project hold the electron-nucleus cusp in their Jastrow factor exp(chi),
chi(r) = sum_A (exp(-Z_A r_A) - 1) (`zoo.layers.cusp`). The determinant then has to hold orbitals g_k with
exp(chi) g_k = phi_k, where phi_k is the Hartree-Fock orbital. Such g_k are smooth at the nuclei, and few Gaussians
describe them well.

The fit minimises <phi_k - exp(chi) g_k| -lap/2 - epsilon_k |phi_k - exp(chi) g_k> on PySCF's molecular quadrature
grid. An error d of an occupied orbital raises the energy by <d|F - epsilon_k|d> to leading order; kinetic energy
dominates that near the nuclei, where the orbitals are hard to describe.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError, suggestion

if TYPE_CHECKING:
    from zoo.systems.molecule import Molecule

HARMONICS = {
    0: ("s",),
    1: ("px", "py", "pz"),
    2: ("dxy", "dyz", "dz2", "dxz", "dx2-y2"),
    3: ("fy3", "fxyz", "fyz2", "fz3", "fxz2", "fzx2", "fx3"),
}
"""Names of the real solid harmonics of each angular momentum, in PySCF's order (`zoo.layers.gaussian`)."""

STEEPEST = 10.0
"""Gaussians with exponents above this many Z^2 only serve to build the cusp, and are left out of the fit."""

FAINTEST = 1e-3
"""A Gaussian whose coefficient is below this in every orbital is left out: most such vanish by symmetry."""

_FITTING_BASIS = "def2-universal-jkfit"
_GRID_LEVEL = 1
_ORIENTING_FIELD = 1e-7
_CHUNK = 4096


@dataclasses.dataclass(frozen=True)
class SmoothOrbitals:
    """Orbitals g_k = sum_p coefficients_pk G_p of normalised Gaussians G_p.

    Attributes:
        functions: Of each Gaussian the index of its nucleus, the name of its harmonic, and its exponent in bohr^-2.
        coefficients: ``(n_functions, n_up)``, doubly occupied orbitals first.
        hartree_fock_energy: Total energy in hartree of the self-consistent field the orbitals come from.
    """

    functions: tuple[tuple[int, str, float], ...]
    coefficients: np.ndarray
    hartree_fock_energy: float


def pyscf_molecule(molecule: Molecule) -> Any:
    """The `pyscf.gto.Mole` of a molecule, with the primitives of its basis set uncontracted.

    Raises:
        ZooError: PySCF does not know the basis set, or has no such set for one of the elements, or the set has fewer
            functions than there are electrons of one spin.
    """
    from pyscf import gto

    symbols = sorted(set(molecule.symbols))
    mole = gto.Mole(
        atom=[(symbol, position) for symbol, position in zip(molecule.symbols, molecule.nuclei, strict=True)],
        basis={symbol: gto.uncontract(_load_basis(molecule.basis, symbol)) for symbol in symbols},
        charge=molecule.charge,
        spin=molecule.spin,
        unit="Bohr",
        verbose=0,
    )
    mole.build(dump_input=False, parse_arg=False)
    if molecule.n_up > mole.nao:
        raise ZooError(
            f"system.basis={molecule.basis!r}: expected a larger basis set, this one has {mole.nao} functions for "
            f"{molecule.n_up} electrons of spin up"
        )
    return mole


def _load_basis(name: str, symbol: str) -> list:
    from pyscf.gto import basis
    from pyscf.lib.exceptions import BasisNotFoundError

    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # advice to install another package
            return basis.load(name, symbol)
    except (BasisNotFoundError, KeyError) as error:
        if plain in basis.ALIAS:
            raise ZooError(f"system.basis={name!r}: this basis set has no functions for {symbol}") from error
        raise ZooError(f"system.basis={name!r}: unknown basis set{suggestion(plain, basis.ALIAS)}") from error


@functools.lru_cache(maxsize=64)
def smooth_orbitals(molecule: Molecule) -> SmoothOrbitals:
    """Hartree-Fock orbitals of a molecule (restricted, open shells too) without their nuclear cusps.

    Raises:
        ZooError: As `pyscf_molecule`, and where the self-consistent field does not converge.
    """
    from pyscf import lib

    mole = pyscf_molecule(molecule)
    # One thread: sums in an order that varies would turn degenerate orbitals from run to run.
    with lib.with_omp_threads(1):
        field = _self_consistent_field(mole, molecule)
        return _refit(mole, field)


def _self_consistent_field(mole, molecule: Molecule):
    from pyscf import scf

    # Fitted densities shift the energy by about 1e-4 hartree, and took a fifth of the time with ten nuclei.
    field = (scf.ROHF if mole.spin else scf.RHF)(mole).density_fit(auxbasis=_FITTING_BASIS)
    field.chkfile = None
    field.conv_tol = 1e-10
    # A field far too weak to matter picks one orientation of degenerate orbitals, the same on every machine.
    kinetic_and_nuclear = field.get_hcore()
    squares = mole.intor("int1e_rr").reshape(3, 3, mole.nao, mole.nao)
    orienting = _ORIENTING_FIELD * sum((axis + 1) * squares[axis, axis] for axis in range(3))
    field.get_hcore = lambda *_: kinetic_and_nuclear + orienting
    field.kernel()
    if not field.converged:
        field = field.newton()
        field.kernel()
    if not field.converged:
        raise ZooError(
            f"system.atoms={molecule.atoms!r}: the Hartree-Fock equations did not converge in the basis set "
            f"{molecule.basis!r}; expected a geometry and spin nearer to a stable state, or a smaller basis set"
        )
    return field


def _refit(mole, field) -> SmoothOrbitals:
    from pyscf import dft

    order = np.argsort(-field.mo_occ, kind="stable")[: mole.nelec[0]]
    orbitals, levels = field.mo_coeff[:, order], field.mo_energy[order]
    smooth, functions = _smooth_basis(mole)
    grid = dft.gen_grid.Grids(mole)
    grid.verbose = 0
    grid.level = _GRID_LEVEL
    grid.build()
    overlap, kinetic, overlap_rhs, kinetic_rhs = 0.0, 0.0, 0.0, 0.0
    for start in range(0, len(grid.weights), _CHUNK):
        points, weights = grid.coords[start : start + _CHUNK], grid.weights[start : start + _CHUNK]
        target = mole.eval_gto("GTOval_sph_deriv1", points) @ orbitals
        basis = _with_cusp(smooth.eval_gto("GTOval_sph_deriv1", points), mole, points)
        weighted = basis * weights[:, None]
        overlap = overlap + weighted[0].T @ basis[0]
        overlap_rhs = overlap_rhs + weighted[0].T @ target[0]
        for axis in (1, 2, 3):
            kinetic = kinetic + 0.5 * weighted[axis].T @ basis[axis]
            kinetic_rhs = kinetic_rhs + 0.5 * weighted[axis].T @ target[axis]

    def solve(kept: np.ndarray) -> np.ndarray:
        columns = []
        for orbital, level in enumerate(levels):
            shift = max(-level, 0.1)
            matrix = (kinetic + shift * overlap)[np.ix_(kept, kept)]
            rhs = (kinetic_rhs + shift * overlap_rhs)[kept, orbital]
            columns.append(_regularised_solve(matrix, rhs))
        return np.stack(columns, axis=1)

    coefficients = solve(np.arange(len(functions)))
    kept = np.flatnonzero(np.abs(coefficients).max(axis=1) > FAINTEST)
    return SmoothOrbitals(tuple(functions[p] for p in kept), solve(kept), float(field.e_tot))


def _smooth_basis(mole) -> tuple[Any, list[tuple[int, str, float]]]:
    """The primitives that the fit uses, as a `pyscf.gto.Mole` and as the rows of `SmoothOrbitals.functions`."""
    exponents: dict[str, dict[int, set[float]]] = {}
    for symbol, shells in mole._basis.items():
        chosen = exponents.setdefault(symbol, {})
        charge = mole.atom_charge(mole.elements.index(symbol))
        for shell in shells:
            for exponent, *_ in shell[1:]:
                if shell[0] in HARMONICS and exponent <= STEEPEST * charge**2:
                    chosen.setdefault(shell[0], set()).add(float(exponent))
    smooth = mole.copy()
    smooth.basis = {
        symbol: [[momentum, [exponent, 1.0]] for momentum in sorted(chosen) for exponent in sorted(chosen[momentum])]
        for symbol, chosen in exponents.items()
    }
    smooth.build(dump_input=False, parse_arg=False)
    functions = [
        (smooth.bas_atom(shell), harmonic, float(smooth.bas_exp(shell)[0]))
        for shell in range(smooth.nbas)
        for harmonic in HARMONICS[smooth.bas_angular(shell)]
    ]
    return smooth, functions


def cusp_factor(points: np.ndarray, nuclei: np.ndarray, charges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """chi of the module's formula, ``(n,)``, and its gradient, ``(n, 3)``, at points ``(n, 3)``."""
    differences = points[:, None] - nuclei
    distances = np.linalg.norm(differences, axis=-1)
    decay = np.exp(-charges * distances)
    slopes = -charges * decay / np.maximum(distances, 1e-12)
    return np.sum(decay - 1.0, axis=-1), np.einsum("na,nax->nx", slopes, differences)


def _with_cusp(values: np.ndarray, mole, points: np.ndarray) -> np.ndarray:
    """Functions and their gradients ``(4, n, n_functions)`` times exp(chi)."""
    chi, gradient = cusp_factor(points, mole.atom_coords(), mole.atom_charges())
    products = [values[0], *(values[axis + 1] + gradient[:, axis, None] * values[0] for axis in range(3))]
    return np.exp(chi)[:, None] * np.stack(products)


def _regularised_solve(matrix: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Solution of the normal equations, scaled to a unit diagonal, in the directions that are well determined."""
    scale = 1.0 / np.sqrt(np.diag(matrix))
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    safe = values > 1e-7 * values[-1]
    return scale * (vectors[:, safe] @ ((vectors[:, safe].T @ (scale * rhs)) / values[safe]))
