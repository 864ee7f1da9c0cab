"""When walkers or their moves have stopped to be of use: how to tell, and what to put in their places."""

from __future__ import annotations

import numpy as np

LEAST_ACCEPTANCE = 1e-3
"""Share of accepted proposals below which nothing is sampled any more."""
LEAST_PROPOSALS = 1000
"""Proposals in an epoch from which on its acceptance says something."""


def collapsed(acceptance: float, proposals: float) -> bool:
    """Whether so few of that many proposals were accepted that the walkers stand still, or none is a number."""
    return bool(proposals >= LEAST_PROPOSALS and not acceptance >= LEAST_ACCEPTANCE)


def is_mendable(lost: np.ndarray) -> bool:
    """Whether it is the fault of single walkers, and not of the wavefunction, that they are lost."""
    return bool(0 < np.count_nonzero(lost) < lost.size / 2)


def in_place_of(lost: np.ndarray) -> np.ndarray:
    """For each walker the number of the one that takes its place: itself, or another in turn if it is lost.

    Args:
        lost: Boolean, ``(walkers,)``, not all of them.
    """
    index, good = np.arange(lost.size), np.flatnonzero(~lost)
    index[lost] = good[np.arange(np.count_nonzero(lost)) % good.size]
    return index
