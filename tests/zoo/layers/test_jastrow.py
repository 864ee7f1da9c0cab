"""Cusps, symmetry and live weights of the continuum's Jastrow factor, at random weights."""

import itertools

import numpy as np
import pytest
from keras import ops

from harness import backend
from zoo.layers.jastrow import ContinuumJastrow, PlaneWaveJastrow
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

LITHIUM_HYDRIDE = Molecule(atoms="Li 0 0 0; H 0 0 3")
GASES = [ElectronGas(dim=2, n_up=3, n_down=2), ElectronGas(dim=3, rs=2.0, n_up=2, n_down=2)]
SYSTEMS = [QuantumDot(dim=2, n_up=3, n_down=2), QuantumDot(dim=3, omega=0.5, n_up=2, n_down=2), LITHIUM_HYDRIDE, *GASES]


def random_jastrow(system, three_body_order: int = 2) -> ContinuumJastrow:
    layer = ContinuumJastrow(system, order=3, three_body_order=three_body_order)
    layer.build((None, system.n_electrons, system.dim))
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + 0.3 * random.normal(size=weight.shape))
    return layer


def evaluate(layer, positions) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(np.asarray(positions))))


def contact_slope(layer, positions, direction) -> float:
    """d J / ds at s = 0 of the part of J even in s, along positions + s direction; the smooth odd part drops out."""

    def slope(step):
        behind, at, ahead = evaluate(layer, [positions - step * direction, positions, positions + step * direction])
        return (ahead + behind - 2.0 * at) / (2.0 * step)

    return 2.0 * slope(0.5e-4) - slope(1e-4)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family}{s.dim}d")
@pytest.mark.parametrize("same_spin", [True, False])
def test_slope_at_contact_of_two_electrons(system, same_spin):
    """1/(D+1) for equal and 1/(D-1) for opposite spins, whatever the weights."""
    expected = {(2, True): 1 / 3, (2, False): 1.0, (3, True): 1 / 4, (3, False): 1 / 2}[system.dim, same_spin]
    first, second = 0, 1 if same_spin else system.n_up
    random = np.random.default_rng(6)
    positions = random.normal(size=(system.n_electrons, system.dim))
    positions[second] = positions[first]
    unit = random.normal(size=system.dim)
    unit /= np.linalg.norm(unit)
    direction = np.zeros_like(positions)
    direction[first], direction[second] = 0.5 * unit, -0.5 * unit
    assert contact_slope(random_jastrow(system), positions, direction) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("nucleus", "charge"), [(0, 3.0), (1, 1.0)])
def test_slope_at_a_nucleus_is_minus_its_charge(nucleus, charge):
    positions = np.random.default_rng(6).normal(size=(4, 3))
    positions[2] = LITHIUM_HYDRIDE.nuclei[nucleus]
    direction = np.zeros_like(positions)
    direction[2] = [0.6, 0.0, 0.8]
    assert contact_slope(random_jastrow(LITHIUM_HYDRIDE), positions, direction) == pytest.approx(-charge, abs=2e-6)


def test_there_is_no_cusp_without_repulsion():
    system = QuantumDot(n_up=1, n_down=1, coulomb=False)
    layer = ContinuumJastrow(system)
    layer.build((None, 2, 2))
    np.testing.assert_array_equal(evaluate(layer, np.random.default_rng(0).normal(size=(3, 2, 2))), np.zeros(3))


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family}{s.dim}d")
def test_exchange_of_equal_spins_changes_nothing(system):
    layer = random_jastrow(system)
    positions = np.random.default_rng(1).normal(size=(4, system.n_electrons, system.dim))
    up, down = np.arange(system.n_up), np.arange(system.n_up, system.n_electrons)
    swapped = positions[:, np.concatenate([np.roll(up, 1), down[::-1]])]
    np.testing.assert_allclose(evaluate(layer, swapped), evaluate(layer, positions), rtol=1e-12)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family}{s.dim}d")
def test_no_weight_is_dead(system):
    layer = random_jastrow(system)
    positions = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(4, system.n_electrons, system.dim)))
    values = [ops.copy(weight.value) for weight in layer.trainable_variables]

    def total(parameters):
        return ops.sum(layer.stateless_call(parameters, [], positions)[0])

    gradients = backend.jit(lambda p: backend.parameter_gradient(total, p))(values)
    for weight, gradient in zip(layer.trainable_variables, gradients, strict=True):
        assert np.all(ops.convert_to_numpy(gradient) != 0), weight.path


