"""What neural and transformer backflow promise beyond the conformance kit."""

import numpy as np
import pytest
from keras import ops

from harness.conformance import Subject, run_check
from harness.conformance.derivatives import live_weights
from harness.conformance.subject import working_precision
from harness.laplacian import forward_laplacian
from harness.local_energy import local_energy_function
from zoo import create_model
from zoo.errors import ZooError
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

DOT = QuantumDot(n_up=2, n_down=1)
HELIUM = Molecule(atoms="He", basis="6-31g")
MODELS = {"neural_backflow": {"width": 8}, "transformer_backflow": {"width": 8, "determinants": 3}}


def numbers(pair) -> list[np.ndarray]:
    return [ops.convert_to_numpy(part) for part in pair]


def suffix(path: str) -> str:
    return path.partition("/")[2]


def created(name, system, scale=0.0):
    model = create_model(name, system, **MODELS[name])
    random = np.random.default_rng(0)
    for weight in model.trainable_variables if scale else []:
        weight.assign(ops.convert_to_numpy(weight.value) + scale * random.normal(size=weight.shape))
    return model


@pytest.mark.parametrize("system", [DOT, HELIUM], ids=lambda s: s.family)
@pytest.mark.parametrize("name", MODELS)
def test_it_starts_as_slater_jastrow_backflow_of_the_same_weights(name, system):
    """Also where Jastrow factor and pairwise backflow are not those of the start: a rung contains the one below."""
    below, model = create_model("slater_jastrow_backflow", system), created(name, system)
    random = np.random.default_rng(0)
    own = {suffix(weight.path): weight for weight in model.trainable_variables}
    for weight in below.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.1 * random.normal(size=weight.shape))
        own.pop(suffix(weight.path)).assign(weight.value)
    assert own
    positions = model.sample_configurations(16)
    for found, expected in zip(numbers(model(positions)), numbers(below(positions)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "system",
    [QuantumDot(n_up=1, n_down=0), ElectronGas(n_up=1, n_down=1), ElectronGas(dim=2, n_up=5, n_down=0)],
    ids=["one electron", "constant orbitals", "electrons alike"],
)
@pytest.mark.parametrize("name", MODELS)
def test_where_a_part_has_no_influence_it_has_no_weights(name, system):
    with working_precision("float64"):
        result = run_check(live_weights, Subject(lambda: created(name, system), system))
    assert result.passed, result.advice


@pytest.mark.parametrize("name", MODELS)
def test_its_corrections_move_the_nodes(name):
    model, start = created(name, DOT, scale=0.2), created(name, DOT)
    positions = model.sample_configurations(400)
    assert np.any(numbers(model(positions))[0] != numbers(start(positions))[0])


@pytest.mark.parametrize("name", MODELS)
def test_effective_positions_are_those_at_which_the_orbitals_are_taken(name):
    model = created(name, DOT, scale=0.2)
    positions = ops.convert_to_tensor(model.sample_configurations(5))
    seen = []
    inner = model.orbitals.call
    model.orbitals.call = lambda x: seen.append(ops.convert_to_numpy(x)) or inner(x)
    model(positions)
    np.testing.assert_allclose(seen[-1], ops.convert_to_numpy(model.effective_positions(positions)), atol=1e-14)
    assert np.abs(seen[-1] - ops.convert_to_numpy(positions)).max() > 1e-2


@pytest.mark.parametrize("name", MODELS)
def test_in_a_periodic_cell_it_keeps_translations_and_the_period(name):
    gas = ElectronGas(n_up=7, n_down=1)
    model = created(name, gas, scale=0.2)
    positions = model.sample_configurations(6)
    values = numbers(model(positions))
    shift = np.array([0.3, -0.2, 0.1]) * gas.cell
    image = positions.copy()
    image[:, 2, 1] += gas.cell
    for moved in (positions + shift, image):
        for found, expected in zip(numbers(model(moved)), values, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("place", ["electron", "nucleus"])
@pytest.mark.parametrize("name", MODELS)
def test_local_energy_stays_bounded_where_particles_meet(name, place):
    """A cusp wrong by c leaves a local energy that grows by about c / r: by thousands at the distances here."""
    model = created(name, HELIUM, scale=0.2)
    start = np.random.default_rng(1).normal(size=(2, 3))
    positions = np.repeat(start[None], 3, axis=0)
    for row, distance in enumerate((1e-2, 1e-3, 1e-4)):
        positions[row, 1] = (np.zeros(3) if place == "nucleus" else start[0]) + distance * np.eye(3)[0]
    weights = [weight.value for weight in model.trainable_variables]
    derivatives = forward_laplacian(model)
    energy = local_energy_function(HELIUM, model, lambda x: derivatives(weights, x))
    energies, _ = energy(ops.convert_to_tensor(positions))
    energies = ops.convert_to_numpy(energies)
    assert abs(energies[2] - energies[1]) < 0.2 * abs(energies[1] - energies[0]) + 1e-3


def test_attention_has_a_row_of_shares_for_every_electron_layer_and_head():
    model = create_model("transformer_backflow", DOT, width=8, layers=3, heads=2)
    alpha = ops.convert_to_numpy(model.attention(ops.convert_to_tensor(model.sample_configurations(5))))
    assert alpha.shape == (5, 3, 2, 3, 3)
    np.testing.assert_allclose(alpha.sum(axis=-1), 1, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("neural_backflow", {"width": 30}, "channels=8: expected a divisor of model.width=30: 1, 2, 3, 5, "),
        ("neural_backflow", {"rounds": 0}, "model.rounds=0: expected 1 to 100"),
        ("transformer_backflow", {"heads": 5}, "heads=5: expected a divisor"),
        ("transformer_backflow", {"determinants": 0}, "model.determinants=0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(name, sizes, message):
    with pytest.raises(ZooError, match=message):
        create_model(name, DOT, **sizes)
