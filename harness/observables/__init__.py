"""Observables of lattice runs beside the energy: structure factors, momentum distribution, correlations of pairs.

Importing this loads no backend; `harness.observables.measurement` does.
"""

from harness.observables.catalogue import ALL, NAMES, Choice, choose, measurements
from harness.observables.profile import FILE, ObservablesFile, Profile, read_observables

__all__ = ["ALL", "FILE", "NAMES", "Choice", "ObservablesFile", "Profile", "choose", "measurements", "read_observables"]
