"""JAX's devices: choosing them, and sharing the walkers of a compiled function out between them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from harness import memory, processors
from zoo.errors import ZooError

_PLATFORMS = {"cpu": {"cpu"}, "gpu": {"gpu", "cuda", "rocm"}, "tpu": {"tpu"}}
_AXIS = "walkers"
_FORCED = "xla_force_host_platform_device_count"
_SHUTDOWN = 20
"""Seconds for which a process that ends waits for the others to end too."""
_GRAPHS = {"xla_gpu_graph_min_graph_size": 1}
"""A step of a small system is many short kernels, which cost more to launch than to run. XLA launches rows of them as
one CUDA graph, but by default only those of five and more."""
_mesh: Mesh | None = None


def connect(coordinator: str, processes: int | None, process: int | None) -> None:
    address = None if coordinator == "auto" else coordinator
    try:
        jax.distributed.initialize(address, processes, process, shutdown_timeout_seconds=_SHUTDOWN)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ZooError(f"distributed.coordinator={coordinator}: JAX cannot connect ({reason})") from error


def use_devices(kind: str, count: int) -> None:
    global _mesh
    if count != 1 and kind in ("auto", "cpu") and _FORCED not in os.environ.get("XLA_FLAGS", ""):
        _make_cpus(count or processors.count())
    try:
        found = jax.local_devices()
    except RuntimeError as error:
        raise ZooError(f"device={kind}: JAX finds none ({str(error).splitlines()[0]})") from error
    if kind != "auto" and found[0].platform not in _PLATFORMS[kind]:
        raise ZooError(f"device={kind}: JAX finds only {found[0].platform}")
    count = count or len(found)
    if count > len(found):
        raise ZooError(f"devices={count}: expected 1 to {len(found)}, JAX finds no more ({device_name()})")
    chosen = [_of_process(process)[:count] for process in range(jax.process_count())]
    short = [str(process) for process, devices in enumerate(chosen) if len(devices) < count]
    if short:
        raise ZooError(f"devices={count}: process {', '.join(short)} has fewer: expected as many in each process")
    _mesh = Mesh(np.array(chosen).reshape(-1), (_AXIS,)) if count * jax.process_count() > 1 else None


def _make_cpus(count: int) -> None:
    """Let the processors be so many devices; too late once JAX has begun, and then those that are there count."""
    try:
        jax.config.update("jax_num_cpu_devices", min(count, processors.count()))
    except RuntimeError:
        return


def _of_process(number: int) -> list:
    return [device for device in jax.devices() if device.process_index == number]


def device_count() -> int:
    return 1 if _mesh is None else _mesh.size


def process_number() -> int:
    return jax.process_index()


def process_count() -> int:
    return jax.process_count()


def from_first_process(tree: Any) -> Any:
    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def over_devices(function: Callable) -> Callable:
    """Arrays of one process span its own devices only, between calls too, so that no read of one needs the others."""
    if _mesh is None:
        return jax.jit(function, compiler_options=_compiler_options())
    mesh, everywhere = _mesh, NamedSharding(_mesh, PartitionSpec())
    compiled = jax.jit(function, out_shardings=everywhere, compiler_options=_compiler_options())
    if jax.process_count() == 1:
        return lambda *arguments: compiled(*jax.device_put(arguments, everywhere))
    here = [device for device in mesh.devices.flat if device.process_index == jax.process_index()]

    def spread(array):
        copies = [jax.device_put(array, device) for device in here]
        return jax.make_array_from_single_device_arrays(np.shape(array), everywhere, copies)

    def call(*arguments):
        return jax.tree.map(lambda array: array.addressable_data(0), compiled(*jax.tree.map(spread, arguments)))

    return call


@functools.cache
def _compiler_options() -> dict[str, Any]:
    """Options for the device, if this version of XLA knows them; unlike flags, unknown ones do not end the process."""
    if jax.default_backend() != "gpu":
        return {}
    try:
        jax.block_until_ready(jax.jit(lambda x: x + 1, compiler_options=_GRAPHS)(0))
    except jax.errors.JaxRuntimeError:
        return {}
    return _GRAPHS


def share(function: Callable, whole: Any, split: list[tuple[Any, int]], joined: Any = 0) -> Any:
    if _mesh is None:
        return function(whole, *(tensors for tensors, _ in split))

    def along(axis: int) -> PartitionSpec:
        return PartitionSpec(*[None] * axis, _AXIS)

    shared = jax.shard_map(
        function,
        mesh=_mesh,
        in_specs=(PartitionSpec(), *(along(axis) for _, axis in split)),
        out_specs=jax.tree.map(along, joined),
        check_vma=False,  # with it, gradients with respect to what is whole would be summed over the devices
    )
    results = shared(whole, *(tensors for tensors, _ in split))
    return jax.lax.with_sharding_constraint(results, NamedSharding(_mesh, PartitionSpec()))


def device_name() -> str:
    device = jax.local_devices()[0]
    return "cpu" if device.platform == "cpu" else device.device_kind


def peak_memory_bytes() -> int:
    """Peak of the first device's allocator on an accelerator, of the whole process on a CPU."""
    device = jax.local_devices()[0]
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "peak_bytes_in_use" in statistics:
        return int(statistics["peak_bytes_in_use"])
    return memory.peak_bytes()


def peak_memory_of(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """An accelerator's allocator only knows the highest peak so far: None for a call that does not exceed it."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return memory.peak_of(call)
    before = device.memory_stats() or {}
    result = jax.block_until_ready(call())
    after = device.memory_stats() or {}
    peaks = [statistics.get("peak_bytes_in_use", 0) for statistics in (before, after)]
    return result, peaks[1] - before["bytes_in_use"] if peaks[1] > peaks[0] else None


def wait_for(tree: Any) -> None:
    jax.block_until_ready(tree)
