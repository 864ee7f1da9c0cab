"""Seconds and memory of a whole optimisation step of PsiFormer at its published size.

    python benchmarks/psiformer_step.py [--backend jax] [--system beryllium] [--walkers 256] [--precision float32]

Ten moves of every walker, local energies, and one SPRING update: what FermiNet's own code, with KFAC and folx, does in
1.07 s on two CPU cores for beryllium with 256 walkers. Pretraining is left out. The memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import statistics
import time

from harness.start import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--model", default="psiformer_published")
    parser.add_argument("--system", default="beryllium")
    parser.add_argument("--walkers", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    prepare(arguments.backend, arguments.device, arguments.precision)

    from keras import ops

    import zoo
    from harness import VMC, backend

    model = zoo.create_model(arguments.model, zoo.create_system(arguments.system))
    vmc = VMC(model).compile(optimizer="spring", walkers=arguments.walkers)
    seconds, started = [], time.perf_counter()
    state = vmc.state
    for _ in range(arguments.steps + 1):
        state, metrics = vmc._step(state)
        ops.convert_to_numpy(metrics["energy"])
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    first, *others = seconds
    typical, memory = statistics.median(others), backend.peak_memory_bytes() / 2**30
    print(
        f"{arguments.model} on {arguments.system}, {model.count_params():,} parameters, {arguments.walkers} walkers, "
        f"{arguments.backend}, {backend.device_name()}, {arguments.precision}: {typical:.2f} s a step "
        f"(first {first:.0f} s), peak {memory:.2f} GiB"
    )


if __name__ == "__main__":
    main()
