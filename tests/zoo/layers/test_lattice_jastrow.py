import numpy as np
import pytest
from keras import ops

from zoo.layers.lattice_jastrow import LatticeJastrow
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


def test_a_single_site_has_only_the_gutzwiller_term():
    layer = LatticeJastrow(np.zeros((1, 1), int))
    layer.build(None)
    assert len(layer.trainable_variables) == 1
    layer.gutzwiller.assign(-0.3)
    both = np.ones((1, 2, 1), dtype="int8")
    np.testing.assert_allclose(evaluate(layer, both), [-0.3])
