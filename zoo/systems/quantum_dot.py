"""Electrons in an isotropic harmonic trap: the quantum dot (2D) and Hooke's atom (3D)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from zoo.errors import ZooError
from zoo.systems.base import ContinuumSystem
from zoo.systems.two_electrons import two_electron_energy
from zoo.systems.wigner import resting_positions

LEAST_OMEGA, MOST_OMEGA = 1e-6, 1e6
MOST_ELECTRONS = 1000
"""Of one spin. Beyond these bounds a typing error is likelier than a calculation."""


@dataclasses.dataclass(frozen=True)
class QuantumDot(ContinuumSystem):
    r"""H = sum_i (-lap_i / 2 + omega^2 r_i^2 / 2) + sum_{i<j} 1 / r_ij, in (effective) hartree and bohr.

    Attributes:
        dim: 2 (semiconductor dot) or 3 (Hooke's atom).
        omega: Trap frequency, 1e-6 to 1e6.
        n_up, n_down: Electrons of each spin.
        coulomb: Whether the electrons repel; without it the energy is a sum of oscillator levels.
    """

    family: ClassVar[str] = "quantum_dot"

    dim: int = 2
    omega: float = 1.0
    n_up: int = 1
    n_down: int = 1
    coulomb: bool = True

    def __post_init__(self):
        if self.dim not in (2, 3):
            raise ZooError(f"system.dim={self.dim}: expected 2 or 3")
        if not (math.isfinite(self.omega) and self.omega > 0):
            raise ZooError(f"system.omega={self.omega}: expected a positive trap frequency")
        if not LEAST_OMEGA <= self.omega <= MOST_OMEGA:
            raise ZooError(f"system.omega={self.omega}: expected {LEAST_OMEGA:g} to {MOST_OMEGA:g}")
        for name in ("n_up", "n_down"):
            if not 0 <= getattr(self, name) <= MOST_ELECTRONS:
                raise ZooError(
                    f"system.{name}={getattr(self, name)}: expected a number of electrons, 0 to {MOST_ELECTRONS}"
                )
        if self.n_electrons == 0:
            raise ZooError("system.n_up=0, system.n_down=0: expected at least one electron")

    @property
    def centres(self) -> np.ndarray:
        return np.zeros((1, self.dim))

    @property
    def electron_interaction(self) -> float:
        return 1.0 if self.coulomb else 0.0

    @property
    def length_scale(self) -> float:
        """The oscillator length 1/sqrt(omega), or the classical spacing omega^(-2/3) where repulsion rules."""
        oscillator = self.omega**-0.5
        return max(oscillator, self.omega ** (-2 / 3)) if self.coulomb and self.n_electrons > 1 else oscillator

    @property
    def energy_scale(self) -> float:
        """The trap frequency: neighbouring levels lie that far apart, however strong the repulsion."""
        return self.omega

    @property
    def correlation_length(self) -> float:
        """1.7 sqrt((D - 1) / omega): a Jastrow factor of cusps alone then swells the cloud of electrons about right.

        Far out, the push c a^2 / r^2 of a pair factor c a rho(r) and the pull omega r of an orbital balance where
        1 / r^2 and omega^2 r do, once c a^2 = 1 / omega. The number is by trial, for 2 to 20 electrons and omega from
        0.001 to 1.
        """
        return 1.7 * math.sqrt((self.dim - 1) / self.omega)

    @property
    def reference_key(self) -> str | None:
        if not self.coulomb:
            return None
        n_up, n_down = max(self.n_up, self.n_down), min(self.n_up, self.n_down)
        omega = f"{self.omega:g}" if float(f"{self.omega:g}") == self.omega else repr(self.omega)
        return f"dot{self.dim}d/{n_up}-{n_down}/w{omega}"

    def levels(self) -> list[tuple[int, ...]]:
        """Quantum numbers ``(n_x, n_y[, n_z])`` of the occupied oscillator orbitals, lowest energy first."""
        wanted = max(self.n_up, self.n_down)
        shell = 0
        states: list[tuple[int, ...]] = []
        while len(states) < wanted:
            states += _shell(self.dim, shell)
            shell += 1
        return states[:wanted]

    def virtual_levels(self) -> list[tuple[int, ...]]:
        """The unoccupied levels through the second shell above the highest occupied one."""
        occupied = self.levels()
        highest = max(sum(level) for level in occupied)
        states = [level for shell in range(highest + 3) for level in _shell(self.dim, shell)]
        return [level for level in states if level not in occupied]

    def noninteracting_energy(self) -> float:
        """Energy in hartree with the repulsion switched off."""
        energies = [self.omega * (sum(level) + self.dim / 2) for level in self.levels()]
        return sum(energies[: self.n_up]) + sum(energies[: self.n_down])

    def exact_energy(self) -> tuple[float, str] | None:
        if not self.coulomb or self.n_electrons == 1:
            return self.noninteracting_energy(), "sum of oscillator levels"
        if self.n_electrons == 2:
            energy = two_electron_energy(self.dim, self.omega, triplet=self.n_up != self.n_down)
            return energy, "relative-coordinate radial equation, Chebyshev collocation"
        return None

    def mean_field_energy(self) -> tuple[float, str] | None:
        """That of closed shells, with both spins in every orbital or with electrons of one spin alone."""
        from zoo.systems import trap_hartree_fock

        more, fewer = max(self.n_up, self.n_down), min(self.n_up, self.n_down)
        shells = trap_hartree_fock.filled_shells(self.dim, more)
        if not self.coulomb or fewer not in (0, more) or shells is None or shells > trap_hartree_fock.MOST_SHELLS:
            return None
        spins = 2 if fewer else 1
        energy = trap_hartree_fock.restricted_energy(self.dim, self.omega, shells, spins)
        return None if energy is None else (energy, trap_hartree_fock.METHOD)

    def potential(self, positions) -> Any:
        from keras import ops

        from zoo.layers.pairs import pair_distances

        energy = 0.5 * self.omega**2 * ops.sum(ops.square(positions), axis=(-2, -1))
        if self.coulomb and self.n_electrons > 1:
            energy = energy + ops.sum(1.0 / pair_distances(positions), axis=-1)
        return energy

    def initial_positions(self, random: np.random.Generator, batch: int) -> np.ndarray:
        """Electrons about the places where classical charges rest, which spins share out at random.

        The crystal has a length of omega^(-2/3) and is turned at random; each electron is off its place by the spread
        of free electrons in the trap, a multiple of omega^(-1/2).
        """
        spread = math.sqrt(self.noninteracting_energy() / (self.n_electrons * self.dim)) / self.omega
        positions = spread * random.standard_normal((batch, self.n_electrons, self.dim))
        if not self.coulomb:
            return positions
        places = self.omega ** (-2 / 3) * resting_positions(self.dim, self.n_electrons)
        turns = np.linalg.qr(random.standard_normal((batch, self.dim, self.dim)))[0]
        order = random.random((batch, self.n_electrons)).argsort(axis=1)
        return positions + places[order] @ turns

    def orbitals(self):
        from zoo.layers.oscillator import OscillatorOrbitals

        return OscillatorOrbitals(self.levels(), self.omega, self.virtual_levels(), name="orbitals")


def _shell(dim: int, quanta: int) -> list[tuple[int, ...]]:
    """Every Cartesian state with that many quanta, the most balanced between the axes last."""
    if dim == 1:
        return [(quanta,)]
    return [(first, *rest) for first in range(quanta, -1, -1) for rest in _shell(dim - 1, quanta - first)]
