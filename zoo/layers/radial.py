"""Functions of one distance, from which Jastrow factors and backflow are built."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

KINDS = ("correlation", "displacement", "flat_displacement")


class RadialBasis(keras.layers.Layer):
    r"""Polynomials of the bounded variable rho = r / (a + r), with a trainable range a.

    ``kind="correlation"``: rho^2 T_k(2 rho - 1), constant at large r, with zero slope at r = 0, so that it may be
    added to a factor whose cusp is already right. ``kind="displacement"``: (1 - rho)^3 T_k(2 rho - 1), which decays
    like r^-3. ``kind="flat_displacement"``: (1 - rho)^3 (1 + 3 rho) T_k(2 rho^2 - 1), which decays alike and has zero
    slope at r = 0. T_k are Chebyshev polynomials: better conditioned than powers.

    Args:
        order: Number of functions.
        length: First value of the range a, in bohr.
        kind: ``"correlation"``, ``"displacement"`` or ``"flat_displacement"``.

    Call: distances ``(...)`` to values ``(..., order)``.
    """

    def __init__(self, order: int, length: float, kind: str = "correlation", **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}: expected one of {', '.join(map(repr, KINDS))}")
        self.order, self.length, self.kind = order, length, kind

    def build(self, input_shape):
        self.log_length = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(float(np.log(self.length))), name="log_length"
        )

    def scaled(self, distances):
        """rho = r / (a + r), in [0, 1)."""
        return distances / (distances + ops.exp(self.log_length))

    def call(self, distances):
        rho = self.scaled(distances)
        flat = self.kind == "flat_displacement"
        polynomials = chebyshev(2.0 * (ops.square(rho) if flat else rho) - 1.0, self.order)
        if self.kind == "correlation":
            edge = ops.square(rho)
        else:
            edge = ops.power(1.0 - rho, 3) * (1.0 + 3.0 * rho if flat else 1.0)
        return polynomials * ops.expand_dims(edge, -1)

    def get_config(self):
        return {**super().get_config(), "order": self.order, "length": self.length, "kind": self.kind}


def chebyshev(x, order: int):
    """T_0(x) ... T_{order-1}(x), stacked on a new last axis."""
    values = [ops.ones_like(x), x]
    while len(values) < order:
        values.append(2.0 * x * values[-1] - values[-2])
    return ops.stack(values[:order], axis=-1)
