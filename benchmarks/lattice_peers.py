"""Seconds per optimisation step on a lattice: this project beside NetKet.

    python benchmarks/lattice_peers.py --peer-python PEER/bin/python [--models slater backflow] [--moves 20]

NetKet (from PyPI) is no dependency; make an environment for it by

    python -m venv PEER && PEER/bin/pip install netket

By default the periodic 4x4 Hubbard model with 5+5 electrons, U = 4, 1024 samples a step and float64. Wavefunctions:

    slater    determinants of trainable orbitals of each spin, `slater_jastrow` here, `netket.models.Slater2nd` there
    backflow  one determinant of the occupied rows of Phi + F(n), a matrix of the sites of both spins by the electrons,
              with F from one hidden layer, tanh, of all occupations (D. Luo and B. K. Clark, Phys. Rev. Lett. 122,
              226401 (2019)): `neural_backflow` here; there written in flax, as in NetKet's tutorial on lattice fermions

Both begin with the same orbitals and with F = 0, so their first energies agree within errors; the script refuses to go
on if they do not. The models here have a Jastrow factor besides, of a few weights that are zero at first. The last
layer of F has no bias, which would be Phi once more; --bias gives NetKet's the one that its tutorial has.

Both make the same number of Metropolis moves for each sample (--moves), sample anew in every step and solve the
equations of stochastic reconfiguration in the smaller space. Moves are hops over bonds; half of those here are
exchanges of two spins, the default.

Each contender lives in a process of its own and answers one request at a time: a round asks every contender once, one
after another, and the table holds medians over the rounds and medians of the ratios within a round. NetKet takes part
with several settings that change its speed but not its results (`PEER_VARIANTS`); the fastest stands in the table.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from peers import check_peer, report

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("slater", "backflow")
OURS = ("TensorFlow", "JAX")
PEER_VARIANTS = tuple(itertools.product((512, 1024), (0, 1024)))
"""Of NetKet: Markov chains, and `chunk_size`, 0 for none.

