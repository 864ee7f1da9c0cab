"""Derivatives of log|Psi| with respect to the electron coordinates."""

from harness.laplacian.nested import gradient_and_laplacian

__all__ = ["gradient_and_laplacian"]
