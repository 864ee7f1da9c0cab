"""Forward Laplacian of one transformer wavefunction: this project beside folx.

    python benchmarks/laplacian_peers.py --peer-python PEER/bin/python [--precision float32] [--electrons 4 10 20]

folx (microsoft/folx, from PyPI) is no dependency; make an environment for it by

    python -m venv PEER && PEER/bin/pip install folx jax numpy

Weights and walkers are drawn once and saved; each contender then lives in a process of its own, compiles, and answers
one request at a time: a round asks every contender once, one after another, and the table holds medians over the
rounds and medians of the ratios within a round. Contenders: the forward Laplacian on TensorFlow and on JAX, nested
differentiation on TensorFlow, and folx on JAX, written in jax.numpy and jitted: over all walkers by `jax.vmap` as in
its documentation, and over a few at a time by its own `batched_vmap`, each with and without its sparsity (the fastest
of each stands in the table). Value, gradient and Laplacian of all must agree.
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
NESTED = "TensorFlow, nested"
FOLX_THRESHOLDS = (0, 6, 0.6)
"""Without sparsity, the value that its documentation recommends for wavefunctions, and that of its docstring."""
FOLX_WALKERS = (0, 8)
"""Walkers at a time: all of them by `jax.vmap` (0), or so many by `folx.batched_vmap`."""

# The wavefunction, twice ---------------------------------------------------------------------------------------------


def draw_problem(arguments, n_electrons: int) -> dict[str, np.ndarray]:
    """Weights and walkers of the network in float64, and its sizes."""
    random = np.random.default_rng(n_electrons)
    width, heads, dets = arguments.width, arguments.heads, arguments.determinants

    def matrix(rows: int, columns: int, scale: float = 1.0) -> np.ndarray:
        return random.normal(size=(rows, columns)) * scale / np.sqrt(rows)

    weights = {"embedding": matrix(4, width), "spin": matrix(1, width)}
    for layer in range(arguments.layers):
        for name in ("query", "key", "value", "merge", "hidden", "out"):
            weights[f"{name}{layer}"] = matrix(width, width)
        for name in ("merge_bias", "hidden_bias", "out_bias", "shift"):
            weights[f"{name}{layer}"] = 0.1 * random.normal(size=width)
        weights[f"scale{layer}"] = 1.0 + 0.1 * random.normal(size=width)
    weights["orbitals"] = matrix(width, dets * n_electrons)
    weights["decay"] = 1.0 + 0.1 * random.normal(size=dets * n_electrons)
    sizes = {"heads": heads, "layers": arguments.layers, "determinants": dets}
    walkers = random.normal(size=(arguments.walkers, n_electrons, 3)) * n_electrons ** (1 / 3)
    return {"walkers": walkers, "sizes": np.array(json.dumps(sizes)), **weights}


def split_problem(path: str, precision: str):
    with np.load(path) as problem:
        arrays = {name: problem[name] for name in problem.files}
    sizes = json.loads(str(arrays.pop("sizes")))
    arrays = {name: array.astype(precision) for name, array in arrays.items()}
    return arrays.pop("walkers"), arrays, sizes


def spins(n_electrons: int) -> np.ndarray:
    """One number for each electron, ``(n_electrons, 1)``."""
    return np.where(np.arange(n_electrons) < n_electrons // 2, 1.0, -1.0)[:, None]


def keras_model(weights: dict[str, np.ndarray], sizes: dict[str, int], n_electrons: int):
    """The network as the zoo would write it, from `keras.ops`."""
    import keras
    from keras import ops

    from zoo.layers.pairs import pair_distances

    class Transformer(keras.Model):
        def __init__(self):
            super().__init__()
            for name, array in weights.items():
                self.__dict__.setdefault("named", {})[name] = self.add_weight(
                    shape=array.shape, initializer=lambda shape, dtype, a=array: ops.convert_to_tensor(a), name=name
                )

        def call(self, x):
            w = self.__dict__["named"]
            heads = sizes["heads"]

            def in_heads(h):
                return ops.reshape(h, (-1, n_electrons, heads, h.shape[-1] // heads))

            def tanh(h):
                # keras.ops.tanh rounds to float32 on JAX
                return ops.tanh(h) if keras.config.backend() == "tensorflow" else 2.0 * ops.sigmoid(2.0 * h) - 1.0

            r = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
            log_r = ops.log1p(r)
            h = ops.matmul(ops.concatenate([x * (log_r / r), log_r], axis=-1), w["embedding"])
            h = h + ops.matmul(ops.convert_to_tensor(spins(n_electrons), dtype=h.dtype), w["spin"])
            for i in range(sizes["layers"]):
                query, key, value = (in_heads(ops.matmul(h, w[f"{n}{i}"])) for n in ("query", "key", "value"))
                scores = ops.einsum("bihd,bjhd->bhij", query, key) * (query.shape[-1] ** -0.5)
                mixed = ops.einsum("bhij,bjhd->bihd", ops.softmax(scores, axis=-1), value)
                mixed = ops.reshape(mixed, (-1, n_electrons, h.shape[-1]))
                h = h + ops.matmul(mixed, w[f"merge{i}"]) + w[f"merge_bias{i}"]
                h = h - ops.sum(h, axis=-1, keepdims=True) / h.shape[-1]
                spread = ops.sum(ops.square(h), axis=-1, keepdims=True) / h.shape[-1]
                h = h * ops.rsqrt(spread + 1e-3) * w[f"scale{i}"] + w[f"shift{i}"]
                hidden = tanh(ops.matmul(h, w[f"hidden{i}"]) + w[f"hidden_bias{i}"])
                h = h + tanh(ops.matmul(hidden, w[f"out{i}"]) + w[f"out_bias{i}"])
            orbitals = ops.matmul(h, w["orbitals"]) * ops.exp(-(r * w["decay"]))
            orbitals = ops.reshape(orbitals, (-1, n_electrons, sizes["determinants"], n_electrons))
            sign, log_abs = ops.slogdet(ops.transpose(orbitals, (0, 2, 1, 3)))
            largest = ops.max(ops.stop_gradient(log_abs), axis=-1, keepdims=True)
            total = ops.sum(sign * ops.exp(log_abs - largest), axis=-1)
            jastrow = ops.sum(-0.25 / (1.0 + pair_distances(x)), axis=-1)
            log_abs = ops.log(ops.abs(total)) + ops.squeeze(largest, axis=-1) + jastrow
            return ops.sign(total), log_abs

    model = Transformer()
    model(ops.zeros((1, n_electrons, 3), dtype=weights["embedding"].dtype) + 1.0)
    return model


def jax_function(weights: dict, sizes: dict[str, int], n_electrons: int):
    """The same for one walker, from `jax.numpy`."""
    import jax
    import jax.numpy as jnp

    heads = sizes["heads"]
    first, second = np.triu_indices(n_electrons, 1)

    def log_abs(x):
        w = weights
        r = jnp.sqrt(jnp.sum(x**2, axis=-1, keepdims=True))
        log_r = jnp.log1p(r)
        h = jnp.concatenate([x * (log_r / r), log_r], axis=-1) @ w["embedding"]
        h = h + jnp.asarray(spins(n_electrons), x.dtype) @ w["spin"]
        for i in range(sizes["layers"]):
            query, key, value = ((h @ w[f"{n}{i}"]).reshape(n_electrons, heads, -1) for n in ("query", "key", "value"))
            scores = jnp.einsum("ihd,jhd->hij", query, key) * (query.shape[-1] ** -0.5)
            mixed = jnp.einsum("hij,jhd->ihd", jax.nn.softmax(scores, axis=-1), value).reshape(n_electrons, -1)
            h = h + mixed @ w[f"merge{i}"] + w[f"merge_bias{i}"]
            h = h - jnp.mean(h, axis=-1, keepdims=True)
            h = h * jax.lax.rsqrt(jnp.mean(h**2, axis=-1, keepdims=True) + 1e-3) * w[f"scale{i}"] + w[f"shift{i}"]
            hidden = jnp.tanh(h @ w[f"hidden{i}"] + w[f"hidden_bias{i}"])
            h = h + jnp.tanh(hidden @ w[f"out{i}"] + w[f"out_bias{i}"])
        orbitals = (h @ w["orbitals"]) * jnp.exp(-r * w["decay"])
        orbitals = orbitals.reshape(n_electrons, sizes["determinants"], n_electrons).transpose(1, 0, 2)
        sign, magnitude = jnp.linalg.slogdet(orbitals)
        largest = jax.lax.stop_gradient(jnp.max(magnitude))
        total = jnp.sum(sign * jnp.exp(magnitude - largest))
        distances = jnp.sqrt(jnp.sum((x[first] - x[second]) ** 2, axis=-1))
        return jnp.log(jnp.abs(total)) + largest + jnp.sum(-0.25 / (1.0 + distances))

    return log_abs


# Contenders: each gives a function without arguments that computes once and returns value, gradient, Laplacian -------


def ours(backend_name: str, path: str, precision: str, nested: bool = False):
    sys.path.insert(0, str(ROOT))
    from harness.start import prepare

    prepare(backend_name, precision=precision)
    from keras import ops

    from harness import backend
    from harness.laplacian import forward_laplacian, gradient_and_laplacian

    walkers, weights, sizes = split_problem(path, precision)
    model = keras_model(weights, sizes, walkers.shape[1])
    parameters = [ops.copy(v.value) for v in model.trainable_variables]
    positions = ops.convert_to_tensor(walkers)
    log_abs = lambda p, x: model.stateless_call(p, [], x)[0][1]  # noqa: E731
    nested_derivatives = lambda p, x: gradient_and_laplacian(lambda y: log_abs(p, y), x)  # noqa: E731
    compiled = backend.jit(nested_derivatives if nested else forward_laplacian(model))
    value = ops.convert_to_numpy(backend.jit(log_abs)(parameters, positions))
    return lambda: (value, *(ops.convert_to_numpy(part) for part in compiled(parameters, positions)))


def peer(threshold: float, at_once: int, path: str, precision: str):
    import jax

    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    import folx
    import jax.numpy as jnp

    walkers, weights, sizes = split_problem(path, precision)
    # Weights are arguments, as in training.
    weights, positions = {name: jnp.asarray(w) for name, w in weights.items()}, jnp.asarray(walkers)

    @jax.jit
    def compiled(weights, positions):
        function = jax_function(weights, sizes, positions.shape[1])
        flat = lambda x: function(x.reshape(positions.shape[1:]))  # noqa: E731
        derivatives = folx.ForwardLaplacianOperator(threshold)(flat)
        in_batch = folx.batched_vmap(derivatives, max_batch_size=at_once) if at_once else jax.vmap(derivatives)
        return in_batch(positions.reshape(len(positions), -1))

    value = np.asarray(jax.jit(jax.vmap(jax_function(weights, sizes, positions.shape[1])))(positions))

    def run():
        laplacian, gradient = compiled(weights, positions)
        return value, np.asarray(gradient).reshape(walkers.shape), np.asarray(laplacian)

    return run


def contender(name: str, path: str, precision: str):
    if name == NESTED:
        return ours("tensorflow", path, precision, nested=True)
    if name in ("TensorFlow", "JAX"):
        return ours(name.lower(), path, precision)
    threshold, at_once = name.removeprefix("folx ").split("/")
    return peer(float(threshold), int(at_once), path, precision)


def serve(name: str, path: str, precision: str, result: str) -> None:
    """Answer each line of standard input, the number of calls to make, by the seconds that one of them takes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    begin = time.perf_counter()
    run = contender(name, path, precision)
    value, gradient, laplacian = run()
    compilation = time.perf_counter() - begin
    np.savez(result, value=value, gradient=gradient, laplacian=laplacian)
    print(compilation, file=answers, flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            run()
        print((time.perf_counter() - begin) / int(line), file=answers, flush=True)


# The comparison ------------------------------------------------------------------------------------------------------


class Worker:
    """A contender in its own process."""

    def __init__(self, python: str, name: str, problem: str, precision: str, folder: str):
        self.name, self.result = name, os.path.join(folder, f"{name.replace(' ', '_').replace('/', '_')}.npz")
        command = [python, os.path.abspath(__file__), "--serve", name, problem, precision, self.result]
        environment = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "PYTHONPATH")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.compilation = self._answer()

    def _answer(self) -> float:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: its process ended with exit code {self.process.wait()}")
        return float(line)

    def seconds(self, calls: int) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(arguments, n_electrons: int) -> str:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        problem = os.path.join(folder, "problem.npz")
        np.savez(problem, **draw_problem(arguments, n_electrons))
        pythons = dict.fromkeys(arguments.contenders, sys.executable)
        if arguments.peer_python:
            variants = itertools.product(FOLX_THRESHOLDS, FOLX_WALKERS)
            pythons |= {f"folx {threshold:g}/{at_once}": arguments.peer_python for threshold, at_once in variants}
        workers = []
        for name, python in pythons.items():
            if name == NESTED and n_electrons > arguments.largest_nested:
                continue
            workers.append(Worker(python, name, problem, arguments.precision, folder))
            report(f"N = {n_electrons}: {name} ready after {workers[-1].compilation:.1f} s")
        check_agreement(workers, 1e-9 if arguments.precision == "float64" else 1e-2)
        times: dict[str, list[float]] = {worker.name: [] for worker in workers}
        calls = {w.name: max(1, round(arguments.seconds / w.seconds(1))) for w in workers}
        for _ in range(arguments.rounds):
            for worker in workers:
                times[worker.name].append(worker.seconds(calls[worker.name]))
        for worker in workers:
            worker.stop()
            report(f"  {worker.name}: {statistics.median(times[worker.name]) * 1e3:.1f} ms")
    return row(n_electrons, times)


