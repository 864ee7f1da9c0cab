"""Slater-Jastrow on a lattice."""

from __future__ import annotations

from keras import ops

from zoo.layers.determinant import product_of_determinants
from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.layers.lattice_orbitals import LatticeOrbitals, first_orbitals, mixes_spins, occupied_sites
from zoo.layers.low_rank import LowRank
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class SlaterJastrow(Wavefunction):
    """Psi(n) = det[phi_k(i), i occupied by up] det[phi_k(i), i occupied by down] exp J(n), with trainable orbitals.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: ``"screened"`` starts from the mean field of |U| <= 2 |t|, ``"unrestricted"`` from that of U itself,
            ``"free"`` from the hopping alone. ``"generalised"`` starts from the screened ones, of which a single
            determinant of all electrons can then mix the spins: rows of up sites, then of down sites. ``"auto"`` is
            generalised where the mean field is magnetic, with as many electrons of each spin, else screened.
        train_orbitals: Whether the orbitals are optimised.
    """

    complex_values = True

    def __init__(
        self, system: LatticeSystem, orbitals: str = "auto", train_orbitals: bool = True, name=None, **further
    ):
        super().__init__(system, name=name, orbitals=orbitals, train_orbitals=train_orbitals, **further)
        self.mixed = mixes_spins(system, orbitals)
        # Subclasses that change Psi have other ratios.
        same = all(getattr(type(self), name) is getattr(SlaterJastrow, name) for name in ("call", "effective_sites"))
        self.low_rank = LowRank((system.n_up, system.n_down), self.mixed) if same else None
        self.orbitals = LatticeOrbitals(first_orbitals(system, orbitals), trainable=train_orbitals, name="orbitals")
        self.jastrow = LatticeJastrow.of(system)
        self.add_backflow()
        self.create_weights()

    def add_backflow(self) -> None:
        """Create the layers of the backflow, before the weights are made; this rung of the ladder has none."""

    def low_rank_factors(self) -> dict:
        return {"orbitals": self.orbitals.matrices(), **self.jastrow.couplings()}

    def effective_sites(self, occupations) -> list:
        """Where the orbitals are evaluated: for each spin that has electrons ``(batch, n_spin, n_sites)``.

        A row holds the amplitudes of an electron at all sites; here it is one where the electron is. Complex ones are
        a pair, real and imaginary parts.
        """
        return occupied_sites(self.system, occupations)

    def call(self, occupations):
        matrices = self.orbitals(self.effective_sites(occupations))
        if self.mixed:
            matrices = [ops.concatenate(matrices, axis=1)]
        sign, log_abs = product_of_determinants(matrices)
        return sign, log_abs + self.jastrow(occupations)
