"""Exact energies of two electrons in a harmonic trap, for any frequency.

Centre-of-mass and relative motion separate. With r = s / sqrt(omega) the relative wavefunction s^m v(s), m = 0 for the
singlet and 1 for the triplet, obeys

    -v'' - (2 m + D - 1) v' / s + (s^2 / 4 + 1 / (s sqrt(omega))) v = (e / omega) v,

which is solved by Chebyshev collocation (Trefethen, Spectral Methods in MATLAB, 2000). Closed forms for some
frequencies: Taut, PRA 48, 3561 (1993).
"""

from __future__ import annotations

import functools
import math

import numpy as np


@functools.lru_cache
def two_electron_energy(dim: int, omega: float, triplet: bool) -> float:
    """Ground-state energy in hartree, to about 1e-11 of it.

    Args:
        dim: 2 or 3.
        omega: Trap frequency, > 0.
        triplet: Lowest state of two equal spins (one unit of relative angular momentum) instead of the singlet.
    """
    angular = 1 if triplet else 0
    strength = omega**-0.5
    # The classical distance s = (2 strength)^(1/3) and a width of order one around it bound the wavefunction.
    reach = (2.0 * strength) ** (1 / 3) + 14.0
    size = 60 + 8 * math.ceil(reach)
    first, points = _chebyshev_derivative(size)
    s, first = 0.5 * reach * (1.0 - points), first * (-2.0 / reach)
    second = first @ first
    operator = -s[:, None] * second - (2 * angular + dim - 1) * first + np.diag(s**3 / 4 + strength)
    inside = slice(0, size)  # v vanishes at the last point, s = reach
    # s v on the right is singular at s = 0: turn e = 1 / mu round to an ordinary eigenvalue problem.
    inverse = np.linalg.solve(operator[inside, inside], np.diag(s[inside]))
    values = np.linalg.eigvals(inverse)
    positive = values.real[(np.abs(values.imag) < 1e-6 * np.abs(values)) & (values.real > 0)]
    return float(omega * (1.0 / positive.max() + dim / 2))


def _chebyshev_derivative(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Differentiation matrix on the ``size + 1`` Chebyshev points x_k = cos(pi k / size), and the points."""
    k = np.arange(size + 1)
    points = np.cos(np.pi * k / size)
    weights = np.where((k == 0) | (k == size), 2.0, 1.0) * (-1.0) ** k
    # x_i - x_j by a product of sines, which loses no digits
    halves = np.pi * (k[:, None] + k[None, :]) / (2 * size), np.pi * (k[None, :] - k[:, None]) / (2 * size)
    differences = 2.0 * np.sin(halves[0]) * np.sin(halves[1]) + np.eye(size + 1)
    matrix = np.outer(weights, 1.0 / weights) / differences
    matrix -= np.diag(matrix.sum(axis=1))
    return matrix, points
