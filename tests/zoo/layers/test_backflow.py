import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.backflow import PairwiseBackflow
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

DOT = QuantumDot(dim=2, n_up=3, n_down=2)
LITHIUM_HYDRIDE = Molecule(atoms="Li 0 0 0; H 0 0 3")
HYDROGEN = Molecule(atoms="H", spin=1)
GAS = ElectronGas(dim=3, rs=1.5, n_up=3, n_down=2)
SYSTEMS = [DOT, LITHIUM_HYDRIDE]


def random_backflow(system) -> PairwiseBackflow:
    layer = PairwiseBackflow(system, order=3)
    layer.build((None, system.n_electrons, system.dim))
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.3 * random.normal(size=weight.shape))
    return layer


def random_positions(system, batch: int = 4) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(batch, system.n_electrons, system.dim))


def evaluate(layer, positions) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(positions)))


@pytest.mark.parametrize("system", [*SYSTEMS, HYDROGEN, GAS], ids=str)
def test_displacements_start_at_zero(system):
    layer = PairwiseBackflow(system)
    np.testing.assert_array_equal(evaluate(layer, random_positions(system)), 0.0)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.family)
def test_exchange_of_equal_spins_exchanges_their_displacements(system):
    layer, positions = random_backflow(system), random_positions(system)
    up, down = np.arange(system.n_up), np.arange(system.n_up, system.n_electrons)
    order = np.concatenate([np.roll(up, 1), down[::-1]])
    found, expected = evaluate(layer, positions[:, order]), evaluate(layer, positions)[:, order]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


def test_displacement_is_the_double_sum_over_pairs():
    layer, positions = random_backflow(DOT), random_positions(DOT)
    expected = np.zeros_like(positions)
    for i in range(5):
        for j in set(range(5)) - {i}:
            difference = positions[:, i] - positions[:, j]
            group = [g.same_spin for g in layer.groups].index((i < 3) == (j < 3))
            distance = ops.convert_to_tensor(np.linalg.norm(difference, axis=-1))
            expected[:, i] += ops.convert_to_numpy(layer.pair_function(group, distance))[:, None] * difference
    np.testing.assert_allclose(evaluate(layer, positions), expected, rtol=1e-12, atol=1e-14)


def test_without_nuclei_the_centre_of_mass_stays():
    displacement = evaluate(random_backflow(DOT), random_positions(DOT))
    assert np.abs(displacement).max() > 0.01
    np.testing.assert_allclose(displacement.sum(axis=1), 0.0, atol=1e-14)


@pytest.mark.parametrize("nucleus", [0, 1])
def test_displacement_vanishes_at_a_nucleus(nucleus):
    """The part from the nuclei like the distance, the part from the electrons like its square."""
    layer, positions = random_backflow(LITHIUM_HYDRIDE), random_positions(LITHIUM_HYDRIDE, 1)
    alone = random_backflow(LITHIUM_HYDRIDE)
    alone.mu.assign(np.zeros(alone.mu.shape))
    positions[0, 2] = LITHIUM_HYDRIDE.nuclei[nucleus]
    # The other nucleus pulls too; with mu only for this one, what is left must vanish.
    mu = ops.convert_to_numpy(layer.mu.value).copy()
    here = LITHIUM_HYDRIDE.charges[nucleus] == np.array(sorted(set(LITHIUM_HYDRIDE.charges)))
    mu[~here] = 0.0
    layer.mu.assign(mu)
    np.testing.assert_allclose(evaluate(layer, positions)[0, 2], 0.0, atol=1e-15)

    def size(of, distance):
        moved = positions.copy()
        moved[0, 2] += distance * np.array([0.6, 0.0, 0.8])
        return np.linalg.norm(evaluate(of, moved)[0, 2])

    assert size(layer, 1e-3) / size(layer, 1e-4) == pytest.approx(10, rel=0.05)
    assert size(alone, 1e-3) / size(alone, 1e-4) == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.family)
def test_a_distant_electron_is_not_displaced(system):
    """eta r ~ r^-2."""
    layer, positions = random_backflow(system), random_positions(system, 1)

    def size(distance):
        moved = positions.copy()
        moved[0, 0] = distance / system.dim**0.5
        return np.linalg.norm(evaluate(layer, moved)[0, 0])

    assert size(1e3) < 1e-4
    assert size(1e5) / size(1e4) == pytest.approx(1e-2, rel=0.1)


@pytest.mark.parametrize("system", [*SYSTEMS, HYDROGEN, GAS], ids=str)
def test_no_weight_is_dead(system):
    layer, positions = random_backflow(system), ops.convert_to_tensor(random_positions(system))
    direction = ops.convert_to_tensor(np.random.default_rng(2).normal(size=positions.shape))
    values = [ops.copy(weight.value) for weight in layer.trainable_variables]

    def along(parameters):
        return ops.sum(layer.stateless_call(parameters, [], positions)[0] * direction)

    gradients = backend.jit(lambda p: backend.parameter_gradient(along, p))(values)
    for weight, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert np.all(ops.convert_to_numpy(gradient) != 0), weight.path


def test_in_a_cell_displacements_have_its_period():
    layer, positions = random_backflow(GAS), random_positions(GAS)
    expected = evaluate(layer, positions)
    moved = positions + GAS.cell * np.random.default_rng(2).integers(-2, 3, size=positions.shape)
    for changed in (moved, positions + np.array([0.3, -1.0, 2.0])):
        np.testing.assert_allclose(evaluate(layer, changed), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(expected.sum(axis=1), 0.0, atol=1e-13)


def test_in_a_large_cell_displacements_are_those_of_open_space():
    gas, dot = ElectronGas(dim=3, rs=1e3, n_up=3, n_down=2), QuantumDot(dim=3, n_up=3, n_down=2)
    periodic, open_space = random_backflow(gas), random_backflow(dot)
    for one, other in zip(periodic.weights, open_space.weights, strict=True):
        one.assign(other.value)
    positions = random_positions(dot)
    expected = evaluate(open_space, positions)
    np.testing.assert_allclose(evaluate(periodic, positions), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_constant_orbitals_have_no_backflow():
    layer = PairwiseBackflow(ElectronGas(n_up=1, n_down=1))
    layer.build((None, 2, 3))
    assert layer.weights == []
    np.testing.assert_array_equal(evaluate(layer, np.ones((2, 2, 3))), np.zeros((2, 2, 3)))
