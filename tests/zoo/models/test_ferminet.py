import numpy as np
import pytest
from keras import ops

from zoo import create_model, create_system
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

HELIUM = Molecule("He", basis="6-31g")
LITHIUM = Molecule("Li", spin=1, basis="6-31g")
DOT = QuantumDot(n_up=2, n_down=1)
SMALL = {"layers": 2, "width": 6, "pair_width": 3, "determinants": 2}


def numbers(pair) -> tuple[np.ndarray, np.ndarray]:
    return ops.convert_to_numpy(pair[0]), ops.convert_to_numpy(pair[1])


def weights_of(model) -> dict[str, np.ndarray]:
    return {v.path.partition("/")[2]: ops.convert_to_numpy(v.value) for v in model.trainable_variables}


def from_the_formulas(model, x: np.ndarray) -> float:
    """Psi of one configuration of three electrons, two of them up, at a nucleus: the paper's equations in loops."""
    weights, n_up, n = weights_of(model), 2, 3
    spins = (range(n_up), range(n_up, n))
    h = np.array([[*r, np.linalg.norm(r)] for r in x])
    g = np.array([[[*(x[i] - x[j]), np.linalg.norm(x[i] - x[j])] for j in range(n)] for i in range(n)])
    for layer in range(2):
        kernel = np.concatenate(
            [weights[f"electrons_{layer}/{part}/kernel"] for part in ("electron", "means", "pair_means")]
        )
        rows = []
        for i in range(n):
            inputs = [h[i], *(np.mean([h[j] for j in spin], axis=0) for spin in spins)]
            inputs += [np.mean([g[i, j] for j in spin], axis=0) for spin in spins]
            rows.append(np.tanh(np.concatenate(inputs) @ kernel + weights[f"electrons_{layer}/electron/bias"]))
        if layer == 0:
            g = np.tanh(g @ weights["pairs_0/kernel"] + weights["pairs_0/bias"])
            h = np.array(rows)
        else:
            h = h + np.array(rows)
    total = 0.0
    for k in range(2):
        blocks = []
        for name, spin in (("up", range(n_up)), ("down", range(n_up, n))):
            size = n if model.hyperparameters["full_determinant"] else len(spin)
            columns = slice(k * size, (k + 1) * size)
            kernel, bias = (weights[f"orbitals/weights_{name}/{part}"][..., columns] for part in ("kernel", "bias"))
            rates = weights[f"orbitals/envelopes_{name}/sigma"][0, columns]
            blocks.append([(h[i] @ kernel + bias) * np.exp(-rates * np.linalg.norm(x[i])) for i in spin])
        if model.hyperparameters["full_determinant"]:
            blocks = [[*blocks[0], *blocks[1]]]
        total += np.prod([np.linalg.det(np.array(block)) for block in blocks])
    return total


@pytest.mark.parametrize("full_determinant", [True, False])
def test_value_is_that_of_the_equations_of_the_paper(full_determinant):
    model = create_model("ferminet", LITHIUM, **SMALL, full_determinant=full_determinant)
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.3 * random.normal(size=weight.shape))
    x = model.sample_configurations(3)
    sign, log_abs = numbers(model(x))
    np.testing.assert_allclose(sign * np.exp(log_abs), [from_the_formulas(model, one) for one in x], rtol=1e-10)


def test_published_sizes():
    """Parameters of layers of 256 and 32, three layers of pairs, and 16 products of determinants, counted by hand."""
    model = create_model("ferminet_published", HELIUM)
    electrons = (4 * 3 + 4 * 2) * 256 + 3 * (256 * 3 + 32 * 2) * 256 + 4 * 256
    pairs = 4 * 32 + 2 * 32 * 32 + 3 * 32
    orbitals = 2 * 16 * (256 + 1 + 1)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == electrons + pairs + orbitals


def test_one_electron_has_no_stream_of_pairs():
    model = create_model("ferminet", Molecule("H", spin=1, basis="6-31g"), **SMALL)
    assert not any("pair" in name for name in weights_of(model))
    assert np.isfinite(numbers(model(model.sample_configurations(4)))[1]).all()


def test_orbitals_depend_on_the_other_electrons():
    """Unlike in a Slater determinant: the row of an electron changes when another one moves."""
    model = create_model("ferminet", DOT, **SMALL)
    x = model.sample_configurations(4)
    moved = x.copy()
    moved[:, 2] += 0.5
    (before,), (after,) = (model.orbital_matrices(ops.convert_to_tensor(y)) for y in (x, moved))
    assert np.abs(ops.convert_to_numpy(after - before)[:, :, :2]).max() > 1e-3


def test_moving_an_electron_by_a_side_of_the_cell_changes_nothing():
    gas = create_system("electron_gas", n_up=2, n_down=1)
    model = create_model("ferminet", gas, **SMALL)
    x = model.sample_configurations(4)
    moved = x.copy()
    moved[:, 1] += gas.cell * np.array([1, 0, -1])
    for found, expected in zip(numbers(model(moved)), numbers(model(x)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
