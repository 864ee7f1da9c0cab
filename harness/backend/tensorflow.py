"""TensorFlow's half of `harness.backend`."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.errors import ZooError

# Samples evaluated at once by the Hessian's diagonal: bounds memory, large enough to keep two cores busy.
_CHUNK = 16384


def jit(function: Callable) -> Callable:
    """Graph mode, not XLA: `slogdet` has no XLA kernel on the CPU."""
    return tf.function(function, autograph=False)


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


def apply_keras_optimizer(optimizer, variables: list, buffers: list, gradients: list, parameters: list):
    """Keras refuses `stateless_apply` on TensorFlow, so the values pass through the variables of the optimiser."""
    for variable, value in zip([*variables, *optimizer.variables], [*parameters, *buffers], strict=True):
        variable.assign(value)
    optimizer.apply(gradients, variables)
    return [tf.identity(v.value) for v in variables], [tf.identity(v.value) for v in optimizer.variables]


def use_device(name: str) -> None:
    if name == "tpu":
        raise ZooError("device=tpu: expected backend=jax, TensorFlow runs here on cpu and gpu only")
    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise ZooError("device=gpu: TensorFlow finds no GPU (device=cpu or device=auto)")
    if name == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus if name != "cpu" else []:
        tf.config.experimental.set_memory_growth(gpu, True)
    # Rounding to 10 bits in matrix products would be seen in second derivatives.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    # Bit-identical resumption needs every reduction in a fixed order.
    tf.config.experimental.enable_op_determinism()


def device_name() -> str:
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return "cpu"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")


def peak_memory_bytes() -> int:
    """Peak of the device's allocator on a GPU, of the whole process on a CPU."""
    if tf.config.get_visible_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def version() -> str:
    return tf.__version__
