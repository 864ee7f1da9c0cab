"""The homogeneous electron gas in a periodic cell, in two and three dimensions."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, ClassVar

import numpy as np

from zoo.errors import ZooError
from zoo.systems.base import ContinuumSystem
from zoo.systems.ewald import coulomb_energy, madelung_constant
from zoo.systems.wave_vectors import Vector, closed_shells, half_space, squared_length

LEAST_RS, MOST_RS = 1e-3, 1e4
MOST_ELECTRONS = 1000
"""Of one spin. Beyond these bounds a typing error is likelier than a calculation."""

_JITTER = 0.2
"""Standard deviation of the first positions around the points of a lattice, in units of its spacing."""

_LATTICES = {
    2: (((0, 0),), ((0, 0), (0.5, 0.5))),
    3: (
        ((0, 0, 0),),
        ((0, 0, 0), (0.5, 0.5, 0.5)),
        ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)),
    ),
}
"""Points in the unit cells of the simple, the body-centred and, in three dimensions, the face-centred lattice."""


@dataclasses.dataclass(frozen=True)
class ElectronGas(ContinuumSystem):
    r"""H = -sum_i lap_i / 2 + E_Coulomb of the electrons, all their images and a uniform neutralising background.

    The cell is a cube or a square with periodic boundaries (the Gamma point); its volume, or area, holds n_up + n_down
    electrons at the density that r_s gives. The Coulomb energy includes that of each electron with its own images
    (`zoo.systems.ewald`).

    Each spin fills the real plane waves 1, cos(G.r), sin(G.r) in the order of |G|. These are closed shells for
    1, 7, 19, 27, 33, 57, ... electrons of a spin in three dimensions and 1, 5, 9, 13, 21, ... in two. Other numbers
    leave the last star of wave vectors partly filled: a valid, real trial state of lower symmetry.

    Attributes:
        dim: 2 or 3.
        rs: Radius in bohr of the sphere or disc that holds one electron, 0.001 to 10000.
        n_up, n_down: Electrons of each spin.
    """

    family: ClassVar[str] = "electron_gas"

    dim: int = 3
    rs: float = 1.0
    n_up: int = 7
    n_down: int = 7

    def __post_init__(self):
        if self.dim not in (2, 3):
            raise ZooError(f"system.dim={self.dim}: expected 2 or 3")
        if not (math.isfinite(self.rs) and LEAST_RS <= self.rs <= MOST_RS):
            raise ZooError(f"system.rs={self.rs}: expected a radius in bohr, {LEAST_RS:g} to {MOST_RS:g}")
        for name in ("n_up", "n_down"):
            if not 0 <= getattr(self, name) <= MOST_ELECTRONS:
                raise ZooError(
                    f"system.{name}={getattr(self, name)}: expected a number of electrons, 0 to {MOST_ELECTRONS}"
                )
        if self.n_electrons < 2:
            given = f"system.n_up={self.n_up}, system.n_down={self.n_down}"
            raise ZooError(f"{given}: expected at least two electrons, as the wavefunction of one is a constant")

    @property
    def cell(self) -> float:
        if self.dim == 3:
            return self.rs * (4 * math.pi * self.n_electrons / 3) ** (1 / 3)
        return self.rs * (math.pi * self.n_electrons) ** 0.5

    @property
    def length_scale(self) -> float:
        return self.rs

    @property
    def correlation_length(self) -> float:
        """1.5 rs^(3/4): the tail c a^2 / r of a pair factor c a rho(r) is then near that of the plasmons.

        In the random-phase approximation log|Psi| has the tail -1 / (omega_p r), with omega_p = sqrt(3) rs^(-3/2) in
        three dimensions. The number is that of equal spins there; tried at other densities and in two dimensions, it
        gave a low first energy too.
        """
        return 1.5 * self.rs**0.75

    @property
    def energy_scale(self) -> float:
        """Plasma frequency, sqrt(3) rs^(-3/2) in three dimensions, without its factor of order one."""
        return self.rs**-1.5

    @property
    def reference_key(self) -> str:
        n_up, n_down = max(self.n_up, self.n_down), min(self.n_up, self.n_down)
        rs = f"{self.rs:g}" if float(f"{self.rs:g}") == self.rs else repr(self.rs)
        return f"heg{self.dim}d/{n_up}-{n_down}/rs{rs}"

    @property
    def closed_shells(self) -> bool:
        """Whether both spins fill whole stars of wave vectors."""
        return all(count in (0, *closed_shells(self.dim, count)) for count in (self.n_up, self.n_down))

    def wave_vectors(self) -> list[Vector]:
        """Integer vectors n of the occupied plane waves 2 pi n / L, one of each n and -n, in the order of filling."""
        return [(0,) * self.dim, *half_space(self.dim, max(self.n_up, self.n_down) // 2)]

    def noninteracting_energy(self) -> float:
        """Kinetic energy in hartree of the plane waves."""
        return sum(weight * self._kinetic(n) for spin in self._occupations() for n, weight in spin.items())

    def mean_field_energy(self) -> tuple[float, str]:
        r"""Energy of the determinant of plane waves, in closed form.

        With n_G the occupation of exp(iG.r), 1/2 for both +-G of a single cosine, and v(q) = 4 pi / q^2 in three
        and 2 pi / q in two dimensions,

            E = sum_{s,G} n_G G^2 / 2 - sum_s sum_{G != G'} n_G n_G' v(G - G') / 2V + N xi / 2 + E_H.

        The last, classical term is that of the charge density, which a single cosine modulates by cos(2 G.r).
        """
        spins = self._occupations()
        modulation: dict[Vector, float] = {}
        exchange = 0.0
        for spin in spins:
            vectors, weights = np.array(list(spin)), np.array(list(spin.values()))
            between = np.linalg.norm(vectors[:, None] - vectors[None, :], axis=-1)
            exchange -= float(weights @ self._strength(between) @ weights) / 2
            for n, weight in spin.items():
                if weight < 1:
                    modulation[n] = modulation.get(n, 0.0) + weight
        classical = sum(float(self._strength(2 * np.linalg.norm(n))) * part**2 / 2 for n, part in modulation.items())
        own = self.n_electrons * madelung_constant(self.dim) / (2 * self.cell)
        energy = self.noninteracting_energy() + exchange + classical + own
        return energy, f"{'RHF' if self.closed_shells else 'ROHF'} plane-wave determinant"

    def potential(self, positions) -> Any:
        return coulomb_energy(positions, self.cell)

    def initial_positions(self, random: np.random.Generator, batch: int) -> np.ndarray:
        """Electrons on randomly chosen points of a lattice that fits the cell, displaced a little, anywhere in it.

        At low density electrons localise, and from random points they would take long to come apart.
        """
        points = _lattice_points(self.dim, self.n_electrons)
        chosen = random.random((batch, len(points))).argsort(axis=1)[:, : self.n_electrons]
        spacing = len(points) ** (-1 / self.dim)
        jitter = _JITTER * spacing * random.standard_normal((batch, self.n_electrons, self.dim))
        origin = random.random((batch, 1, self.dim))
        return self.cell * ((points[chosen] + jitter + origin) % 1.0)

    @property
    def orbital_multiplets(self) -> np.ndarray:
        """cos(G.r) and sin(G.r), which a translation mixes, belong together."""
        return (np.arange(max(self.n_up, self.n_down)) + 1) // 2

    def orbitals(self):
        from zoo.layers.plane_waves import PlaneWaves

        return PlaneWaves(self.wave_vectors(), self.cell, count=max(self.n_up, self.n_down), name="orbitals")

    def _kinetic(self, n: Vector) -> float:
        return 0.5 * (2 * math.pi / self.cell) ** 2 * squared_length(n)

    def _strength(self, lengths) -> np.ndarray:
        """v(q) / V for q = 2 pi / L times a length, 0 for length 0."""
        nonzero = np.where(lengths == 0, 1.0, lengths)
        values = 1.0 / (math.pi * nonzero**2) if self.dim == 3 else 1.0 / nonzero
        return np.where(lengths == 0, 0.0, values) / self.cell

    def _occupations(self) -> list[dict[Vector, float]]:
        """Occupation of every plane wave exp(2 pi i n.r / L) by each spin that there is."""
        zero, *vectors = self.wave_vectors()
        spins = []
        for count in filter(None, (self.n_up, self.n_down)):
            spin = {zero: 1.0}
            for index, n in enumerate(vectors[: count // 2]):
                share = 1.0 if 2 * index + 3 <= count else 0.5
                spin |= {n: share, tuple(-component for component in n): share}
            spins.append(spin)
        return spins


def _lattice_points(dim: int, least: int) -> np.ndarray:
    """Points in the unit cell of the cubic or square lattice with the fewest, at least ``least``, ``(points, dim)``."""
    candidates = []
    for basis in _LATTICES[dim]:
        side = math.ceil(round((least / len(basis)) ** (1 / dim), 9))
        candidates.append((len(basis) * side**dim, side, basis))
    _, side, basis = min(candidates)
    corners = np.array(list(itertools.product(range(side), repeat=dim)))
    return ((corners[:, None] + np.array(basis)) / side).reshape(-1, dim)
