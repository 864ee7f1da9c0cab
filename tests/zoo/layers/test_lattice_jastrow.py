import itertools

import numpy as np
import pytest
from keras import ops

from zoo.layers.lattice_jastrow import LatticeJastrow, varying_terms
from zoo.systems.hubbard import Hubbard

LATTICES = [
    Hubbard(extent=(5,), boundary="O", n_up=2, n_down=2),
    Hubbard(extent=(6,), boundary="A", n_up=3, n_down=2),
    Hubbard("rectangle", (3, 4), "PO", n_up=4, n_down=5),
    Hubbard("rectangle", (2, 2), "PP", n_up=1, n_down=2),
]


def random_jastrow(system: Hubbard) -> LatticeJastrow:
    layer = LatticeJastrow(system.displacement_classes())
    layer.build(None)
    random = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(size=weight.shape))
    return layer


def evaluate(layer, occupations) -> np.ndarray:
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(occupations)))


def brute_force(layer, classes, occupations) -> float:
    """The formula as it is written, one pair of sites after the other."""
    g, v, w = (ops.convert_to_numpy(a.value) for a in (layer.gutzwiller, layer.density, layer.spin))
    up, down = occupations.astype(float)
    total = 0.0
    for i in range(len(up)):
        total += g * up[i] * down[i]
        for j in range(len(up)):
            d = classes[i, j]
            if d > 0:
                total += 0.5 * v[d - 1] * (up[i] + down[i] - 1) * (up[j] + down[j] - 1)
                total += 0.5 * w[d - 1] * (up[i] - down[i]) * (up[j] - down[j])
    return total


@pytest.mark.parametrize("system", LATTICES, ids=str)
def test_factor_is_the_double_sum_over_sites(system):
    layer = random_jastrow(system)
    occupations = system.initial_occupations(np.random.default_rng(1), 8)
    expected = [brute_force(layer, system.displacement_classes(), row) for row in occupations]
    np.testing.assert_allclose(evaluate(layer, occupations), expected, rtol=1e-12, atol=1e-13)


def test_translations_and_spin_exchange_change_nothing():
    system = LATTICES[1]
    layer = random_jastrow(system)
    occupations = system.initial_occupations(np.random.default_rng(1), 8)
    expected = evaluate(layer, occupations)
    np.testing.assert_allclose(evaluate(layer, np.roll(occupations, 1, axis=2)), expected, rtol=1e-12)
    np.testing.assert_allclose(evaluate(layer, occupations[:, ::-1].copy()), expected, rtol=1e-12)
    np.testing.assert_allclose(evaluate(layer, occupations[:, :, ::-1].copy()), expected, rtol=1e-12)


def test_factor_is_one_at_first():
    layer = LatticeJastrow(LATTICES[2].displacement_classes())
    occupations = LATTICES[2].initial_occupations(np.random.default_rng(1), 3)
    np.testing.assert_array_equal(evaluate(layer, occupations), np.zeros(3))


def every_configuration(n_sites: int, n_up: int, n_down: int) -> np.ndarray:
    """All occupations of so many electrons, ``(configurations, 2, n_sites)``."""
    rows = np.array(list(itertools.product((0, 1), repeat=n_sites)), dtype="int8")
    up, down = (rows[rows.sum(axis=1) == count] for count in (n_up, n_down))
    return np.array([(first, second) for first in up for second in down])


SHAPES = {
    "ring": Hubbard("chain", (5,), "P", n_up=1, n_down=1),
    "two sites": Hubbard("chain", (2,), "O", n_up=1, n_down=1),
    "open": Hubbard("chain", (4,), "O", n_up=1, n_down=1),
    "square": Hubbard("square", (2, 2), "PP", n_up=1, n_down=1),
    "all neighbours": Hubbard("triangular", (2, 2), "PP", n_up=1, n_down=1),
    "ladder": Hubbard("ladder", (2, 3), "OP", n_up=1, n_down=1),
}


@pytest.mark.parametrize("name", SHAPES)
def test_weights_of_constant_terms_are_left_out(name):
    """Compared with all configurations, for all numbers of electrons."""
    classes = SHAPES[name].displacement_classes()
    n_sites = len(classes)
    pairs = classes[..., None] == np.arange(1, classes.max() + 1)
    for n_up, n_down in itertools.product(range(n_sites + 1), repeat=2):
        configurations = every_configuration(n_sites, n_up, n_down).astype(float)
        charge, spin = configurations.sum(axis=1) - 1, configurations[:, 0] - configurations[:, 1]
        double = configurations.prod(axis=1).sum(axis=1)
        sums = [np.einsum("bi,ijd,bj->bd", values, pairs, values) for values in (charge, spin)]
        for found, values in zip(varying_terms(pairs, (n_up, n_down)), sums, strict=True):
            np.testing.assert_array_equal(found, np.ptp(values, axis=0) > 0, f"{n_up} up, {n_down} down")
        layer = LatticeJastrow(classes, (n_up, n_down))
        assert layer.has_gutzwiller == (np.ptp(double) > 0)


def test_factor_without_constant_terms_differs_by_a_constant():
    system = Hubbard("chain", (4,), "O", n_up=1, n_down=4)
    full, reduced = random_jastrow(system), LatticeJastrow.of(system)
    reduced.build(None)
    assert [weight.name for weight in reduced.trainable_variables] == ["spin"]
    # Sites two apart are constant: each site has one.
    reduced.spin.assign(ops.convert_to_numpy(full.spin.value)[[0, 2]])
    occupations = every_configuration(4, 1, 4)
    difference = evaluate(full, occupations) - evaluate(reduced, occupations)
    np.testing.assert_allclose(difference, difference[0], rtol=1e-12)
    assert np.ptp(evaluate(reduced, occupations)) > 0.01


def test_one_electron_on_a_ring_has_no_factor():
    layer = LatticeJastrow.of(Hubbard("chain", (6,), "P", n_up=1, n_down=0))
    occupations = every_configuration(6, 1, 0)
    np.testing.assert_array_equal(evaluate(layer, occupations), np.zeros(6))
    assert not layer.trainable_variables
    assert all(not np.any(ops.convert_to_numpy(matrix)) for matrix in layer.couplings().values())


def test_ordinary_systems_have_all_weights():
    for system in LATTICES:
        layer = LatticeJastrow.of(system)
        layer.build(None)
        assert [weight.shape for weight in layer.trainable_variables] == [
            weight.shape for weight in random_jastrow(system).trainable_variables
        ]


def test_a_single_site_has_only_the_gutzwiller_term():
    layer = LatticeJastrow(np.zeros((1, 1), int))
    layer.build(None)
    assert len(layer.trainable_variables) == 1
    layer.gutzwiller.assign(-0.3)
    both = np.ones((1, 2, 1), dtype="int8")
    np.testing.assert_allclose(evaluate(layer, both), [-0.3])
