import numpy as np
import pytest
from keras import ops

from zoo import create_model, create_system
from zoo.models.psiformer.continuum import RationalJastrow
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

LITHIUM = Molecule("Li", spin=1, basis="6-31g")
SMALL = {"layers": 2, "width": 6, "heads": 2, "determinants": 2}


def numbers(pair) -> tuple[np.ndarray, np.ndarray]:
    return ops.convert_to_numpy(pair[0]), ops.convert_to_numpy(pair[1])


def weights_of(model) -> dict[str, np.ndarray]:
    return {v.path.partition("/")[2]: ops.convert_to_numpy(v.value) for v in model.trainable_variables}


def from_the_formulas(model, x: np.ndarray) -> float:
    """Psi of one configuration of three electrons, two of them up, at a nucleus: the paper's equations in loops."""
    weights, spins = weights_of(model), np.array([1.0, 1.0, -1.0])
    distances = np.linalg.norm(x, axis=1)
    scale = np.log(1 + distances) / distances
    h = np.column_stack([x * scale[:, None], distances * scale, spins]) @ weights["embedding/kernel"]
    for layer in range(2):
        query, key, value = (h @ weights[f"attention_{layer}/{name}/kernel"] for name in ("query", "key", "value"))
        read = np.zeros((3, 6))
        for head in (slice(0, 3), slice(3, 6)):
            for i in range(3):
                share = np.exp([query[i, head] @ key[j, head] / 3**0.5 for j in range(3)])
                read[i, head] = share / share.sum() @ value[:, head]
        h = h + read @ weights[f"attention_{layer}/out/kernel"]
        h = h + np.tanh(h @ weights[f"update_{layer}/kernel"] + weights[f"update_{layer}/bias"])
    total = 0.0
    for k in range(2):
        columns = slice(3 * k, 3 * k + 3)
        matrix = [
            h[i] @ weights[f"orbitals/weights_{name}/kernel"][:, columns]
            * np.exp(-weights[f"orbitals/envelopes_{name}/sigma"][0, columns] * distances[i])
            for i, name in enumerate(("up", "up", "down"))
        ]  # fmt: skip
        total += np.linalg.det(np.array(matrix))
    equal, opposite = weights["jastrow/range_same_spin"], weights["jastrow/range_opposite_spin"]
    exponent = -(equal**2) / (equal + np.linalg.norm(x[0] - x[1])) / 4
    exponent -= sum(opposite**2 / (opposite + np.linalg.norm(x[i] - x[2])) / 2 for i in (0, 1))
    return total * np.exp(exponent)


def test_value_is_that_of_the_equations_of_the_paper():
    model = create_model("psiformer", LITHIUM, **SMALL)
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.3 * random.normal(size=weight.shape))
    x = model.sample_configurations(3)
    sign, log_abs = numbers(model(x))
    np.testing.assert_allclose(sign * np.exp(log_abs), [from_the_formulas(model, one) for one in x], rtol=1e-10)


def test_published_sizes():
    """Parameters of four layers of width 256 and 16 determinants of three electrons, counted by hand."""
    model = create_model("psiformer_published", LITHIUM)
    attention, update = 4 * 256 * 256, 256 * 256 + 256
    expected = 5 * 256 + 4 * (attention + update) + 2 * 16 * 3 * (256 + 1) + 2
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == expected
    assert model.hyperparameters["heads"] == 4


@pytest.mark.parametrize("length", [0.3, 2.0])
@pytest.mark.parametrize(("dim", "slopes"), [(2, (1 / 3, 1.0)), (3, (1 / 4, 1 / 2))])
def test_the_jastrow_factor_has_the_slopes_of_the_cusps_for_every_range(dim, slopes, length):
    dot = QuantumDot(dim=dim, n_up=2, n_down=1)
    jastrow = RationalJastrow(dot)
    jastrow.build((None, 3, dim))
    for weight in jastrow.trainable_variables:
        weight.assign(length)
    far = np.array([[0.0] * dim, [50.0] + [0.0] * (dim - 1), [0.0, 80.0] + [0.0] * (dim - 2)])
    for other, slope in zip((1, 2), slopes, strict=True):
        x = np.repeat(far[None], 2, axis=0)
        x[:, other] = x[:, 0]
        x[1, other, 0] += 1e-5
        start, near = ops.convert_to_numpy(jastrow(ops.convert_to_tensor(x)))
        assert abs((near - start) / 1e-5 - slope) < 2e-3


def test_without_repulsion_there_is_no_jastrow_factor():
    model = create_model("psiformer", QuantumDot(n_up=2, n_down=1, coulomb=False), **SMALL)
    assert not any("jastrow" in name for name in weights_of(model))
    jastrow = ops.convert_to_numpy(model.jastrow(ops.convert_to_tensor(model.sample_configurations(3))))
    np.testing.assert_array_equal(jastrow, np.zeros(3))


def test_moving_an_electron_by_a_side_of_the_cell_changes_nothing():
    gas = create_system("electron_gas", n_up=2, n_down=1)
    model = create_model("psiformer", gas, **SMALL)
    x = model.sample_configurations(4)
    moved = x.copy()
    moved[:, 1] += gas.cell * np.array([1, 0, -1])
    for found, expected in zip(numbers(model(moved)), numbers(model(x)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
