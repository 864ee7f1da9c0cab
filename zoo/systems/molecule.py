"""Atoms and molecules: electrons in the field of fixed nuclei."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, ClassVar

import numpy as np

from zoo.errors import ZooError
from zoo.systems import geometry
from zoo.systems.base import ContinuumSystem
from zoo.systems.elements import nuclear_charge, unpaired_electrons

_COINCIDENT = 1e-4
"""Distance in bohr below which two nuclei are one by mistake."""


@dataclasses.dataclass(frozen=True)
class Molecule(ContinuumSystem):
    r"""H = sum_i (-lap_i / 2 - sum_A Z_A / r_iA) + sum_{i<j} 1 / r_ij + sum_{A<B} Z_A Z_B / R_AB.

    Nuclei are points at rest; no relativity, no pseudopotentials.

    Attributes:
        atoms: ``symbol x y z`` of each nucleus in bohr, separated by semicolons (a last entry ``angstrom`` changes the
            unit); a bare symbol, an atom at the origin; or the path of an XYZ file. Kept written out, in bohr.
        charge: Charge of the molecule.
        spin: Unpaired electrons, n_up - n_down, 0 or more; null takes Hund's rule for an atom, 0 or 1 for a molecule.
        basis: Gaussian basis set of the Hartree-Fock orbitals, by its name in PySCF; its primitives are used
            uncontracted.
    """

    family: ClassVar[str] = "molecule"
    dim: ClassVar[int] = 3  # type: ignore[misc]

    atoms: str = "He"
    charge: int = 0
    spin: int | None = None
    basis: str = "cc-pVQZ"

    def __post_init__(self):
        object.__setattr__(self, "atoms", geometry.canonical(self.atoms))
        for (i, (_, first)), (j, (_, second)) in itertools.combinations(enumerate(geometry.parse(self.atoms), 1), 2):
            if math.dist(first, second) < _COINCIDENT:
                raise ZooError(f"system.atoms={self.atoms!r}: expected nuclei apart, but {i} and {j} coincide")
        for name in ("charge", "spin"):
            value = getattr(self, name)
            if type(value) is not int and not (name == "spin" and value is None):
                raise ZooError(f"system.{name}={value!r}: expected an integer")
        if not (isinstance(self.basis, str) and self.basis.strip()):
            raise ZooError(f"system.basis={self.basis!r}: expected the name of a basis set, such as 'cc-pVQZ'")
        protons = int(self.charges.sum())
        if self.n_electrons < 1:
            raise ZooError(
                f"system.charge={self.charge}: expected at most {protons - 1}, as the nuclei hold {protons} protons"
            )
        if self.n_electrons > 2 * protons:
            raise ZooError(
                f"system.charge={self.charge}: expected at least {-protons}, as the nuclei hold {protons} protons"
            )
        if self.spin is None:
            object.__setattr__(self, "spin", self._lowest_spin())
        if not 0 <= self.unpaired <= self.n_electrons or (self.n_electrons - self.unpaired) % 2:
            allowed = ", ".join(str(spin) for spin in range(self.n_electrons % 2, self.n_electrons + 1, 2))
            raise ZooError(f"system.spin={self.spin}: expected one of {allowed} for {self.n_electrons} electrons")

    def _lowest_spin(self) -> int:
        if len(self.charges) > 1:
            return self.n_electrons % 2
        spin = unpaired_electrons(int(self.charges[0]), self.n_electrons)
        if spin is None:
            raise ZooError(
                f"system.spin=null: expected a number for {self.symbols[0]} with {self.n_electrons} electrons, where "
                "Hund's rule is in doubt"
            )
        return spin

    @property
    def n_electrons(self) -> int:
        return int(self.charges.sum()) - self.charge

    @property
    def unpaired(self) -> int:
        """`spin`, which is a number once the molecule is made."""
        assert self.spin is not None
        return self.spin

    @property
    def n_up(self) -> int:  # type: ignore[override]
        return (self.n_electrons + self.unpaired) // 2

    @property
    def n_down(self) -> int:  # type: ignore[override]
        return (self.n_electrons - self.unpaired) // 2

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbol of each nucleus."""
        return tuple(symbol for symbol, _ in geometry.parse(self.atoms))

    @property
    def charges(self) -> np.ndarray:
        return np.array([float(nuclear_charge(symbol)) for symbol in self.symbols])

    @property
    def nuclei(self) -> np.ndarray:
        return np.array([position for _, position in geometry.parse(self.atoms)])

    @property
    def nuclear_repulsion(self) -> float:
        """Energy in hartree of the nuclei's repulsion of each other."""
        pairs = itertools.combinations(zip(self.charges, self.nuclei, strict=True), 2)
        return float(sum(za * zb / math.dist(a, b) for (za, a), (zb, b) in pairs))

    @property
    def length_scale(self) -> float:
        """The Thomas-Fermi length Z^(-1/3) averaged over the electrons, times the mean radius 3/2 of hydrogen."""
        return 1.5 * float(np.average(self.charges ** (-1 / 3), weights=self.charges))

    def hamiltonian(self) -> dict[str, Any]:
        """Without the basis set, which only chooses the first orbitals."""
        return {name: value for name, value in self.parameters().items() if name != "basis"}

    @property
    def reference_key(self) -> str | None:
        """Key of the references with these elements, distances between nuclei, and electrons of each spin."""
        from zoo.systems.reference_geometry import key_of

        return key_of(self)

    def validate(self) -> None:
        """Checks the basis set, which needs PySCF.

        Raises:
            ZooError: An unknown basis set, one without these elements, or one with too few functions.
        """
        from zoo.systems.hartree_fock import pyscf_molecule

        pyscf_molecule(self)

    def local_length(self, positions) -> Any:
        """Distance to the nearest nucleus, at least the size 1/Z of its innermost shell, levelling off at 2 bohr."""
        from keras import ops

        from zoo.layers.pairs import electron_nucleus_distances

        squares = ops.square(electron_nucleus_distances(positions, self.nuclei))
        cores = ops.convert_to_tensor(1.0 / np.square(self.charges), dtype=positions.dtype)
        distance = ops.min(ops.sqrt(squares + cores), axis=-1)
        return distance / (1.0 + 0.5 * distance)

    def potential(self, positions) -> Any:
        from keras import ops

        from zoo.layers.pairs import electron_nucleus_distances, pair_distances

        distances = electron_nucleus_distances(positions, self.nuclei)
        charges = ops.convert_to_tensor(self.charges, dtype=positions.dtype)
        energy = self.nuclear_repulsion - ops.sum(charges / distances, axis=(-2, -1))
        if self.n_electrons > 1:
            energy = energy + ops.sum(1.0 / pair_distances(positions), axis=-1)
        return energy

    def initial_positions(self, random: np.random.Generator, batch: int) -> np.ndarray:
        """Electrons about nuclei, each nucleus with its share of both spins, at about the radii of atomic shells."""
        half = [_place(self.charges, self.n_up, self.n_down, backwards=backwards) for backwards in (False, True)]
        homes = np.array(half)[random.integers(2, size=batch)]  # (batch, n_electrons, [nucleus, rank])
        nucleus, rank = homes[..., 0], homes[..., 1]
        shell = np.searchsorted([1, 5, 14], rank, side="right") + 1
        inner = 2 * np.array([0, 1, 5, 14])[shell - 1]
        effective = np.maximum(self.charges[nucleus] - 0.85 * inner, 1.0)
        radius = random.gamma(3.0, shell**2 / (2 * effective))
        direction = random.standard_normal((batch, self.n_electrons, 3))
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        return self.nuclei[nucleus] + radius[..., None] * direction

    def orbitals(self):
        from zoo.layers.gaussian import GaussianOrbitals
        from zoo.systems.hartree_fock import smooth_orbitals

        fit = smooth_orbitals(self)
        return GaussianOrbitals(self.nuclei, fit.functions, fit.coefficients, name="orbitals")


def _place(charges: np.ndarray, n_up: int, n_down: int, *, backwards: bool) -> list[tuple[int, int]]:
    """Nucleus of each electron, spin up first, and its rank among the electrons of its spin there.

    Nuclei share the electrons by charge, and share the spins as evenly as they can; which of equal nuclei gets the
    odd electron depends on ``backwards``.
    """
    shares = charges * (n_up + n_down) / charges.sum()
    order = np.arange(len(charges))[:: -1 if backwards else 1]
    counts = np.floor(shares + 1e-9).astype(int)
    by_remainder = order[np.argsort(-np.round(shares - counts, 9)[order], kind="stable")]
    counts[by_remainder[: n_up + n_down - counts.sum()]] += 1
    up = counts // 2
    odd = [nucleus for nucleus in order if counts[nucleus] % 2]
    up[odd[::2]] += 1
    while up.sum() != n_up:
        step = 1 if up.sum() < n_up else -1
        spare = (counts - up if step > 0 else up)[order]
        up[order[np.argmax(spare)]] += step
    return [
        (nucleus, rank)
        for of_spin in (up, counts - up)
        for nucleus in range(len(charges))
        for rank in range(of_spin[nucleus])
    ]
