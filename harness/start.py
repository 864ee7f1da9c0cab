"""Start a backend: choose it, silence its chatter, choose device and precision. Runs before Keras is imported."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator

from harness import processors
from harness.settings import BACKENDS, DEVICES, PRECISIONS, DistributedSettings, number_of_devices
from zoo.errors import UnknownNameError, ZooError

# XLA's pool of threads on the CPU now and then waits for itself for ever in batched programs like ours (seen here with
# jaxlib 0.10.2 on two cores). A user who sets the flag to true keeps it.
_SINGLE_EIGEN = "--xla_cpu_multi_thread_eigen=false"
# Batched routines of LAPACK in jaxlib 0.10, the last for Python 3.11, run on that pool, hand parts of the batch to it,
# and wait for them: as many of them at a time as there are threads, two on two cores, wait for ever. So there are at
# least this many; those beyond the cores do not slow steps down. A user who sets the variable keeps it.
_THREADS = 64


def prepare(
    backend: str = "tensorflow",
    device: str = "auto",
    precision: str = "float64",
    devices: int | str = 1,
    distributed: DistributedSettings | None = None,
) -> None:
    """Import Keras on that backend, device and precision.

    Args:
        backend: ``tensorflow`` or ``jax``.
        device: ``auto`` (an accelerator where there is one), ``cpu``, ``gpu`` or ``tpu``.
        precision: ``float64`` or ``float32``, of the wavefunction; Gram matrices and their solves are always float64.
        devices: How many devices of this process share the walkers, or ``all``. A device of the CPU is one processor.
        distributed: Where this is one of several processes that share them.

    Raises:
        ZooError: A name is unknown, the backend is not installed, Keras already runs on another one, there is no
            such device, or there are fewer.
    """
    for kind, name, known in (
        ("backend", backend, BACKENDS),
        ("device", device, DEVICES),
        ("precision", precision, PRECISIONS),
    ):
        if name not in known:
            raise UnknownNameError(kind, name, known)
    devices = number_of_devices(devices)
    if importlib.util.find_spec(backend) is None:
        raise ZooError(f"backend={backend} is not installed: pip install 'backflow-zoo[{backend}]'")
    if "keras" in sys.modules:
        running = sys.modules["keras"].config.backend()
        if running != backend:
            raise ZooError(f"backend={backend}: this process already runs Keras on {running}; start a new one")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if backend == "jax":
        _set_environment_of_jax(device)
    with _quiet_start():
        import keras

        from harness import backend as running_backend
    keras.config.set_floatx(precision)
    if distributed is not None:
        running_backend.connect(distributed.coordinator, distributed.processes, distributed.process)
    running_backend.use_devices(device, 0 if devices == "all" else int(devices))


def _set_environment_of_jax(device: str) -> None:
    """What JAX reads when it starts; what the user has set is kept."""
    if device == "cpu":
        os.environ.setdefault("JAX_PLATFORMS", "cpu")  # else JAX takes the memory of a GPU too
    flags = os.environ.get("XLA_FLAGS", "")
    if _SINGLE_EIGEN.split("=")[0] not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_SINGLE_EIGEN}".strip()
    os.environ.setdefault("PJRT_NPROC", str(max(_THREADS, processors.count())))


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what C++ libraries write to standard error while they load; show it if loading fails.

    TensorFlow writes before it reads its own log level, so the file descriptor itself is redirected.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