Two more settings of its driver are fixed. `mode="real"` is the fast one, which it advises where Psi is real; by default
it takes Psi for complex, as a negative Psi has a complex logarithm. `on_the_fly=True`, its own choice for more weights
than samples, saves memory, but takes minutes for a step of the backflow on two cores.
"""
LEARNING_RATE, DAMPING = 0.02, 1e-2

# Contenders: each gives the number of its parameters and a function that makes some steps ---------------------------


def ours(backend_name: str, problem: dict):
    sys.path.insert(0, str(ROOT))
    from harness.start import prepare

    prepare(backend_name, precision="float64")
    import keras

    import zoo
    from harness import VMC
    from harness.settings import MinSRSettings, SamplerSettings, SRSettings

    keras.utils.set_random_seed(0)
    system = zoo.create_system("hubbard", **problem["system"])
    if problem["model"] == "slater":
        model = zoo.create_model("slater_jastrow", system, orbitals="free")
    else:
        form = {"orbitals": "generalised", "backflow": "none", "hidden": problem["hidden"]}
        model = zoo.create_model("neural_backflow", system, **form)
    parameters = model.count_params()
    settings = SRSettings if parameters < problem["samples"] else MinSRSettings
    optimizer = settings(learning_rate=LEARNING_RATE, decay_steps=0.0, damping=DAMPING, norm_constraint=0.0)
    sampler = SamplerSettings(moves=problem["moves"])
    vmc = VMC(model, system, seed=1).compile(optimizer=optimizer, walkers=problem["samples"], sampler=sampler)

    def run(steps: int) -> list[tuple[float, float]]:
        energies: list[tuple[float, float]] = []
        keep = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: energies.append((logs["energy"], logs["stderr"]))
        )
        vmc.fit(vmc.current_step + steps, callbacks=[keep], read_every=steps)
        return energies

    return parameters, run


def peer(variant: str, problem: dict):
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import netket as nk
    import optax

    chains, chunk = (int(number) for number in variant.split("/"))
    system, hidden, bias = problem["system"], problem["hidden"], problem["bias"]
    n_sites, electrons = int(np.prod(system["extent"])), (system["n_up"], system["n_down"])
    orbitals = [np.array(values) for values in problem["orbitals"]]
    graph = nk.graph.Grid(system["extent"], pbc=True)
    hilbert = nk.hilbert.SpinOrbitalFermions(n_sites, s=1 / 2, n_fermions_per_spin=electrons)
    hamiltonian = nk.operator.FermiHubbardJax(hilbert, t=1.0, U=system["u"], graph=graph)

    class Backflow(nn.Module):
        """As in NetKet's tutorial: log of the determinant of the occupied rows of Phi + F(n)."""

        @nn.compact
        def __call__(self, occupations):
            shape = (2 * n_sites, sum(electrons))
            phi = self.param("Phi", lambda key, shape, dtype: jnp.asarray(orbitals[0]), shape, jnp.float64)

            @jax.vmap
            def log_psi(n):
                features = nn.tanh(nn.Dense(hidden, param_dtype=jnp.float64, name="hidden")(n))
                zeros = {"kernel_init": nn.initializers.zeros_init(), "name": "correction"}
                correction = nn.Dense(phi.size, use_bias=bias, param_dtype=jnp.float64, **zeros)(features)
                occupied = n.nonzero(size=shape[1])[0]
                return nk.jax.logdet_cmplx((phi + correction.reshape(shape))[occupied])

            return log_psi(occupations)

    if problem["model"] == "slater":
        model = nk.models.Slater2nd(hilbert, generalized=False, restricted=False, param_dtype=jnp.float64)
    else:
        model = Backflow()
    sampler = nk.sampler.MetropolisFermionHop(hilbert, graph=graph, n_chains=chains, sweep_size=problem["moves"])
    state = nk.vqs.MCState(
        sampler,
        model,
        n_samples=problem["samples"],
        n_discard_per_chain=0,
        chunk_size=chunk or None,
        seed=1,
        sampler_seed=2,
    )
    if problem["model"] == "slater":
        # The first sector of spins is that of down electrons.
        values = jax.tree_util.tree_leaves(state.parameters)
        assert [value.shape for value in values] == [array.shape for array in orbitals]
        structure = jax.tree_util.tree_structure(state.parameters)
        state.parameters = jax.tree_util.tree_unflatten(structure, [jnp.asarray(array) for array in orbitals[::-1]])
    for _ in range(problem["equilibration"]):
        state.sample()
    driver = nk.driver.VMC_SR(
        hamiltonian,
        optax.sgd(LEARNING_RATE),
        diag_shift=DAMPING,
        variational_state=state,
        use_ntk=state.n_parameters > problem["samples"],
        mode="real",
        on_the_fly=False,
    )

    def run(steps: int) -> list[tuple[float, float]]:
        log = nk.logging.RuntimeLog()
        driver.run(steps, out=log, show_progress=False)
        energies = log.data["Energy"]
        errors = np.sqrt(np.asarray(energies["Variance"]) / problem["samples"])
        return list(zip(np.real(energies["Mean"]).tolist(), errors.tolist(), strict=True))

    return state.n_parameters, run


def serve(name: str, path: str) -> None:
    """Answer each line of standard input, a number of steps, by the seconds of one of them and their energies."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    problem = json.loads(Path(path).read_text())
    begin = time.perf_counter()
    parameters, run = ours(name.lower(), problem) if name in OURS else peer(name.removeprefix("NetKet "), problem)
    energies = run(1)
    compilation = time.perf_counter() - begin
    print(json.dumps({"compilation": compilation, "parameters": parameters, "energies": energies}), file=answers)
    answers.flush()
    for line in sys.stdin:
        begin = time.perf_counter()
        energies = run(int(line))
        seconds = (time.perf_counter() - begin) / int(line)
        print(json.dumps({"seconds": seconds, "energies": energies}), file=answers, flush=True)


# The comparison ------------------------------------------------------------------------------------------------------


class Worker:
    """A contender in its own process."""

    def __init__(self, python: str, name: str, problem: str):
        self.name = name
        command = [python, os.path.abspath(__file__), "--serve", name, problem]
        environment = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PYTHONPATH")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        first = self._answer()
        self.compilation, self.parameters, self.energies = first["compilation"], first["parameters"], first["energies"]

    def _answer(self) -> dict:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: its process ended with exit code {self.process.wait()}")
        return json.loads(line)

    def seconds(self, steps: int) -> float:
        """Seconds of a step, of that many."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.energies += answer["energies"]
        return answer["seconds"]

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def first_orbitals(model: str, system: dict) -> list[list[list[float]]]:
    """Orbitals that both sides begin with: of each spin ``(n_sites, n_spin)``, or of both ``(2 n_sites, n)``."""
    from zoo.registry import create_system

    if model == "slater":
        return [values.tolist() for values in create_system("hubbard", **system).orbitals("free")]
    from harness.start import prepare

    prepare("tensorflow", precision="float64")
    from zoo.layers.lattice_orbitals import first_orbitals as generalised

    return [np.concatenate(generalised(create_system("hubbard", **system), "generalised")).tolist()]


