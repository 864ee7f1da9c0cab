"""Seconds for gradient and Laplacian of log|Psi|: the forward Laplacian beside nested differentiation.

    python benchmarks/laplacian.py [--backend jax] [--walkers 256]
    python benchmarks/laplacian.py --model neural_backflow transformer_backflow --system electron_gas_n14

Without --system, closed-shell dots with --pairs electrons of each spin. In float64 and compiled; each figure is the
median of five calls, and their results are compared. The column "log Psi" is what a move of the sampling costs.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

from harness.start import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--walkers", type=int, default=256)
    parser.add_argument("--model", nargs="+", default=["slater_jastrow_backflow"])
    parser.add_argument("--system", nargs="+", default=[], help="names, as `zoo list systems` has them")
    parser.add_argument("--pairs", type=int, nargs="+", default=[1, 3, 6, 10], help="electrons of each spin")
    arguments = parser.parse_args()
    prepare(arguments.backend)
    import numpy as np
    from keras import ops

    from harness import backend, stateless
    from harness.laplacian import forward_laplacian, gradient_and_laplacian
    from zoo.layers.determinant import values_only
    from zoo.registry import create_model, create_system

    def seconds(function, *inputs) -> float:
        times = []
        for _ in range(6):
            begin = time.perf_counter()
            ops.convert_to_numpy(function(*inputs)[1])
            times.append(time.perf_counter() - begin)
        return statistics.median(times[1:])  # the first call compiles

    systems = [create_system(name) for name in arguments.system] or [
        create_system("quantum_dot", n_up=pairs, n_down=pairs) for pairs in arguments.pairs
    ]
    print("| model | system | electrons | log Psi (s) | forward (s) | nested (s) | nested / forward | difference |")
    print("|---|---|---|---|---|---|---|---|")
    for system, name in itertools.product(systems, arguments.model):
        model = create_model(name, system)
        random = np.random.default_rng(0)
        parameters = [
            ops.convert_to_tensor(ops.convert_to_numpy(v.value) + 0.05 * random.normal(size=v.shape))
            for v in model.trainable_variables
        ]
        positions = ops.convert_to_tensor(model.sample_configurations(arguments.walkers))
        value = backend.jit(values_only()(lambda p, x, m=model: stateless.log_psi(m, p, x)))
        forward = backend.jit(forward_laplacian(model))
        nested = backend.jit(
            lambda p, x, m=model: gradient_and_laplacian(lambda y: m.stateless_call(p, [], y)[0][1], x)
        )
        results = [ops.convert_to_numpy(f(parameters, positions)[1]) for f in (forward, nested)]
        difference = np.max(np.abs(results[0] - results[1]) / (1.0 + np.abs(results[1])))
        taken = [seconds(f, parameters, positions) for f in (value, forward, nested)]
        figures = " | ".join(f"{t:.4f}" for t in taken)
        label = f"{name} | {system.family} | {system.n_electrons}"
        print(f"| {label} | {figures} | {taken[2] / taken[1]:.1f} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()
