"""What estimators may ask of a wavefunction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Amplitudes:
    """A wavefunction with the values of its parameters.

    Attributes:
        log_psi: Function from occupations ``(batch, 2, n_sites)`` to ``(sign, log_abs)``, each ``(batch,)``.
        hop_ratios: Function from a `harness.local_energy.hops.HopRatios` and occupations to the ratios of its hops,
            ``(batch, 2, pairs)``, by whatever way is the fastest for the model.
    """

    log_psi: Callable
    hop_ratios: Callable
