"""Where classical charges rest in a harmonic trap: the crystal that electrons form as the trap gets weak."""

from __future__ import annotations

import functools

import numpy as np

_MOST_ITERATIONS = 500
_GOLDEN_ANGLE = np.pi * (3.0 - 5.0**0.5)


@functools.lru_cache(maxsize=64)
def resting_positions(dim: int, count: int) -> np.ndarray:
    """A minimum of sum_i r_i^2 / 2 + sum_{i<j} 1 / r_ij, shape ``(count, dim)``.

    In a trap of frequency omega lengths are omega^(-2/3) times these. The minimum is that below a spiral of the right
    density: always the same one, not always the lowest.
    """
    from scipy import optimize

    first, second = np.triu_indices(count, 1)

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        positions = flat.reshape(count, dim)
        differences = positions[first] - positions[second]
        distances = np.linalg.norm(differences, axis=1)
        forces = differences / distances[:, None] ** 3
        gradient = positions.copy()
        for axis in range(dim):
            gradient[:, axis] -= np.bincount(first, forces[:, axis], count)
            gradient[:, axis] += np.bincount(second, forces[:, axis], count)
        return 0.5 * float(np.sum(flat**2)) + float(np.sum(1.0 / distances)), gradient.ravel()

    start = _spiral(dim, count).ravel()
    found = optimize.minimize(
        energy, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_ITERATIONS, "ftol": 1e-14, "gtol": 1e-9}
    )
    places = found.x.reshape(count, dim)
    places.flags.writeable = False  # it is shared
    return places


def _spiral(dim: int, count: int) -> np.ndarray:
    """Points of the density of a charged fluid in the trap: a hemisphere over the disc, or an even ball."""
    share, angle = (np.arange(count) + 0.5) / count, _GOLDEN_ANGLE * np.arange(count)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if dim == 2:
        return (count * (1.0 - (1.0 - share) ** (2 / 3)) ** 1.5)[:, None] ** (1 / 3) * circle
    height = 2.0 * ((np.arange(count) + 0.5) * (5.0**0.5 - 1.0) / 2.0 % 1.0) - 1.0
    sphere = np.concatenate([np.sqrt(1.0 - height**2)[:, None] * circle, height[:, None]], axis=1)
    return (count * share)[:, None] ** (1 / 3) * sphere
