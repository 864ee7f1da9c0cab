"""Slater determinants times a restricted Boltzmann machine: a wavefunction for the backflow zoo."""