def check_agreement(workers: list[Worker], tolerance: float) -> None:
    """All contenders give the same value, gradient and Laplacian."""
    with np.load(workers[0].result) as first:
        expected = dict(first)
    for worker in workers[1:]:
        with np.load(worker.result) as found:
            for part, array in expected.items():
                scale = 1.0 + np.abs(array).reshape(len(array), -1).max(axis=1)
                difference = np.abs(found[part] - array).reshape(len(array), -1).max(axis=1) / scale
                # A few walkers lie close to a node, where float32 has few digits left.
                if np.quantile(difference, 0.95) > tolerance:
                    raise SystemExit(
                        f"{worker.name}: its {part} differs from that of {workers[0].name} by {difference.max():.1e}"
                    )


def row(n_electrons: int, times: dict[str, list[float]]) -> str:
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    peers = [name for name in times if name.startswith("folx")]
    vmapped, batched = ([name for name in peers if name.endswith("/0") == whole] for whole in (True, False))
    folx = [min(names, key=median.__getitem__, default="") for names in (vmapped, batched)]
    cells = [str(n_electrons)]
    cells += [f"{median[name] * 1e3:.1f}" if name in times else "" for name in ("TensorFlow", "JAX", *folx, NESTED)]
    pairs = [(ours, peer) for peer in folx for ours in ("TensorFlow", "JAX")]
    for one, two in (*pairs, (NESTED, "TensorFlow")):
        known = one in times and two in times
        cells.append(
            f"{statistics.median(a / b for a, b in zip(times[one], times[two], strict=True)):.2f}" if known else ""
        )
    return "| " + " | ".join(cells) + " |"


