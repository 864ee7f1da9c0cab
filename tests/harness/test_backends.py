"""TensorFlow and JAX compute the same numbers from the same walkers and parameters, in float64.

The process that runs the tests computes for its backend, and a second process, which runs this file, for the other.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CASES = {
    "dot": ("quantum_dot_n2", {"n_up": 2, "n_down": 1}, "slater_jastrow_backflow"),
    "helium": ("helium", {"basis": "6-31g"}, "slater_jastrow"),
    "ring": ("hubbard", {"extent": [4], "boundary": "A", "n_up": 2, "n_down": 2}, "slater_jastrow"),
}
OPTIMIZERS = ("spring", "minsr", "sr", "adam")
WALKERS = 12


def compute() -> dict[str, np.ndarray]:
    """Everything that is compared, on the backend of this process, from inputs that NumPy's generator gives."""
    results = {}
    for name, case in CASES.items():
        results |= {f"{name}/{key}": value for key, value in compute_case(*case).items()}
    return results


def compute_case(system_name: str, parameters: dict, model_name: str) -> dict[str, np.ndarray]:
    """One function compiled for all of it: most of the time goes into compiling."""
    import keras
    from keras import ops

    from harness import backend
    from harness.local_energy import local_energy_function
    from harness.optimizers import create_optimizer
    from zoo import create_model, create_system

    assert keras.config.floatx() == "float64"
    random = np.random.default_rng(7)
    model = create_model(model_name, create_system(system_name, **parameters))
    variables = model.trainable_variables
    for weight in variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.1 * random.normal(size=weight.shape))
    start = [ops.copy(weight.value) for weight in variables]
    optimizers = {name: create_optimizer(name) for name in OPTIMIZERS}
    buffers = {name: optimizer.initial_buffers(variables) for name, optimizer in optimizers.items()}
    for name in ("spring", "minsr", "sr"):  # as if steps had been made before, so that momentum counts
        buffers[name] |= {"direction": 0.1 * np.cos(np.arange(buffers[name]["direction"].size))}
    buffers = keras.tree.map_structure(ops.convert_to_tensor, buffers)
    rates = {name: optimizer.learning_rate for name, optimizer in optimizers.items()}
    rates, step = keras.tree.map_structure(lambda r: ops.convert_to_tensor(r, dtype="float64"), rates), ops.array(5)
    residuals = random.normal(size=WALKERS)
    residuals = ops.convert_to_tensor(residuals - residuals.mean())

    def log_psi(values, configurations):
        return model.stateless_call(values, [], configurations)[0]

    def everything(values, buffers, walkers):
        sign, log_abs = log_psi(values, walkers)
        energies, _ = local_energy_function(model.system, lambda x: log_psi(values, x))(walkers)
        found = {"sign": sign, "log_abs": log_abs, "local_energy": energies}
        for name, optimizer in optimizers.items():
            updated, *_ = optimizer.update(model, values, buffers[name], walkers, residuals, rates[name], step)
            changes = [ops.reshape(after - before, (-1,)) for after, before in zip(updated, values, strict=True)]
            found[name] = ops.concatenate(changes)
        return found

    walkers = ops.convert_to_tensor(model.sample_configurations(WALKERS, seed=3))
    found = backend.jit(everything)(start, buffers, walkers)
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> list[dict[str, np.ndarray]]:
    import keras

    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.config.backend()]
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    path = tmp_path_factory.mktemp("backends") / "other.npz"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, __file__, other, str(path)], env=environment, cwd=ROOT)
    here = compute()
    assert process.wait(timeout=600) == 0
    return [here, dict(np.load(path))]


@pytest.mark.slow
@pytest.mark.parametrize("quantity", ["sign", "log_abs", "local_energy"])
@pytest.mark.parametrize("case", CASES)
def test_wavefunction_and_local_energy(both, case, quantity):
    here, there = (results[f"{case}/{quantity}"] for results in both)
    assert np.isfinite(here).all() and here.shape == (WALKERS,)
    np.testing.assert_allclose(here, there, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
def test_one_optimisation_step(both, case, optimizer):
    here, there = (results[f"{case}/{optimizer}"] for results in both)
    assert np.abs(here).max() > 1e-4
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-8)


