"""The lowest eigenvalue of a large Hermitian operator, by Lanczos iteration with two vectors.

Nothing is orthogonalised again, so higher eigenvalues may appear several times, but the lowest one and its vector are
not harmed. The vector is made in a second pass through the same vectors, which needs a third one (J. K. Cullum and
R. A. Willoughby, Lanczos Algorithms for Large Symmetric Eigenvalue Computations, SIAM, 2002).
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from zoo.errors import ZooError


class Operator(Protocol):
    """A Hermitian operator H on arrays of one shape."""

    def start(self) -> np.ndarray:
        """The vector to start from: the same one every time, and not orthogonal to the one sought."""

    def add(self, vector: np.ndarray, result: np.ndarray) -> None:
        """Add H vector to ``result``, in place."""

    def project(self, vector: np.ndarray) -> None:
        """Remove what rounding left outside of the space on which H acts, in place; it would grow from step to step."""


_MOST_STEPS = 2000
_INVARIANT = 1e-10


@dataclasses.dataclass(frozen=True, eq=False)
class Lowest:
    """What an iteration found.

    Attributes:
        value: The lowest eigenvalue.
        residual: Norm of H x - value x of the normalised vector x: the error of the value is of second order in it.
        coefficients: Of x in the Lanczos vectors.
    """

    value: float
    residual: float
    coefficients: np.ndarray


def lowest(operator: Operator, residual: float) -> Lowest:
    """Iterate until the norm of the residual is ``residual``.

    Raises:
        ZooError: That takes too many steps.
    """
    from scipy.linalg import eigh_tridiagonal

    recurrence = _Recurrence(operator)
    diagonal: list[float] = []
    beside: list[float] = []
    while len(diagonal) < _MOST_STEPS:
        overlap, norm = recurrence.advance()
        diagonal.append(overlap)
        values, vectors = eigh_tridiagonal(diagonal, beside, select="i", select_range=(0, 0))
        error = norm * abs(vectors[-1, 0])
        if error <= residual or norm < _INVARIANT:
            return Lowest(float(values[0]), float(error), vectors[:, 0])
        beside.append(norm)
    raise ZooError(f"no convergence in {_MOST_STEPS} Lanczos steps: expected a larger gap above the ground state")


def vector(operator: Operator, found: Lowest) -> np.ndarray:
    """The normalised eigenvector that `lowest` found for the operator."""
    recurrence = _Recurrence(operator)
    result = found.coefficients[0] * recurrence.vector
    for coefficient in found.coefficients[1:]:
        recurrence.advance()
        _add_multiple(result, recurrence.vector, coefficient)
    result /= np.linalg.norm(result)
    return result


class _Recurrence:
    """The Lanczos vectors, one after the other: b_n v_{n+1} = H v_n - a_n v_n - b_{n-1} v_{n-1}."""

    def __init__(self, operator: Operator):
        self._operator, self.vector = operator, operator.start()
        self.vector /= np.linalg.norm(self.vector)
        self._previous, self._norm = np.zeros_like(self.vector), 0.0

    def advance(self) -> tuple[float, float]:
        """Go to the next vector; returns a_n and b_n."""
        result = self._previous
        result *= -self._norm
        self._operator.add(self.vector, result)
        overlap = float(np.vdot(self.vector, result).real)
        _add_multiple(result, self.vector, -overlap)
        self._operator.project(result)
        self._norm = float(np.linalg.norm(result))
        if self._norm > 0:
            result /= self._norm
        self._previous, self.vector = self.vector, result
        return overlap, self._norm


def _add_multiple(result: np.ndarray, vector: np.ndarray, factor: float) -> None:
    """``result += factor * vector`` without a third vector."""
    from scipy.linalg import get_blas_funcs

    axpy = get_blas_funcs("axpy", (vector,))
    axpy(vector.reshape(-1), result.reshape(-1), a=factor)
