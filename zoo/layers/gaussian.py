"""Orbitals made of Gaussians about the nuclei."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from zoo.layers.pairs import electron_nucleus_differences

_X, _Y, _Z = np.eye(3)

# Each harmonic is a constant times a product of factors: linear (a vector c: c.r) or diagonal quadratic
# (a vector q: q_x x^2 + q_y y^2 + q_z z^2), of angular momentum at most 3.
_FACTORS: dict[str, tuple[float, list[np.ndarray], np.ndarray | None]] = {
    "s": (1 / 4, [], None),
    "px": (3 / 4, [_X], None),
    "py": (3 / 4, [_Y], None),
    "pz": (3 / 4, [_Z], None),
    "dxy": (15 / 4, [_X, _Y], None),
    "dyz": (15 / 4, [_Y, _Z], None),
    "dz2": (5 / 16, [], 2 * _Z - _X - _Y),
    "dxz": (15 / 4, [_X, _Z], None),
    "dx2-y2": (15 / 16, [], _X - _Y),
    "fy3": (35 / 32, [_Y], 3 * _X - _Y),
    "fxyz": (105 / 4, [_X, _Y, _Z], None),
    "fyz2": (21 / 32, [_Y], 4 * _Z - _X - _Y),
    "fz3": (7 / 16, [_Z], 2 * _Z - 3 * _X - 3 * _Y),
    "fxz2": (21 / 32, [_X], 4 * _Z - _X - _Y),
    "fzx2": (105 / 16, [_Z], _X - _Y),
    "fx3": (35 / 32, [_X], _X - 3 * _Y),
}
"""Of each real solid harmonic: pi times the square of its norm on the unit sphere, its linear factors, and the
diagonal of its quadratic factor."""


class GaussianOrbitals(keras.layers.Layer):
    r"""Orbitals g_k(r) = sum_p coefficients_pk G_p(r) with trainable coefficients.

    G_p(r) = N_p S_p(r - R_A) exp(-a_p |r - R_A|^2), normalised to one, with a real solid harmonic S_p about nucleus
    A. The orbitals are smooth at the nuclei: the cusp belongs to the Jastrow factor.

    Args:
        nuclei: Positions of the nuclei, ``(n_nuclei, 3)``.
        functions: Of each Gaussian ``(index of its nucleus, name of its harmonic, exponent a_p in bohr^-2)``; the
            harmonics are s, px ... pz, dxy ... dx2-y2, fy3 ... fx3.
        coefficients: First values of the coefficients, ``(n_functions, n_orbitals)``.

    Call: positions ``(batch, m, 3)`` to orbitals ``(batch, m, n_orbitals)``.
    """

    def __init__(self, nuclei, functions, coefficients, **kwargs):
        super().__init__(**kwargs)
        self.nuclei = np.asarray(nuclei, dtype="float64")
        self.functions = [(int(nucleus), str(harmonic), float(exponent)) for nucleus, harmonic, exponent in functions]
        self.first_coefficients = np.asarray(coefficients, dtype="float64")
        self._exponents, self._linear, self._quadratic = self._constants()

    def _constants(self) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]], tuple[np.ndarray, np.ndarray]]:
        """Matrices that make the exponent and the factors of every function from squares and differences."""
        n_nuclei, n_functions = len(self.nuclei), len(self.functions)
        exponents = np.zeros((n_nuclei, n_functions))
        linear = [(np.zeros((n_nuclei, 3, n_functions)), np.ones(n_functions)) for _ in range(3)]
        quadratic = (np.zeros((n_nuclei, 3, n_functions)), np.ones(n_functions))
        for p, (nucleus, harmonic, exponent) in enumerate(self.functions):
            exponents[nucleus, p] = -exponent
            for (matrix, offset), factor in zip(linear, _FACTORS[harmonic][1], strict=False):
                matrix[nucleus, :, p], offset[p] = factor, 0.0
            if _FACTORS[harmonic][2] is not None:
                quadratic[0][nucleus, :, p], quadratic[1][p] = _FACTORS[harmonic][2], 0.0
        return exponents, linear, quadratic

    def build(self, input_shape):
        self.coefficients = self.add_weight(
            shape=self.first_coefficients.shape,
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(self.first_coefficients, dtype=dtype),
            name="coefficients",
        )

    def gaussians(self, positions):
        """The normalised Gaussians: positions ``(batch, m, 3)`` to ``(batch, m, n_functions)``."""

        def constant(array):
            return ops.convert_to_tensor(array, dtype=positions.dtype)

        differences = electron_nucleus_differences(positions, self.nuclei)  # (batch, m, n_nuclei, 3)
        squares = ops.square(differences)
        values = ops.exp(ops.matmul(ops.sum(squares, axis=-1), constant(self._exponents)))
        values = values * constant([normalisation(harmonic, a) for _, harmonic, a in self.functions])
        for source, (matrix, offset) in [(differences, f) for f in self._linear] + [(squares, self._quadratic)]:
            if matrix.any():
                values = values * (ops.einsum("bmax,axp->bmp", source, constant(matrix)) + constant(offset))
        return values

    def call(self, positions):
        return ops.matmul(self.gaussians(positions), self.coefficients)

    def get_config(self):
        return {
            **super().get_config(),
            "nuclei": self.nuclei.tolist(),
            "functions": [list(function) for function in self.functions],
            "coefficients": self.first_coefficients.tolist(),
        }


def normalisation(harmonic: str, exponent: float) -> float:
    """The factor that gives S(r) exp(-a r^2) unit norm in space.

    int_0^inf r^(2l+2) exp(-2 a r^2) dr = Gamma(l + 3/2) / (2 (2a)^(l + 3/2)), and the harmonics have angular norms
    of their own.
    """
    square, linear, quadratic = _FACTORS[harmonic]
    momentum = len(linear) + (0 if quadratic is None else 2)
    radial = math.gamma(momentum + 1.5) / (2 * (2 * exponent) ** (momentum + 1.5))
    return math.sqrt(square / math.pi / radial)
