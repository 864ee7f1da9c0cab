"""Milliseconds of a training step and its memory, for the ladder on several systems, on one device.

    python benchmarks/accelerator.py [--backend jax] [--device gpu] [--set precision=float32] [KEYS...]

Each KEYS is one case in a process of its own, such as "model=transformer_backflow system=quantum_dot_n6"; without any,
those of CASES. A step is what training does: moves, local energies and the update, here with a step length of zero, so
that the wavefunction stays the first one. As in training, several steps are under way before the host reads. All cases
are compiled at the same time, and timed one after another; "to compile" is therefore no more than an upper bound. The
memory is the peak of the device's allocator, and on a CPU that of the process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time

from harness.config import compose
from harness.start import prepare

CASES = [
    "model=psiformer_published system=beryllium precision=float32 train.walkers=256",
    *(
        f"model={model} system={system}"
        for system in ("electron_gas_n14", "hubbard_4x4_half system.u=8", "quantum_dot_n6")
        for model in ("transformer_backflow", "neural_backflow", "slater_jastrow_backflow", "slater_jastrow")
    ),
    "model=transformer_backflow system=electron_gas_n14 train.walkers=4096",
]
HEAD = ("model", "system", "precision", "walkers", "parameters", "ms a step", "peak (GiB)", "to compile (s)")
ENOUGH = 2.0
"""Seconds of steps that are timed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds after which timing begins")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="keys of every case")
    parser.add_argument("keys", nargs="*", default=CASES)
    arguments = parser.parse_args()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the processes share the memory of the device
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    context = multiprocessing.get_context("spawn")
    common = [f"backend={arguments.backend}", f"device={arguments.device}", *arguments.set]
    for keys in arguments.keys:
        compose([*keys.split(), *common])  # says at once what is wrong with keys
    compiling, workers = time.perf_counter(), []
    for keys in arguments.keys:
        here, there = context.Pipe()
        process = context.Process(target=measure, args=([*keys.split(), *common], there), daemon=True)
        process.start()
        there.close()
        workers.append((keys, process, here))
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    names = set()
    for _, _, pipe in workers:
        pipe.poll(max(0.0, compiling + arguments.patience - time.perf_counter()))
    for keys, process, pipe in workers:
        try:
            if not pipe.poll():
                raise TimeoutError("not compiled in time")
            pipe.recv()
            pipe.send("go")
            found = pipe.recv()
        except (EOFError, TimeoutError) as error:
            process.kill()
            print(f"{keys}: no result ({str(error) or 'its process ended, see above'})", flush=True)
            continue
        names.add(f"{arguments.backend}, {found['device']}")
        print(row(found), flush=True)
    print(f"\n{'; '.join(sorted(names))}", flush=True)


def measure(keys: list[str], pipe) -> None:
    """One case, in this process: compile, wait for the turn, and time."""
    config = compose(keys)
    prepare(config.backend, config.device, config.precision)
    from keras import ops

    from harness import backend
    from harness.calculation import create_calculation

    vmc = create_calculation(config)
    state = {**vmc.state, "learning_rate": ops.zeros_like(vmc.state["learning_rate"])}
    began = time.perf_counter()
    for _ in range(2):
        state, metrics = vmc._step(state)
        backend.wait_for((state, metrics))
    compile_seconds = time.perf_counter() - began
    pipe.send("ready")
    pipe.recv()
    seconds: list[float] = []
    while sum(seconds) < ENOUGH / config.train.read_every or len(seconds) < 3:
        began = time.perf_counter()
        for _ in range(config.train.read_every):
            state, metrics = vmc._step(state)
        backend.wait_for((state, metrics))
        seconds.append((time.perf_counter() - began) / config.train.read_every)
    found = {
        "model": config.model_name,
        "system": " ".join(key.split("system")[1][1:] for key in keys if key.startswith("system")),
        "precision": config.precision,
        "walkers": config.train.walkers,
        "parameters": vmc.model.count_params(),
        "milliseconds": 1e3 * sorted(seconds)[len(seconds) // 2],
        "peak": backend.peak_memory_bytes() / 2**30,
        "compile": compile_seconds,
        "device": backend.device_name(),
    }
    pipe.send(found)


def row(found: dict) -> str:
    shown = [found["model"], found["system"], found["precision"], found["walkers"], f"{found['parameters']:,}"]
    shown += [f"{found['milliseconds']:.3g}", f"{found['peak']:.2f}", f"{found['compile']:.0f}"]
    return f"| {' | '.join(map(str, shown))} |"


if __name__ == "__main__":
    main()