def test_the_three_body_factor_is_what_couples_pair_and_nucleus():
    """Without it J is a sum of one- and two-body terms: its mixed difference over r_12 and |r_1 + r_2| vanishes."""
    system = QuantumDot(dim=2, n_up=1, n_down=1)

    def mixed_difference(layer):
        def value(centre, distance):  # r_1A = r_2A, so that one- and two-body terms can be told apart
            height = np.sqrt(centre**2 - distance**2 / 4)
            return evaluate(layer, [[[distance / 2, height], [-distance / 2, height]]])[0]

        return value(2.0, 1.0) - value(2.0, 0.5) - value(1.0, 1.0) + value(1.0, 0.5)

    assert abs(mixed_difference(random_jastrow(system, 0))) < 1e-12
    assert abs(mixed_difference(random_jastrow(system, 2))) > 1e-3


def test_three_body_factor_is_the_sum_in_its_docstring():
    system = QuantumDot(dim=2, n_up=1, n_down=1)
    factor = random_jastrow(system).three_body[0]
    between, to_centre = np.array([[0.9]]), np.array([[[0.4], [1.3]]])
    rho = factor.pair_basis(ops.convert_to_tensor(between)), factor.centre_basis(ops.convert_to_tensor(to_centre))
    pair, centre = (np.concatenate([np.ones((*b.shape[:-1], 1)), ops.convert_to_numpy(b)], -1) for b in rho)
    pair, first, second = pair[0, 0], centre[0, 0, 0], centre[0, 1, 0]
    terms = [
        0.5 * pair[l] * (first[m] * second[n] + first[n] * second[m])
        for l in range(3)
        for m in range(3)
        for n in range(m, 3)
        if n > 0 and (l > 0 or m > 0)
    ]
    expected = np.dot(terms, ops.convert_to_numpy(factor.coefficients.value)[0])
    found = factor(ops.convert_to_tensor(between), ops.convert_to_tensor(to_centre))
    np.testing.assert_allclose(ops.convert_to_numpy(found), [expected], rtol=1e-12)


@pytest.mark.parametrize("system", GASES, ids=lambda s: f"{s.dim}d")
def test_in_a_cell_translations_and_whole_cells_change_nothing(system):
    layer, random = random_jastrow(system), np.random.default_rng(1)
    positions = random.normal(scale=system.cell, size=(4, system.n_electrons, system.dim))
    wrapped = positions + system.cell * random.integers(-2, 3, size=positions.shape)
    expected = evaluate(layer, positions)
    for changed in (wrapped, positions + random.normal(size=system.dim), -positions, positions[..., ::-1]):
        np.testing.assert_allclose(evaluate(layer, changed), expected, rtol=1e-11)


@pytest.mark.parametrize("system", GASES, ids=lambda s: f"{s.dim}d")
def test_plane_wave_factor_is_a_sum_over_pairs_and_vectors_of_each_star(system):
    """Up to a constant, the pairs of each electron with itself."""
    layer = PlaneWaveJastrow(system, 3)
    layer.build(None)
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(size=weight.shape))
    positions = random.normal(size=(4, system.n_electrons, system.dim))
    kinds = [(1, 0, 0), (1, 1, 0), (1, 1, 1)] if system.dim == 3 else [(1, 0), (1, 1), (2, 0)]
    expected = np.zeros(4)
    for first, second in zip(*np.triu_indices(system.n_electrons, 1), strict=True):
        same_spin = (first < system.n_up) == (second < system.n_up)
        coefficients = layer.coefficients["same_spin" if same_spin else "opposite_spin"]
        angles = 2 * np.pi / system.cell * (positions[:, first] - positions[:, second])
        for kind, coefficient in zip(kinds, ops.convert_to_numpy(coefficients.value), strict=True):
            signed = {tuple(n) for n in itertools.product((-2, -1, 0, 1, 2), repeat=system.dim)}
            star = [n for n in signed if tuple(sorted(map(abs, n), reverse=True)) == kind]
            expected += coefficient * np.cos(angles @ np.array(star).T).sum(axis=1)
    found = evaluate(layer, positions)
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-12)


def test_without_centres_there_is_no_one_body_and_no_three_body_factor():
    names = [weight.path for weight in random_jastrow(GASES[0]).weights]
    assert len(names) == 6  # range and coefficients of both kinds of pairs, and coefficients of the stars
    assert not any("nucleus" in name for name in names)
