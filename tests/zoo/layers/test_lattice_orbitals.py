import numpy as np
import pytest
from keras import ops

from zoo.layers.lattice_orbitals import CorrectedOrbitals, LatticeOrbitals, first_orbitals, occupied_sites
from zoo.systems.hubbard import Hubbard

SYSTEM = Hubbard(extent=(6,), boundary="A", n_up=2, n_down=3)
UP_ONLY = Hubbard(extent=(6,), n_up=3, n_down=0)


def some_occupations(system) -> np.ndarray:
    return system.initial_occupations(np.random.default_rng(0), 5)


def test_mixed_orbitals_hold_those_of_each_spin_and_have_their_determinant():
    apart, mixed = first_orbitals(SYSTEM), np.concatenate(first_orbitals(SYSTEM, mixed=True))
    np.testing.assert_array_equal(mixed[:6, :2], apart[0])
    np.testing.assert_array_equal(mixed[6:, 2:], apart[1])
    assert 0 < np.abs(mixed[:6, 2:]).max() < 0.2
    for n in some_occupations(SYSTEM):
        expected = np.linalg.det(apart[0][n[0] == 1]) * np.linalg.det(apart[1][n[1] == 1])
        assert np.linalg.det(mixed[n.reshape(-1) == 1]) == pytest.approx(expected, abs=1e-14)


def test_a_spin_without_electrons_has_no_orbitals():
    assert [values.shape for values in first_orbitals(UP_ONLY, mixed=True)] == [(6, 3)]
    assert len(occupied_sites(UP_ONLY, ops.convert_to_tensor(some_occupations(UP_ONLY)))) == 1


def test_values_are_those_of_the_occupied_sites():
    start, occupations = first_orbitals(SYSTEM), some_occupations(SYSTEM)
    found = LatticeOrbitals(start)(occupied_sites(SYSTEM, ops.convert_to_tensor(occupations)))
    for spin in (0, 1):
        expected = [start[spin][n[spin] == 1] for n in occupations]
        np.testing.assert_array_equal(ops.convert_to_numpy(found[spin]), expected)


def test_corrections_are_linear_in_the_features_and_zero_at_first_in_the_first_set_alone():
    start, occupations = first_orbitals(SYSTEM), some_occupations(SYSTEM)
    features = np.random.default_rng(1).normal(size=(5, 6, 3))
    layer = CorrectedOrbitals(start, sets=2)
    sites = occupied_sites(SYSTEM, ops.convert_to_tensor(occupations))
    found = layer(sites, ops.convert_to_tensor(features))
    kernel = ops.convert_to_numpy(layer.correction.kernel).reshape(3, 2, 5)
    assert np.all(kernel[:, 0] == 0) and np.all(kernel[:, 1] != 0)
    for spin, columns in ((0, slice(0, 2)), (1, slice(2, 5))):
        moved = start[spin] + np.einsum("bif,fsk->bsik", features, kernel[..., columns]) / 6**0.5
        expected = [values[:, n[spin] == 1] for values, n in zip(moved, occupations, strict=True)]
        np.testing.assert_allclose(ops.convert_to_numpy(found[spin]), expected, atol=1e-14)
