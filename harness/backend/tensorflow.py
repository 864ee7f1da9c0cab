"""TensorFlow's half of `harness.backend`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras.src.backend.common import dtypes

# Keras 3.15 rounds the result of products of complex128 to complex64, whatever the precision.
getattr(dtypes, "BIT64_TO_BIT32_DTYPE", {})["complex128"] = "complex128"
# The derivative of a real tensor that became a complex one is real: nothing to warn of.
logging.getLogger("tensorflow").addFilter(lambda record: "casting an input of type complex" not in record.getMessage())

# Samples evaluated at once by the Hessian's diagonal: bounds memory, large enough to keep two cores busy.
_CHUNK = 16384


def jit(function: Callable) -> Callable:
    """Graph mode, not XLA: `slogdet` has no XLA kernel on the CPU."""
    return tf.function(function, autograph=False)


def fuse(function: Callable) -> Callable:
    """XLA, which `jit` cannot use for the whole."""
    return tf.function(function, autograph=False, jit_compile=True)


def gradient(function: Callable, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def derivatives(function: Callable, x) -> tuple[Any, Any, Any]:
    """Reverse over reverse: each coordinate is one copy of the batch with its own direction."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    first = tape.gradient(value, x)
    batch, shape = x.shape[0], x.shape[1:]
    coordinates = int(shape.num_elements())
    directions = tf.reshape(tf.eye(coordinates, dtype=x.dtype), (coordinates, *shape))
    at_once = max(1, min(coordinates, _CHUNK // batch))
    second = []
    for start in range(0, coordinates, at_once):
        part = directions[start : start + at_once]
        copies = part.shape[0]
        tangents = tf.repeat(part, batch, axis=0)
        tiled = tf.tile(x, (copies, *([1] * len(shape))))
        along = gradient(lambda y, v=tangents: tf.reduce_sum(gradient(function, y) * v), tiled)
        axes = list(range(1, along.shape.rank))
        second.append(tf.reshape(tf.reduce_sum(along * tangents, axes), (copies, batch)))
    diagonal = tf.reshape(tf.transpose(tf.concat(second, 0)), x.shape)
    return value, first, diagonal


def directional_derivatives(function: Callable, inputs: list, tangents: list) -> tuple[Any, Any, Any]:
    """Forward over forward, along x + t v for one t a sample."""
    times = tf.zeros((inputs[0].shape[0],), dtype=inputs[0].dtype)
    ones = tf.ones_like(times)
    with (
        tf.autodiff.ForwardAccumulator(times, ones) as outer,
        tf.autodiff.ForwardAccumulator(times, ones) as inner,
    ):
        moved = [
            x + tf.reshape(times, (-1, *([1] * (x.shape.rank - 1)))) * v for x, v in zip(inputs, tangents, strict=True)
        ]
        value = function(*moved)
        flat = tf.nest.flatten(value)
        first = [inner.jvp(y, tf.UnconnectedGradients.ZERO) for y in flat]
    second = [outer.jvp(y, tf.UnconnectedGradients.ZERO) for y in first]
    pack = lambda parts: tf.nest.pack_sequence_as(value, parts)  # noqa: E731
    return value, pack(first), pack(second)


def static_value(tensor) -> Any:
    """The NumPy value of a constant, or None where it is not known while compiling."""
    return tf.get_static_value(tensor)


def parameter_gradient(function: Callable, parameters: list):
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        value = function(parameters)
    return tape.gradient(value, parameters, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def per_sample_jacobian(function: Callable, parameters: list, x):
    def of_sample(sample):
        gradients = parameter_gradient(lambda p: function(p, sample[None])[0], parameters)
        return tf.concat([tf.reshape(g, (-1,)) for g in gradients], 0)

    return tf.vectorized_map(of_sample, x)


def dependence(function: Callable, parameters: list) -> tuple[list, list[list[bool]], Callable]:
    with tf.GradientTape(persistent=True) as tape:
        copies = [tf.identity(p) for p in parameters]
        tape.watch(copies)
        values = function(copies)
    none = [None] * len(copies)
    gradients = [tape.gradient(value, copies) if value.dtype.is_floating else none for value in values]

    def pull_back(outputs: list[int], inputs: list[int], cotangents: list) -> list:
        targets, sources = [values[i] for i in outputs], [copies[i] for i in inputs]

        def of_sample(vectors):
            return tape.gradient(targets, sources, vectors, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return tf.vectorized_map(of_sample, cotangents)

    return values, [[g is not None for g in row] for row in gradients], pull_back


def tapped_gradients(function: Callable, parameters: list) -> tuple[list, Any, list[bool]]:
    taps = []
    with tf.GradientTape() as tape:

        def tap(x):
            x = tf.identity(x)
            tape.watch(x)
            taps.append(x)
            return x

        copies = [tf.identity(p) for p in parameters]
        tape.watch(copies)
        value, others = function(copies, tap)
        total = tf.reduce_sum(value)
    gradients = tape.gradient(total, [*taps, *copies])
    found = [tf.zeros_like(t) if g is None else g for t, g in zip(taps, gradients, strict=False)]
    return found, others, [g is not None for g in gradients[len(taps) :]]


def ordered_sum(function: Callable, count: int, total):
    with tf.control_dependencies([total]):
        if count == 1:
            return total + function(0)
        return tf.while_loop(
            lambda i, _: i < count, lambda i, t: (i + 1, t + function(i)), (0, total), parallel_iterations=1
        )[1]


def in_turn(function: Callable, pieces, results: int) -> tuple:
    # Not keras.ops.map, which traces the function twice, once to learn the structure of its result.
    return tf.map_fn(function, pieces, fn_output_signature=(pieces.dtype,) * results)


def on_accelerator() -> bool:
    return bool(tf.config.get_visible_devices("GPU"))


def coordinates_at_once() -> int:
    return 65536 if on_accelerator() else 512


def cholesky(matrix):
    return tf.linalg.cholesky(matrix)


def apply_keras_optimizer(optimizer, variables: list, buffers: list, gradients: list, parameters: list):
    """Keras refuses `stateless_apply` on TensorFlow, so the values pass through the variables of the optimiser."""
    for variable, value in zip([*variables, *optimizer.variables], [*parameters, *buffers], strict=True):
        variable.assign(value)
    optimizer.apply(gradients, variables)
    return [tf.identity(v.value) for v in variables], [tf.identity(v.value) for v in optimizer.variables]


def version() -> str:
    return tf.__version__
