"""Seconds and memory of one SPRING update: without the matrix of derivatives, and with it.

    python benchmarks/natural_gradient.py [--backend jax] [--precision float32] [--walkers 256 1024]

PsiFormer on beryllium, of growing width. Each case runs in a process of its own; its memory is the peak of that process
above what it held before the first update. Seconds are the least of several updates. The matrix is left out where it
would be larger than --largest GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

from harness.start import prepare

WIDTHS = (16, 32, 64, 128, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--walkers", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--largest", type=float, default=1.0, help="GiB of the matrix in float64")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        way, width, walkers = arguments.case
        print(json.dumps(measure(arguments, way, int(width), int(walkers))))
        return
    print("| walkers | parameters | without (s) | with (s) | without (MiB) | with (MiB) |")
    print("|---|---|---|---|---|---|")
    for walkers in arguments.walkers:
        for width in arguments.widths:
            one = run(arguments, "implicit", width, walkers)
            fits = 8 * one["parameters"] * walkers <= arguments.largest * 2**30
            other = run(arguments, "dense", width, walkers) if fits else None
            seconds, memory = (f"{other['seconds']:.3f}", f"{other['memory']:.0f}") if other else ("", "")
            row = (walkers, one["parameters"], f"{one['seconds']:.3f}", seconds, f"{one['memory']:.0f}", memory)
            print(f"| {' | '.join(map(str, row))} |", flush=True)


def run(arguments: argparse.Namespace, way: str, width: int, walkers: int) -> dict:
    """One case in a process of its own."""
    options = ["--backend", arguments.backend, "--precision", arguments.precision]
    command = [sys.executable, __file__, *options, "--case", way, str(width), str(walkers)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def measure(arguments: argparse.Namespace, way: str, width: int, walkers: int) -> dict:
    prepare(arguments.backend, "cpu", arguments.precision)
    import numpy as np
    from keras import ops

    from harness import backend, stateless
    from harness.optimizers import create_optimizer
    from harness.optimizers.assembly import log_abs_jacobian
    from harness.optimizers.blocks import ExplicitBlock
    from harness.optimizers.jacobian import Jacobian
    from zoo.registry import create_model, create_system

    def dense_jacobian(model, parameters, x) -> Jacobian:
        log_abs = lambda p, y: stateless.log_psi(model, p, y)[1]  # noqa: E731
        matrix = ops.cast(backend.per_sample_jacobian(log_abs, parameters, x), "float64")
        sizes = [int(np.prod(p.shape)) for p in parameters]
        ends = np.cumsum(sizes)
        columns = {i: matrix[:, end - size : end] for i, (end, size) in enumerate(zip(ends, sizes, strict=True))}
        return Jacobian([ExplicitBlock(columns)], sizes, walkers, "float64")

    model = create_model("psiformer", create_system("beryllium"), layers=4, width=width, heads=4, determinants=16)
    parameters = [ops.copy(variable.value) for variable in model.trainable_variables]
    optimizer, find = create_optimizer("spring"), {"implicit": log_abs_jacobian, "dense": dense_jacobian}[way]
    count = sum(int(np.prod(p.shape)) for p in parameters)
    residuals = np.random.default_rng(0).normal(size=walkers)
    inputs = [
        parameters,
        ops.convert_to_tensor(model.sample_configurations(walkers)),
        ops.convert_to_tensor(residuals - residuals.mean()),
        ops.zeros((count,), dtype="float64"),
    ]
    damping = ops.convert_to_tensor(1e-3, dtype="float64")
    direction = backend.jit(lambda p, x, r, phi: optimizer.direction(find(model, p, x), r, phi, damping)[0])
    before, seconds = peak(), []
    for _ in range(6):
        begin = time.perf_counter()
        inputs[3] = direction(*inputs)
        ops.convert_to_numpy(inputs[3])
        seconds.append(time.perf_counter() - begin)
    return {"parameters": count, "seconds": min(seconds[1:]), "memory": (peak() - before) / 1024}


def peak() -> int:
    """Most memory that this process has held so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
