"""How the lattice sampler learns |Psi| of what it proposes: anew, or from a table that follows each walker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from zoo.layers.low_rank import LowRank

Kept = dict[str, Any]
"""What belongs to a batch of walkers, among it ``log_abs``, log|Psi| ``(batch,)``."""


class Direct:
    """log|Psi| evaluated at every proposal.

    Args:
        log_abs: Function from occupations ``(batch, 2, n_sites)`` to log|Psi|.

    Attributes:
        follows: Whether what is kept is updated from move to move, and so must be made anew now and then.
    """

    follows = False

    def __init__(self, log_abs: Callable):
        self.log_abs = log_abs

    def keep(self, walkers) -> Kept:
        """What is kept of walkers."""
        return {"log_abs": self.log_abs(walkers)}

    def propose(self, kept: Kept, walkers, proposal) -> tuple[Any, Any]:
        """log|Psi| of a proposal, and what `follow` needs."""
        return self.log_abs(proposal), None

    def follow(self, kept: Kept, log_abs, proposed, accepted) -> Kept:
        """What is kept once the walkers that accepted have moved."""
        return {"log_abs": ops.where(accepted, log_abs, kept["log_abs"])}


class Following:
    """log|Psi| from a table of ratios that is updated with each hop; see `zoo.layers.low_rank`.

    Args:
        low_rank, factors: The updates, and the weights that they are for.
    """

    follows = True

    def __init__(self, low_rank: LowRank, factors: dict[str, Any]):
        self.low_rank, self.factors = low_rank, factors

    def keep(self, walkers) -> Kept:
        return self.low_rank.table(self.factors, walkers)

    def propose(self, kept: Kept, walkers, proposal) -> tuple[Any, Any]:
        log_abs, proposed = self.low_rank.propose(self.factors, kept, walkers, proposal)
        # Where Psi is zero there are no ratios. Such a walker moves on, until its table is made anew.
        return ops.where(kept["log_abs"] == -float("inf"), ops.zeros_like(log_abs), log_abs), proposed

    def follow(self, kept: Kept, log_abs, proposed, accepted) -> Kept:
        from_zero = kept["log_abs"] == -float("inf")
        return self.low_rank.follow(kept, ops.where(from_zero, kept["log_abs"], log_abs), proposed, accepted)