def compare(model: str, arguments) -> list[str]:
    """Rows of the table, one for each contender of this project."""
    n_up, n_down = arguments.electrons
    system = {"lattice": "rectangle", "extent": arguments.extent, "boundary": "PP", "u": arguments.u}
    system |= {"n_up": n_up, "n_down": n_down}
    problem = {"model": model, "system": system, "orbitals": first_orbitals(model, system)}
    problem |= {key: getattr(arguments, key) for key in ("samples", "moves", "hidden", "bias", "equilibration")}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "problem.json")
        Path(path).write_text(json.dumps(problem))
        workers = [start(sys.executable, name, path) for name in arguments.contenders]
        if arguments.peer_python:
            names = [f"NetKet {chains}/{chunk}" for chains, chunk in PEER_VARIANTS]
            workers += [start(arguments.peer_python, name, path) for name in names]
        check_agreement(workers)
        times: dict[str, list[float]] = {worker.name: [] for worker in workers}
        steps = {worker.name: max(1, round(arguments.seconds / worker.seconds(1))) for worker in workers}
        for _ in range(arguments.rounds):
            for worker in workers:
                times[worker.name].append(worker.seconds(steps[worker.name]))
        for worker in workers:
            worker.stop()
            report(f"  {worker.name}: {statistics.median(times[worker.name]):.4f} s a step")
    return rows(model, workers, times)


def start(python: str, name: str, path: str) -> Worker:
    worker = Worker(python, name, path)
    report(f"{name}: {worker.parameters} parameters, ready after {worker.compilation:.1f} s")
    return worker


def check_agreement(workers: list[Worker]) -> None:
    """All contenders begin with the same wavefunction, so at the same energy."""
    expected, error = workers[0].energies[0]
    for worker in workers[1:]:
        energy, other_error = worker.energies[0]
        if not abs(energy - expected) < 5 * (error**2 + other_error**2) ** 0.5:
            raise SystemExit(f"{worker.name}: begins at {energy:.3f}, {workers[0].name} at {expected:.3f}")


def rows(model: str, workers: list[Worker], times: dict[str, list[float]]) -> list[str]:
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    peer_name = min((name for name in times if name not in OURS), key=median.__getitem__, default="")
    lines = []
    for worker in workers:
        if worker.name not in (*OURS, peer_name):
            continue
        ratio = ""
        if peer_name and worker.name != peer_name:
            ratios = [one / two for one, two in zip(times[worker.name], times[peer_name], strict=True)]
            ratio = f"{statistics.median(ratios):.2f}"
        means = [mean for mean, _ in worker.energies]
        cells = [model, worker.name, str(worker.parameters), f"{median[worker.name]:.3f}", ratio]
        cells += [f"{means[0]:.2f}", f"{statistics.mean(means[-10:]):.2f}", str(len(means))]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


HEADER = ["model", "contender", "parameters", "s / step", "ratio to NetKet", "first energy", "last ten", "steps"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="interpreter of an environment with NetKet (default: this one)")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--extent", type=int, nargs=2, default=[4, 4])
    parser.add_argument("--electrons", type=int, nargs=2, default=[5, 5], help="up and down")
    parser.add_argument("--u", type=float, default=4.0)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--moves", type=int, default=32, help="Metropolis moves for each sample")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--bias", action="store_true", help="NetKet's network has a bias in its last layer")
    parser.add_argument("--equilibration", type=int, default=20, help="times that NetKet samples before the first step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each contender in each round, about")
    parser.add_argument("--contenders", nargs="+", default=list(OURS), choices=OURS, help="of this project")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(*arguments.serve)
    arguments.peer_python = check_peer(arguments.peer_python, "NetKet", "netket", "netket", "Its rows stay away.")
    table = [line for model in arguments.models for line in compare(model, arguments)]
    print(f"{arguments.samples} samples, {arguments.moves} moves for each on both sides, float64\n")
    print(f"| {' | '.join(HEADER)} |\n|" + "---|" * len(HEADER))
    print("\n".join(table))


if __name__ == "__main__":
    main()