def test_dependence_and_products_with_the_jacobian():
    """Of y_0 = exp(a) b and y_1 = 3 and y_2 = (b with its gradient stopped, and a compared with a number)."""
    import keras
    from keras import ops

    from harness import backend

    def function(parameters):
        a, b = parameters
        return [ops.exp(a) * b, ops.full((2,), 3.0), ops.stop_gradient(b) * ops.cast(a > 0, "float64")]

    a, b, vectors = np.array([0.2, -0.3]), np.array([1.5, 2.0]), np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 4.0]])
    inputs = keras.tree.map_structure(ops.convert_to_tensor, [a, b])
    values, depends, pull_back = backend.dependence(function, inputs)
    np.testing.assert_allclose(ops.convert_to_numpy(values[0]), np.exp(a) * b)
    assert depends == [[True, True], [False, False], [False, False]]
    by_b, by_a = pull_back([0], [1, 0], [ops.convert_to_tensor(vectors)])
    np.testing.assert_allclose(ops.convert_to_numpy(by_a), vectors * np.exp(a) * b)
    np.testing.assert_allclose(ops.convert_to_numpy(by_b), vectors * np.exp(a))


def test_gradients_at_marked_tensors():
    """Of values x^2 c + b with x marked: 2 x c, and the values depend on c and b otherwise, but not on a."""
    from keras import ops

    from harness import backend

    def function(parameters, tap):
        a, b, c = parameters
        x = tap(ops.stop_gradient(a))
        return ops.square(x) * c + b, x

    a, b, c = (ops.convert_to_tensor(np.array(v)) for v in ([1.0, 2.0], [0.5, 0.1], [3.0, -1.0]))
    (gradient,), x, connected = backend.tapped_gradients(function, [a, b, c])
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), [6.0, -4.0])
    np.testing.assert_array_equal(ops.convert_to_numpy(x), [1.0, 2.0])
    assert connected == [False, True, True]


@pytest.mark.parametrize("count", [1, 5])
def test_ordered_sum(count):
    from keras import ops

    from harness import backend

    total = backend.ordered_sum(lambda i: ops.cast(i, "float64") + 1.0, count, ops.convert_to_tensor(10.0, "float64"))
    assert float(total) == 10 + count * (count + 1) / 2


SOLVES = """
from harness.start import prepare
prepare("jax", "cpu", "float64")
import jax, jax.numpy as jnp, numpy as np
matrices = [jnp.asarray(np.random.default_rng(i).normal(size=(2048, 8, 8))) for i in range(8)]
solve = jax.jit(lambda matrices: [jnp.linalg.inv(matrix) for matrix in matrices])
for _ in range(20):
    jax.block_until_ready(solve(matrices))
print("done")
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_batched_solves_at_the_same_time_do_not_wait_for_each_other_on_jax():
    environment = {name: value for name, value in os.environ.items() if name != "PJRT_NPROC"}
    command = [sys.executable, "-c", SOLVES]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout == "done\n", done.stderr


def test_cholesky_of_what_has_none():
    """`keras.ops.cholesky` raises an error."""
    from keras import ops

    from harness import backend

    factor = ops.convert_to_numpy(backend.cholesky(ops.convert_to_tensor(np.array([[4.0, 2.0], [2.0, 5.0]]))))
    np.testing.assert_allclose(np.tril(factor), [[2.0, 0.0], [1.0, 2.0]])
    indefinite = ops.convert_to_tensor(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert not np.isfinite(np.tril(ops.convert_to_numpy(backend.cholesky(indefinite)))).all()


def test_types_of_traced_tensors():
    """Keras 3.15 on JAX takes the sum of float64 for float32, unless the backend says otherwise."""
    import keras

    symbol = keras.KerasTensor((None, 2), dtype="float64")
    assert (symbol + symbol).dtype == keras.ops.exp(symbol * 2.0).dtype == "float64"


if __name__ == "__main__":
    from harness.start import prepare

    prepare(sys.argv[1], "cpu", "float64")
    np.savez(sys.argv[2], **compute())
