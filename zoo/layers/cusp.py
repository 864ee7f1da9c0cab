"""The electron-nucleus cusp."""

from __future__ import annotations

import numpy as np
from keras import ops


def nuclear_cusp(distances, charges: np.ndarray):
    """sum_A -Z_A (1 - exp(-Z_A r_iA)) / Z_A: distances ``(batch, n, n_nuclei)`` to ``(batch, n)``."""
    charges = ops.convert_to_tensor(charges, dtype=distances.dtype)
    return ops.sum(ops.exp(-distances * charges) - 1.0, axis=-1)
