import numpy as np
import pytest
from keras import ops

from zoo.layers.occupations import charge_and_spin, occupied_rows

SITES = 5


def occupations(count: int, batch: int = 7) -> np.ndarray:
    keys = np.random.default_rng(count).random((batch, SITES))
    return (keys.argsort(-1).argsort(-1) < count).astype("int8")


@pytest.mark.parametrize("count", [0, 1, 3, SITES])
def test_rows_select_the_occupied_sites_in_ascending_order(count):
    occupied = occupations(count)
    orbitals = np.random.default_rng(9).normal(size=(SITES, 4))
    found = ops.convert_to_numpy(ops.matmul(occupied_rows(ops.convert_to_tensor(occupied), count), orbitals))
    np.testing.assert_array_equal(found, np.stack([orbitals[row == 1] for row in occupied]))


def test_charge_and_spin():
    up, down = occupations(2), occupations(3)
    charge, spin = charge_and_spin(ops.convert_to_tensor(np.stack([up, down], axis=1)))
    np.testing.assert_array_equal(ops.convert_to_numpy(charge), up.astype(float) + down - 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(spin), up.astype(float) - down)
