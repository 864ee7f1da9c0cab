"""Seconds for gradient and Laplacian of log|Psi|: the forward Laplacian beside nested differentiation.

    python benchmarks/laplacian.py [--backend jax] [--walkers 256]

Slater-Jastrow-backflow wavefunctions of closed-shell dots, float64. Both are compiled; each figure is the median of
five calls, and their results are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time

from harness.start import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--walkers", type=int, default=256)
    parser.add_argument("--pairs", type=int, nargs="+", default=[1, 3, 6, 10], help="electrons of each spin")
    arguments = parser.parse_args()
    prepare(arguments.backend)
    import numpy as np
    from keras import ops

    from harness import backend
    from harness.laplacian import forward_laplacian, gradient_and_laplacian
    from zoo.registry import create_model, create_system

    def seconds(function, *inputs) -> float:
        times = []
        for _ in range(6):
            begin = time.perf_counter()
            ops.convert_to_numpy(function(*inputs)[1])
            times.append(time.perf_counter() - begin)
        return statistics.median(times[1:])  # the first call compiles

    print("| electrons | forward (s) | nested (s) | nested / forward | largest difference |")
    print("|---|---|---|---|---|")
    for pairs in arguments.pairs:
        model = create_model("slater_jastrow_backflow", create_system("quantum_dot", n_up=pairs, n_down=pairs))
        random = np.random.default_rng(0)
        parameters = [
            ops.convert_to_tensor(ops.convert_to_numpy(v.value) + 0.05 * random.normal(size=v.shape))
            for v in model.trainable_variables
        ]
        positions = ops.convert_to_tensor(model.sample_configurations(arguments.walkers))
        forward = backend.jit(forward_laplacian(model))
        nested = backend.jit(
            lambda p, x, m=model: gradient_and_laplacian(lambda y: m.stateless_call(p, [], y)[0][1], x)
        )
        results = [ops.convert_to_numpy(f(parameters, positions)[1]) for f in (forward, nested)]
        difference = np.max(np.abs(results[0] - results[1]) / (1.0 + np.abs(results[1])))
        one, two = (seconds(f, parameters, positions) for f in (forward, nested))
        print(f"| {2 * pairs} | {one:.4f} | {two:.4f} | {two / one:.1f} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()
