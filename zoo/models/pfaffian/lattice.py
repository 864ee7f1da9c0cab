"""Pairing wavefunctions on a lattice."""

from __future__ import annotations

from zoo.layers.lattice_jastrow import LatticeJastrow
from zoo.models.pfaffian.pairing import AllPairs, OppositePairs
from zoo.systems.base import LatticeSystem
from zoo.wavefunction import Wavefunction


class Pfaffian(Wavefunction):
    """Electrons in pairs, times exp J(n); it starts as the Slater-Jastrow wavefunction, up to a constant factor.

    Args:
        system: A lattice system; it supplies the first orbitals.
        orbitals: ``"screened"``, ``"unrestricted"`` or ``"free"``, as in `SlaterJastrow`.
        pairing: ``"opposite"`` pairs electrons of opposite spin (`OppositePairs`), ``"all"`` those of equal spin too
            (`AllPairs`).
    """

    def __init__(self, system: LatticeSystem, orbitals: str = "screened", pairing: str = "opposite", name=None):
        super().__init__(system, name=name, orbitals=orbitals, pairing=pairing)
        make = AllPairs if pairing == "all" and system.n_electrons > 1 else OppositePairs
        self.pairing = make(system, orbitals, name="pairing")
        self.jastrow = LatticeJastrow.of(system)
        self.create_weights()

    def call(self, occupations):
        sign, log_abs = self.pairing(occupations)
        return sign, log_abs + self.jastrow(occupations)