HEADER = ["N", "TensorFlow", "JAX", "folx, vmap", "folx, batched_vmap", "nested, TensorFlow"]
HEADER += ["TensorFlow / vmap", "JAX / vmap", "TensorFlow / batched", "JAX / batched", "nested / TensorFlow"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="interpreter of an environment with folx (default: this one)")
    parser.add_argument("--electrons", type=int, nargs="+", default=[4, 10, 20])
    parser.add_argument("--walkers", type=int, default=256)
    parser.add_argument("--precision", choices=["float32", "float64"], default="float64")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--determinants", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each contender in each round, about")
    parser.add_argument("--largest-nested", type=int, default=10, help="electrons up to which nested is timed")
    names = ["TensorFlow", "JAX", NESTED]
    parser.add_argument("--contenders", nargs="+", default=names, choices=names, help="of this project")
    parser.add_argument("--serve", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(*arguments.serve)
    arguments.peer_python = check_peer(
        arguments.peer_python, "folx", "folx, jax", "folx jax numpy", "Its columns stay empty."
    )
    rows = [compare(arguments, n) for n in arguments.electrons]
    print(f"{arguments.walkers} walkers, {arguments.precision}, milliseconds for gradient and Laplacian\n")
    print(f"| {' | '.join(HEADER)} |\n|" + "---|" * len(HEADER))
    print("\n".join(rows))


if __name__ == "__main__":
    main()
