import numpy as np
import pytest
from keras import ops

from zoo import create_model
from zoo.systems.hubbard import Hubbard
from zoo.systems.quantum_dot import QuantumDot

DOTS = [QuantumDot(n_up=3, n_down=2), QuantumDot(dim=3, n_up=2, n_down=0, omega=0.5)]
LATTICES = [
    Hubbard(extent=(6,), boundary="A", n_up=2, n_down=3),
    Hubbard("rectangle", (3, 3), "PO", n_up=4, n_down=1),
    Hubbard(extent=(5,), boundary="P", n_up=3, n_down=0),
]


def numbers(pair) -> tuple[np.ndarray, np.ndarray]:
    return ops.convert_to_numpy(pair[0]), ops.convert_to_numpy(pair[1])


def randomise(model, seed: int = 0) -> None:
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.2 * random.normal(size=weight.shape))


@pytest.mark.parametrize("system", DOTS, ids=str)
def test_value_is_a_product_of_determinants_and_the_jastrow_factor(system):
    model = create_model("slater_jastrow", system)
    randomise(model)
    positions = model.sample_configurations(5)
    sign, log_abs = numbers(model(positions))
    orbitals = ops.convert_to_numpy(model.orbitals(positions))
    up, down = orbitals[:, : system.n_up, : system.n_up], orbitals[:, system.n_up :, : system.n_down]
    expected = np.linalg.det(up) * np.linalg.det(down) * np.exp(ops.convert_to_numpy(model.jastrow(positions)))
    np.testing.assert_allclose(sign * np.exp(log_abs), expected, rtol=1e-10)


@pytest.mark.parametrize("system", DOTS, ids=str)
def test_exchange_of_equal_spins_changes_the_sign_alone(system):
    model = create_model("slater_jastrow", system)
    randomise(model)
    positions = model.sample_configurations(5)
    swapped = positions[:, [1, 0, *range(2, system.n_electrons)]]
    (sign, log_abs), (sign_swapped, log_swapped) = numbers(model(positions)), numbers(model(swapped))
    np.testing.assert_array_equal(sign_swapped, -sign)
    np.testing.assert_allclose(log_swapped, log_abs, rtol=1e-10)


def test_psi_vanishes_where_equal_spins_meet():
    model = create_model("slater_jastrow", DOTS[0])
    positions = model.sample_configurations(3)
    positions[:, 1] = positions[:, 0]
    assert np.all(numbers(model(positions))[1] < -30)


def test_the_jastrow_factor_leaves_the_nodes_alone():
    bare, dressed = (create_model("slater_jastrow", DOTS[0]) for _ in range(2))
    random = np.random.default_rng(0)
    for weight in dressed.jastrow.trainable_variables:
        weight.assign(random.normal(size=weight.shape))
    positions = bare.sample_configurations(200)
    signs = numbers(bare(positions))[0]
    assert 20 < np.sum(signs > 0) < 180
    np.testing.assert_array_equal(numbers(dressed(positions))[0], signs)


@pytest.mark.parametrize("kind", ["free", "unrestricted"])
@pytest.mark.parametrize("system", LATTICES, ids=str)
def test_lattice_value_is_that_of_the_occupied_rows(system, kind):
    model = create_model("slater_jastrow", system, orbitals=kind)
    occupations = model.sample_configurations(9)
    for weight in model.jastrow.trainable_variables:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    sign, log_abs = numbers(model(occupations))
    up, down = system.orbitals(kind)
    expected = [np.linalg.det(up[n[0] == 1]) * np.linalg.det(down[n[1] == 1]) for n in occupations]
    expected *= np.exp(ops.convert_to_numpy(model.jastrow(occupations)))
    np.testing.assert_allclose(sign * np.exp(log_abs), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("system", [DOTS[0], LATTICES[0]], ids=lambda s: s.family)
def test_config_and_weights_restore_the_model(system, tmp_path):
    model = create_model("slater_jastrow", system)
    randomise(model)
    model.save_weights(tmp_path / "model.weights.h5")
    copy = type(model).from_config(model.get_config())
    configurations = model.sample_configurations(4)
    assert np.any(numbers(copy(configurations))[1] != numbers(model(configurations))[1])
    copy.load_weights(tmp_path / "model.weights.h5")
    for found, expected in zip(numbers(copy(configurations)), numbers(model(configurations)), strict=True):
        np.testing.assert_array_equal(found, expected)
