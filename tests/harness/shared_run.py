"""Short runs whose walkers several devices share: a program, since a process has as many devices as it began with.

    python shared_run.py BACKEND COUNTS FILE CASE... [distributed.KEY=VALUE...]

keeps, for each number of devices (the largest first), the energies of some steps, the parameters after them, and the
energy of one more step from the state that the largest number has come to; of a case whose name ends in ! also the
energies of a measurement.
"""

import sys

import numpy as np

RING = ("hubbard", {"extent": (4,), "boundary": "A", "n_up": 2, "n_down": 2})
CASES = {
    "dot": (("quantum_dot_n2", {}), ("neural_backflow", {"width": 4, "rounds": 1, "channels": 2}), "spring"),
    "trap": (("quantum_dot_n2", {}), ("slater_jastrow", {}), "spring"),
    "ring": (RING, ("transformer_backflow", {}), "spring"),
    "ratios": (RING, ("slater_jastrow", {}), "spring"),
    "adam": (("quantum_dot_n2", {}), ("slater_jastrow_backflow", {}), "adam"),
    "sr": (RING, ("slater_jastrow", {}), "sr"),
}
WALKERS, STEPS = 16, 5


reached: dict[str, dict[str, np.ndarray]] = {}
"""For each case the state after these steps, on the first number of devices."""


def results(case: str) -> dict[str, np.ndarray]:
    """Of one case, on the devices that have been chosen."""
    import random

    from keras import ops

    from harness import VMC
    from zoo import create_model, create_system

    (system_name, parameters), (model_name, hyperparameters), optimizer = CASES[case.rstrip("!")]
    random.seed(1)
    model = create_model(model_name, create_system(system_name, **parameters), **hyperparameters)
    vmc = VMC(model, seed=3).compile(optimizer=optimizer, walkers=WALKERS)

    def step() -> float:
        vmc.state, metrics = vmc._step(vmc.state)
        return float(ops.convert_to_numpy(metrics["energy"]))

    training = [step() for _ in range(STEPS)]
    arrays = vmc.arrays()
    vmc.load_arrays(reached.setdefault(case, arrays))
    found = {"training": np.array(training), "walkers": arrays["walkers"]}
    found["parameters"] = np.concatenate([arrays[name].ravel() for name in arrays if name.startswith("parameters")])
    found["continued"] = np.array([step()])
    if case.endswith("!"):
        found["measured"] = vmc.evaluate(draws=8, walkers=2 * WALKERS, equilibration=1).blocks
    return found


def main(backend: str, counts: str, path: str, *arguments: str) -> None:
    from harness.config import distributed
    from harness.start import prepare

    processes, cases = distributed(arguments)
    found = {}
    for count in counts.split(","):
        prepare(backend, "cpu", "float64", int(count), processes)
        for case in cases:
            found |= {f"{case}/{count}/{name}": value for name, value in results(case).items()}
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
