"""TensorFlow's devices: choosing them, and sharing the walkers of a compiled function out between them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from harness import memory, processors
from harness.backend.tensorflow import jit
from zoo.errors import ZooError

_strategy: tf.distribute.MirroredStrategy | None = None


def connect(coordinator: str, processes: int | None, process: int | None) -> None:
    raise ZooError(f"distributed.coordinator={coordinator}: expected backend=jax, TensorFlow runs in one process here")


def use_devices(kind: str, count: int) -> None:
    global _strategy
    if kind == "tpu":
        raise ZooError("device=tpu: expected backend=jax, TensorFlow runs here on cpu and gpu only")
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "gpu" and not gpus:
        raise ZooError("device=gpu: TensorFlow finds no GPU (device=cpu or device=auto)")
    if kind == "cpu" and gpus:
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus if kind != "cpu" else []:
        tf.config.experimental.set_memory_growth(gpu, True)
    # Rounding to 10 bits in matrix products would be seen in second derivatives.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    # Bit-identical resumption needs every reduction in a fixed order.
    tf.config.experimental.enable_op_determinism()
    used = "GPU" if gpus and kind != "cpu" else "CPU"
    if count == 1:
        _strategy = None
        return
    if used == "CPU":
        _make_cpus(count or processors.count())
    found = len(tf.config.list_logical_devices(used))
    count = count or found
    if count > found:
        raise ZooError(f"devices={count}: expected 1 to {found}, TensorFlow finds no more ({device_name()})")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it announces the devices
    _strategy = tf.distribute.MirroredStrategy([f"{used}:{i}" for i in range(count)]) if count > 1 else None


def _make_cpus(count: int) -> None:
    """Let the processors be so many devices; too late once TensorFlow has begun: then those that are there count."""
    processor = tf.config.list_physical_devices("CPU")[0]
    if tf.config.get_logical_device_configuration(processor):
        return
    parts = [tf.config.LogicalDeviceConfiguration()] * min(count, processors.count())
    try:
        tf.config.set_logical_device_configuration(processor, parts)
    except RuntimeError:
        return


def device_count() -> int:
    return 1 if _strategy is None else _strategy.num_replicas_in_sync


def process_number() -> int:
    return 0


def process_count() -> int:
    return 1


def from_first_process(tree: Any) -> Any:
    return tree


def over_devices(function: Callable) -> Callable:
    """Tensors live on the first device; `share` sends the others their part."""
    return jit(function)


def share(function: Callable, whole: Any, split: list[tuple[Any, int]], joined: Any = 0) -> Any:
    if _strategy is None:
        return function(whole, *(tensors for tensors, _ in split))
    count = _strategy.num_replicas_in_sync

    def part(number: int) -> list:
        """Of one device."""
        return [
            tf.nest.map_structure(lambda x, axis=axis: tf.split(x, count, axis)[number], tensors)
            for tensors, axis in split
        ]

    parts = [part(number) for number in range(count)]

    def on_device():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return function(whole, *parts[int(tf.get_static_value(number))])

    return _join(_strategy.run(on_device), joined)


def _join(results: Any, axis: Any) -> Any:
    """What the devices gave, one after another along the axis of each result."""
    if isinstance(axis, (tuple, list)):
        return tuple(_join(result, of_result) for result, of_result in zip(results, axis, strict=True))
    assert _strategy is not None
    return tf.nest.map_structure(lambda x: tf.concat(_strategy.experimental_local_results(x), axis), results)


def device_name() -> str:
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return "cpu"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")


def peak_memory_bytes() -> int:
    """Peak of the first device's allocator on a GPU, of the whole process on a CPU."""
    if tf.config.get_visible_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    return memory.peak_bytes()


def peak_memory_of(call: Callable[[], Any]) -> tuple[Any, int | None]:
    if not tf.config.get_visible_devices("GPU"):
        return memory.peak_of(call)
    tf.config.experimental.reset_memory_stats("GPU:0")
    before = tf.config.experimental.get_memory_info("GPU:0")["current"]
    result = call()
    wait_for(result)
    return result, int(tf.config.experimental.get_memory_info("GPU:0")["peak"] - before)


def wait_for(tree: Any) -> None:
    for tensor in tf.nest.flatten(tree):
        tensor.numpy()
