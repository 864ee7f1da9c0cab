"""The derivatives of log|Psi| of walkers that several devices share: each has those of its own walkers.

What is computed of them is that of all walkers together: O O^T in rows, which need the walkers of every device on one
side, and O^T z as a sum over the devices. So a natural gradient is exact, and not a mean of those of the devices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from harness import backend
from harness.optimizers.assembly import log_abs_jacobian
from harness.optimizers.jacobian import Jacobian, Rows

_AXES = 0, 2
"""Of the samples, in `Jacobian.tensors`."""


class SharedJacobian:
    """As `Jacobian`, for walkers ``(batch, ...)`` of all devices; arguments as of `log_abs_jacobian`."""

    def __init__(self, model: keras.Model, parameters: list, walkers):
        one: list[Jacobian] = []

        def tensors(parameters, walkers):
            one[:] = [log_abs_jacobian(model, parameters, walkers)]
            return one[0].tensors

        self._tensors = backend.share(tensors, parameters, [(walkers, 0)], _AXES)
        self._one, parts = one[0], one[0].rows.parts
        self.batch = parts * walkers.shape[0]
        self.rows = Rows(self.batch, parts, backend.device_count())
        self.sizes, self.n_parameters, self.precision = self._one.sizes, self._one.n_parameters, self._one.precision

    @property
    def _split(self) -> list[tuple[Any, int]]:
        return list(zip(self._tensors, _AXES, strict=True))

    def _of(self, *tensors) -> Jacobian:
        """The derivatives of the walkers of one device, or of all."""
        return self._one.with_tensors(tensors)

    def gram(self):
        """O O^T, ``(batch, batch)``, float64."""

        def rows(everything, *mine):
            return self._of(*mine).products(self._of(*everything))

        return backend.share(rows, self._tensors, self._split)

    def apply(self, direction):
        """O phi, ``(batch,)``, of phi ``(n_parameters,)``; float64."""
        return backend.share(lambda whole, *mine: self._of(*mine).apply(whole), direction, self._split)

    def adjoint(self, vector):
        """O^T z, ``(n_parameters,)``, of z ``(batch,)``; float64."""
        split = [(vector, 0), *self._split]
        return summed_over_devices(lambda _, part, *mine: self._of(*mine).adjoint(part), [], split)

    def dense(self):
        """O itself, ``(batch, n_parameters)``, float64."""
        return backend.share(lambda _, *mine: self._of(*mine).dense(), [], self._split)


def derivatives(model: keras.Model, parameters: list, walkers) -> Jacobian | SharedJacobian:
    """`log_abs_jacobian` of the walkers, or that of each device where several share them."""
    kind: Callable = log_abs_jacobian if backend.device_count() == 1 else SharedJacobian
    return kind(model, parameters, walkers)


def summed_over_devices(function: Callable, whole: Any, split: list[tuple[Any, int]]):
    """The sum of what `backend.share` lets each device compute of its walkers: one tensor, or a list of them."""
    one_each = lambda *given: keras.tree.map_structure(lambda x: ops.expand_dims(x, 0), function(*given))  # noqa: E731
    return keras.tree.map_structure(lambda x: ops.sum(x, axis=0), backend.share(one_each, whole, split))
