"""Classical charges at rest in a harmonic trap."""

import numpy as np
import pytest

from zoo.systems.wigner import resting_positions


def energy(positions: np.ndarray) -> tuple[float, float]:
    """Of the trap and of the repulsion."""
    first, second = np.triu_indices(len(positions), 1)
    distances = np.linalg.norm(positions[first] - positions[second], axis=-1)
    return 0.5 * np.sum(positions**2), np.sum(1 / distances)


@pytest.mark.parametrize("dim", [2, 3])
def test_few_charges_rest_where_they_must(dim):
    """One in the middle, two at the distance 2^(1/3), three in a triangle of side 3^(1/3)."""
    np.testing.assert_allclose(resting_positions(dim, 1), np.zeros((1, dim)), atol=1e-12)
    for count, side in ((2, 2 ** (1 / 3)), (3, 3 ** (1 / 3))):
        positions = resting_positions(dim, count)
        first, second = np.triu_indices(count, 1)
        np.testing.assert_allclose(np.linalg.norm(positions[first] - positions[second], axis=-1), side, rtol=1e-6)


def test_six_in_a_plane_leave_one_in_the_middle_of_a_pentagon():
    radii = np.sort(np.linalg.norm(resting_positions(2, 6), axis=-1))
    assert radii[0] < 1e-5 and np.ptp(radii[1:]) < 1e-5


@pytest.mark.parametrize(("dim", "count"), [(2, 6), (2, 13), (2, 40), (3, 8), (3, 25)])
def test_forces_vanish_at_rest(dim, count):
    positions = resting_positions(dim, count)
    assert positions.shape == (count, dim)
    np.testing.assert_allclose(positions.sum(axis=0), 0, atol=1e-4)
    trap, repulsion = energy(positions)
    assert 2 * trap == pytest.approx(repulsion, rel=1e-5)  # virial theorem
    differences = positions[:, None] - positions
    distances = np.linalg.norm(differences, axis=-1) + np.eye(count)
    force = (differences / distances[..., None] ** 3).sum(axis=1) - positions
    assert np.abs(force).max() < 1e-3


def test_no_small_push_lowers_the_energy():
    positions, random = resting_positions(2, 12), np.random.default_rng(0)
    lowest = sum(energy(positions))
    for _ in range(50):
        assert sum(energy(positions + 0.03 * random.normal(size=positions.shape))) > lowest
