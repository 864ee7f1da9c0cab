"""Complex numbers in `keras.ops`, made of real tensors: weights, and what is differentiated, stay real.

Where the Hamiltonian is real none of this is used. Keras 3.15 rounds float64 to complex64 in
`keras.ops.view_as_complex`, which is therefore left alone, and in products unless `harness.backend` has been imported.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def is_complex(values) -> bool:
    """Whether a tensor is of a complex type."""
    return "complex" in keras.backend.standardize_dtype(values.dtype)


def from_parts(real, imaginary):
    """real + i imaginary, of two real tensors."""
    # Keras 3.15 takes a real part for complex while it traces a model.
    double = keras.backend.standardize_dtype(real.dtype) in ("float64", "complex128")
    kind = "complex128" if double else "complex64"
    return ops.cast(real, kind) + 1j * ops.cast(imaginary, kind)


def as_type_of(values, other):
    """A real tensor as a complex one where ``other`` is complex; else the tensor itself."""
    return ops.cast(values, keras.backend.standardize_dtype(other.dtype)) if is_complex(other) else values


def real_columns(matrix: np.ndarray) -> np.ndarray:
    """A complex matrix ``(..., columns)`` as a real one ``(..., 2 * columns)``: real parts, then imaginary ones."""
    return np.concatenate([np.real(matrix), np.imag(matrix)], axis=-1)


def complex_columns(matrix):
    """The complex tensor ``(..., columns)`` of a real one ``(..., 2 * columns)``, the opposite of `real_columns`."""
    columns = matrix.shape[-1] // 2
    return from_parts(matrix[..., :columns], matrix[..., columns:])


def phase(sign):
    """A number whose derivatives are those of the phase of ``sign``, complex of modulus one; its value is zero."""
    fixed = ops.stop_gradient(sign)
    return ops.real(fixed) * ops.imag(sign) - ops.imag(fixed) * ops.real(sign)
