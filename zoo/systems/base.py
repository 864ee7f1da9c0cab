"""What every system tells the models and the harness.

A system is a frozen dataclass: its fields are the physical parameters that the command line shows as
``system.NAME=VALUE``, and nothing else is state. Importing a system imports neither Keras nor a backend;
methods that need them import them when called.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import keras

    from zoo.references import Reference, ReferenceSet
    from zoo.systems.bonds import Bond
    from zoo.systems.lattice import Lattice
    from zoo.systems.symmetry import Symmetry


class System(ABC):
    """A fermionic Hamiltonian with a fixed number of electrons of each spin."""

    space: ClassVar[str]
    family: ClassVar[str]
    energy_unit: ClassVar[str]

    n_up: int
    n_down: int

    @property
    def n_electrons(self) -> int:
        return self.n_up + self.n_down

    @property
    def energy_scale(self) -> float:
        """Energy of the excitations in `energy_unit`: optimisers measure local energies in it."""
        return 1.0

    def parameters(self) -> dict[str, Any]:
        """The fields as plain JSON values: with ``family`` they define the system."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[call-overload]

    def hamiltonian(self) -> dict[str, Any]:
        """The parameters that define the Hamiltonian; a subclass leaves out those that only help to solve it."""
        return self.parameters()

    @property
    def sha256(self) -> str:
        """Hash of family and Hamiltonian: equal for equal problems, whatever preset they came from."""
        content = json.dumps([self.family, self.hamiltonian()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    @abstractmethod
    def reference_key(self) -> str | None:
        """Key under which `zoo.references` keeps energies of this Hamiltonian; None if it cannot have one."""

    def validate(self) -> None:  # noqa: B027 - most systems check everything when they are made
        """Checks that need a library too heavy for the constructor; `zoo.errors.ZooError` if one fails."""

    def exact_energy(self) -> tuple[float, str] | None:
        """Exact ground-state energy and how it is obtained, where that takes no more than a second; else None."""
        return None

    def mean_field_energy(self) -> tuple[float, str] | None:
        """Restricted Hartree-Fock energy and method, starting with RHF, where that takes no more than a second."""
        return None

    def references(self) -> ReferenceSet:
        """Every energy on record for this Hamiltonian; exact and Hartree-Fock energies are computed where none is.

        Only cheap ones are: those of `exact_energy` and `mean_field_energy`. Where they are the same there is no
        correlation, and the second is left out.
        """
        from zoo import references

        known = references.find(self.reference_key)
        if known.exact is None and (found := self.exact_energy()) is not None:
            known = known.with_record(self._computed("exact", *found))
        mean_field = self.mean_field_energy() if known.hartree_fock is None else None
        if mean_field is None:
            return known
        if known.exact is not None and math.isclose(mean_field[0], known.exact.energy, rel_tol=1e-9, abs_tol=1e-9):
            return known
        return known.with_record(self._computed("mean_field", *mean_field))

    def _computed(self, kind: str, energy: float, method: str) -> Reference:
        """A record of an energy that was computed when it was asked for."""
        from zoo import references

        key = self.reference_key or self.family
        return references.Reference(
            key=key,
            system=f"{self.family} {self.parameters()}",
            n_up=self.n_up,
            n_down=self.n_down,
            parameters=self.parameters(),
            boundary="as in the parameters",
            energy=energy,
            uncertainty=1e-8 * max(1.0, abs(energy)),
            units=self.energy_unit,
            method=method,
            kind=kind,
            exact=kind == "exact",
            status="computed",
            source=f"computed: {method}",
            note="computed when it was asked for",
            hamiltonian=references.hamiltonian_hash(key, self.n_up, self.n_down, self.parameters()),
        )


class ContinuumSystem(System):
    """Electrons in continuous space; configurations are positions ``(batch, n_electrons, dim)``, spin up first."""

    space: ClassVar[str] = "continuum"
    energy_unit: ClassVar[str] = "hartree"

    dim: int

    @property
    def charges(self) -> np.ndarray:
        """Nuclear charges, shape ``(n_nuclei,)``; empty without nuclei."""
        return np.zeros(0)

    @property
    def nuclei(self) -> np.ndarray:
        """Nuclear positions in bohr, shape ``(n_nuclei, dim)``."""
        return np.zeros((0, self.dim))

    @property
    def centres(self) -> np.ndarray:
        """Points that one-body functions are centred on, ``(n_centres, dim)``: the nuclei, or the middle of a trap."""
        return self.nuclei

    @property
    def cell(self) -> float | None:
        """Side in bohr of the periodic cell, a square or a cube; None in open space."""
        return None

    @property
    def electron_interaction(self) -> float:
        """Strength of the 1/r repulsion between electrons: 1, or 0 where it is switched off."""
        return 1.0

    def electron_cusp(self, same_spin: bool) -> float:
        """Slope of log|Psi| at the coalescence of two electrons: 1/(D+1) for equal spins, 1/(D-1) for opposite."""
        return self.electron_interaction / (self.dim + 1 if same_spin else self.dim - 1)

    @property
    @abstractmethod
    def length_scale(self) -> float:
        """Typical distance between electrons in bohr: sets the first range of Jastrow factors and proposals."""

    @property
    def correlation_length(self) -> float:
        """Length in bohr over which the correlation of a pair builds up: the first range of two-body factors."""
        return self.length_scale

    def local_length(self, positions) -> Any:
        """Length in bohr over which |Psi| changes near each electron, ``(batch, n_electrons)``: scales its moves."""
        from keras import ops

        return ops.full_like(positions[..., 0], self.length_scale)

    @abstractmethod
    def potential(self, positions) -> Any:
        """Potential energy in hartree, shape ``(batch,)``, of positions ``(batch, n_electrons, dim)``."""

    @abstractmethod
    def initial_positions(self, random: np.random.Generator, batch: int) -> np.ndarray:
        """Starting positions, shape ``(batch, n_electrons, dim)``."""

    @property
    def orbital_multiplets(self) -> np.ndarray:
        """Number of the multiplet of each orbital, ``(max(n_up, n_down),)``: a factor common to a multiplet keeps the
        symmetry that mixes its orbitals. Each is by itself where there is no such symmetry.
        """
        return np.arange(max(self.n_up, self.n_down))

    @abstractmethod
    def orbitals(self) -> keras.Layer:
        """A layer from positions ``(batch, m, dim)`` to orbital values ``(batch, m, max(n_up, n_down))``.

        Both spins share it: spin-down electrons use the first ``n_down`` columns. The orbitals are smooth at the
        nuclei: the electron-nucleus cusp belongs to the Jastrow factor (`zoo.layers.jastrow`).
        """


class LatticeSystem(System):
    """Electrons on a lattice; configurations are occupations ``(batch, 2, n_sites)`` of int8, row 0 spin up.

    Basis states are ordered as |n> = prod_{i ascending} (c+_i,up)^n prod_{i ascending} (c+_i,down)^n |0>, so a hop
    i -> j within one spin carries (-1)^(electrons of that spin strictly between i and j).
    """

    space: ClassVar[str] = "lattice"
    energy_unit: ClassVar[str] = "t"

    u: float

    @property
    @abstractmethod
    def geometry(self) -> Lattice:
        """Sites and boundaries without the Hamiltonian."""

    @property
    def n_sites(self) -> int:
        return self.geometry.n_sites

    @property
    @abstractmethod
    def bonds(self) -> tuple[Bond, ...]:
        """Every bond once, ``(i, j, hopping)`` with i < j: the Hamiltonian holds -(hopping c+_i c_j + h.c.).

        The sign of an antiperiodic boundary, or the phase of a twisted one, is part of ``hopping``.
        """

    @property
    def is_complex(self) -> bool:
        """Whether a hopping is a complex number: then wavefunctions have a phase in place of a sign."""
        return any(isinstance(hopping, complex) for _, _, hopping in self.bonds)

    @property
    def repulsions(self) -> tuple[tuple[int, int, float], ...]:
        """Pairs of sites whose electrons repel, each once, ``(i, j, strength)`` with i < j; ``u`` is not among them."""
        return ()

    def hopping_matrix(self) -> np.ndarray:
        """The one-body Hamiltonian, Hermitian, ``(n_sites, n_sites)``: ``-hopping`` on every bond."""
        matrix = np.zeros((self.n_sites, self.n_sites), dtype=complex if self.is_complex else float)
        for i, j, hopping in self.bonds:
            matrix[i, j] -= hopping
            matrix[j, i] -= hopping.conjugate()
        return matrix

    def repulsion_matrix(self) -> np.ndarray:
        """The strengths of `repulsions` as a symmetric matrix W, ``(n_sites, n_sites)``: sum_ij W_ij n_i n_j / 2."""
        matrix = np.zeros((self.n_sites, self.n_sites))
        for i, j, strength in self.repulsions:
            matrix[i, j] = matrix[j, i] = strength
        return matrix

    def diagonal(self, filled) -> Any:
        """The diagonal of H: sum_i u n_i,up n_i,down + sum_<ij> v_ij n_i n_j, in `keras.ops`.

        Args:
            filled: Occupations as floating-point numbers, ``(batch, 2, n_sites)``.

        Returns:
            Energies ``(batch,)``.
        """
        from keras import ops

        energies = self.u * ops.sum(filled[:, 0] * filled[:, 1], axis=-1)
        if self.repulsions:
            density = ops.sum(filled, axis=1)
            repelled = ops.matmul(density, ops.convert_to_tensor(self.repulsion_matrix(), dtype=filled.dtype))
            energies = energies + 0.5 * ops.sum(density * repelled, axis=-1)
        return energies

    @property
    def infinite_temperature_energy(self) -> float:
        """The mean energy of all configurations, the zero of the V-score; of Hubbard models U N_up N_down / N_sites.

        Source: Wu et al., Science 386, 296 (2024).
        """
        opposite = self.n_up * self.n_down / self.n_sites
        energy = self.u * opposite
        if self.repulsions:
            equal = sum(count * (count - 1) for count in (self.n_up, self.n_down)) / (self.n_sites - 1)
            energy += sum(strength for _, _, strength in self.repulsions) * (equal + 2 * opposite) / self.n_sites
        return energy

    def symmetries(self, kind: str) -> tuple[Symmetry, ...]:
        """Elements of the symmetry group, the identity first: only those that leave the Hamiltonian as it is.

        Args:
            kind: ``"translations"`` along the closed axes (around an antiperiodic axis, L of them by one cell are -1
                for each electron); ``"point_group"``, which with the translations makes the whole group of the
                lattice; ``"spin_flip"``, where there are as many electrons of each spin.

        Raises:
            UnknownNameError: No such kind.
        """
        from zoo.systems import symmetry

        return symmetry.symmetries(self, kind)

    @abstractmethod
    def displacement_classes(self) -> np.ndarray:
        """Class of each pair of sites, integers ``(n_sites, n_sites)``, symmetric; class 0 is the pair (i, i).

        Pairs that a symmetry of the lattice's geometry maps into each other share a class.
        """

    @abstractmethod
    def orbitals(self, kind: str = "screened") -> tuple[np.ndarray, np.ndarray]:
        """Mean-field orbitals of each spin, ``(n_sites, n_up)`` and ``(n_sites, n_down)``, orthonormal columns.

        Args:
            kind: ``"free"`` (hopping only), ``"unrestricted"`` (collinear self-consistent mean field, the lowest
                of several starts) or ``"screened"`` (that of a weaker interaction, for use with a Jastrow factor).
        """

    def initial_occupations(self, random: np.random.Generator, batch: int) -> np.ndarray:
        """Uniformly random occupations with the right number of each spin, shape ``(batch, 2, n_sites)``, int8."""
        keys = random.random((batch, 2, self.n_sites))
        ranks = keys.argsort(axis=-1).argsort(axis=-1)
        return (ranks < np.array([self.n_up, self.n_down])[None, :, None]).astype(np.int8)
