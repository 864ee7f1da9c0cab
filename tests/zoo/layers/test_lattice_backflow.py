import itertools

import numpy as np
import pytest
from keras import ops

from zoo import create_model
from zoo.layers.determinant import values_only
from zoo.layers.lattice_backflow import LatticeBackflow, path_signs
from zoo.layers.lattice_orbitals import occupied_sites
from zoo.systems.hubbard import Hubbard

RING = Hubbard(extent=(6,), boundary="P", n_up=3, n_down=2)
LATTICES = [RING, Hubbard(extent=(5,), boundary="A", n_up=2, n_down=2), Hubbard("rectangle", (3, 3), "PO", n_up=4)]


def random_backflow(system, form, reach=2) -> LatticeBackflow:
    layer = LatticeBackflow(system, form, reach)
    layer.build(None)
    layer.strengths.assign(np.random.default_rng(0).normal(size=layer.strengths.shape))
    return layer


def coefficients(layer, occupations, spin: int) -> np.ndarray:
    """b of every two sites, as if there were an electron at each; by products and, the same, looked up."""
    n_sites = occupations.shape[-1]
    rows = ops.convert_to_tensor(np.broadcast_to(np.eye(n_sites), (len(occupations), n_sites, n_sites)))
    own, other = (ops.convert_to_tensor(occupations[:, s]) for s in (spin, 1 - spin))
    products = ops.convert_to_numpy(layer.coefficients(rows, own, other))
    with values_only():
        looked_up = ops.convert_to_numpy(layer.coefficients(rows, own, other))
    np.testing.assert_allclose(looked_up, products, rtol=0, atol=1e-14)
    return products


def doublon_holon(eta, own, other, i, j) -> float:
    """The terms of the docstring, for an electron at i."""
    hole, doublon = 1 - own[j], own[i] * other[i]
    holon, alone = hole * (1 - other[j]), own[i] * (1 - other[i])
    return (
        eta[0] * doublon * holon
        + eta[1] * alone * other[j] * hole
        + eta[2] * (doublon * other[j] * hole + alone * holon)
    )


@pytest.mark.parametrize("system", LATTICES, ids=str)
def test_doublon_holon_backflow_is_the_published_sum(system):
    layer = random_backflow(system, "doublon_holon")
    strengths = ops.convert_to_numpy(layer.strengths.value)
    occupations = system.initial_occupations(np.random.default_rng(1), 6)
    classes, signs = system.displacement_classes(), path_signs(system, 2)
    kept = sorted(set(classes[signs != 0]))
    for spin in (0, 1):
        found = coefficients(layer, occupations, spin)
        for row, n in enumerate(occupations.astype(float)):
            own, other = n[spin], n[1 - spin]
            for i, j in itertools.product(np.flatnonzero(own), range(system.n_sites)):
                expected = 0.0
                if signs[i, j]:
                    eta = strengths[kept.index(classes[i, j])]
                    expected = signs[i, j] * doublon_holon(eta, own, other, i, j)
                assert found[row, i, j] == pytest.approx(expected, abs=1e-13)


def test_the_general_form_has_a_number_for_each_pair_of_local_states():
    layer = random_backflow(RING, "general", reach=1)
    table = ops.convert_to_numpy(layer.strengths.value)[0].reshape(2, 2, 2)  # other at i, own at j, other at j
    assert layer.shape == (1, 8)
    occupations = RING.initial_occupations(np.random.default_rng(1), 6)
    found = coefficients(layer, occupations, 0)
    for n, values in zip(occupations, found, strict=True):
        for i, j in ((2, 3), (3, 2), (0, 5)):
            assert values[i, j] == pytest.approx(table[n[1, i], n[0, j], n[1, j]], abs=1e-14)


@pytest.mark.parametrize("form", ["general", "doublon_holon"])
def test_it_moves_with_the_electrons_and_forgets_names_of_spins(form):
    layer = random_backflow(RING, form)
    occupations = RING.initial_occupations(np.random.default_rng(1), 6)
    found = coefficients(layer, occupations, 0)
    moved = coefficients(layer, np.roll(occupations, 2, axis=2), 0)
    np.testing.assert_allclose(moved, np.roll(found, (2, 2), axis=(1, 2)), atol=1e-14)
    np.testing.assert_array_equal(coefficients(layer, occupations[:, ::-1].copy(), 1), found)


def test_signs_of_ways_follow_the_boundary_and_vanish_where_both_ways_cancel():
    signs = path_signs(Hubbard(extent=(4,), boundary="A", n_up=2, n_down=2), 2)
    np.testing.assert_array_equal(signs[0], [0, 1, 0, -1])
    np.testing.assert_array_equal(path_signs(Hubbard(extent=(4,), boundary="P"), 2)[0], [0, 1, 1, 1])
    np.testing.assert_array_equal(path_signs(Hubbard(extent=(6,), boundary="A"), 2)[0], [0, 1, 1, 0, -1, -1])


@pytest.mark.parametrize("boundary", ["P", "A"])
def test_looking_up_changes_no_amplitude_of_a_model(boundary):
    system = Hubbard(extent=(6,), boundary=boundary, n_up=3, n_down=2, twist=(0.3,) if boundary == "P" else ())
    model = create_model("slater_jastrow_backflow", system)
    strengths = model.backflow.strengths
    strengths.assign(0.3 * np.random.default_rng(0).normal(size=strengths.shape))
    occupations = ops.convert_to_tensor(system.initial_occupations(np.random.default_rng(1), 32))
    expected = [ops.convert_to_numpy(part) for part in model(occupations)]
    with values_only():
        found = [ops.convert_to_numpy(part) for part in model(occupations)]
    assert np.iscomplexobj(found[0]) == (boundary == "P")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("system", "form"), [(RING, "none"), (Hubbard(extent=(1,), n_up=1, n_down=1), "general")], ids=["none", "no bonds"]
)
def test_where_there_is_nothing_to_learn_there_is_no_weight(system, form):
    layer = LatticeBackflow(system, form, 2)
    occupations = ops.convert_to_tensor(system.initial_occupations(np.random.default_rng(0), 4))
    sites = occupied_sites(system, occupations)
    for found, given in zip(layer(sites, occupations), sites, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(given))
    assert layer.built and not layer.weights
