"""The acceptance step that both samplers share."""

from __future__ import annotations

from keras import ops


def accept(uniforms, log_abs, proposed_log_abs, log_hastings=0.0):
    """Metropolis-Hastings decision for each walker, boolean ``(batch,)``.

    A move away from Psi = 0 is always accepted; a move to Psi = 0, or to a value that is not finite, never.

    Args:
        uniforms: Uniform random numbers in [0, 1).
        log_abs, proposed_log_abs: log|Psi| before and after.
        log_hastings: Logarithm of the ratio of the backward to the forward proposal probability.
    """
    possible = ops.isfinite(proposed_log_abs)
    from_zero = log_abs == -float("inf")
    change = ops.where(possible & ~from_zero, 2.0 * (proposed_log_abs - log_abs), ops.zeros_like(log_abs))
    wanted = ops.log(uniforms) < change + log_hastings
    return possible & (wanted | from_zero)


def select(accepted, new, old):
    """``new`` for the walkers that accepted, ``old`` for the others, whatever their rank."""
    shape = (-1, *([1] * (len(old.shape) - 1)))
    return ops.where(ops.reshape(accepted, shape), new, old)
