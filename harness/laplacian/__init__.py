"""Derivatives of log|Psi| with respect to the electron coordinates."""

from harness.laplacian.forward import forward_laplacian
from harness.laplacian.nested import gradient_and_laplacian

__all__ = ["forward_laplacian", "gradient_and_laplacian"]
