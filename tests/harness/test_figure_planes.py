"""The planes of figures: what lies in them, and what is seen."""

import numpy as np
import pytest

from harness.figures.plane import coordinate_plane, cut, into_cell, projection, window
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

HYDRIDE = Molecule(atoms="Li 0 0 0; H 0 0 3")
WATER = Molecule(atoms="O 0 0 0; H 1.43 1.11 0.2; H -1.43 1.11 0.1")
METHANE = Molecule(atoms="C 0 0 0; H 1 1 1; H -1 -1 1; H -1 1 -1; H 1 -1 -1")
BERYLLIUM = Molecule(atoms="Be 0.1 0.2 0.3")
TRAP = QuantumDot(dim=3, n_up=4, n_down=4)
GAS = ElectronGas(dim=3, n_up=7, n_down=7)
SYSTEMS = [HYDRIDE, WATER, METHANE, BERYLLIUM, TRAP, GAS, QuantumDot(n_up=3, n_down=3), ElectronGas(2, 1.0, 5, 5)]


def electrons(system, seed=0):
    return system.initial_positions(np.random.default_rng(seed), 1)[0]


def planes(system):
    positions = electrons(system)
    return [cut(system, positions, system.n_electrons - 1), projection(system, positions)]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family} {s.n_electrons}")
def test_a_plane_has_orthonormal_axes_and_keeps_its_points(system):
    for plane in planes(system):
        np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-12)
        inside = np.random.default_rng(1).normal(size=(5, 2))
        np.testing.assert_allclose(plane.project(plane.lift(inside)), inside, atol=1e-12)
        np.testing.assert_allclose(plane.off(plane.lift(inside)), 0, atol=1e-12)


@pytest.mark.parametrize("system", [HYDRIDE, WATER, BERYLLIUM], ids=lambda s: s.atoms)
def test_the_nuclei_lie_in_the_plane(system):
    for plane in planes(system):
        np.testing.assert_allclose(plane.off(system.nuclei), 0, atol=1e-12)


@pytest.mark.parametrize("electron", [0, 3])
def test_an_electron_moves_in_a_plane_through_itself_and_the_nuclei_of_a_linear_molecule(electron):
    positions = electrons(HYDRIDE)
    plane = cut(HYDRIDE, positions, electron)
    assert plane.off(positions[electron]) < 1e-12 < plane.off(positions[1])
    assert plane.words == f"plane through the nuclei and electron {electron}"
    assert plane.labels == ("z", "v")


@pytest.mark.parametrize(("system", "centre"), [(BERYLLIUM, "the nucleus"), (TRAP, "the middle of the trap")])
def test_about_one_centre_the_plane_holds_the_nearest_electron_of_equal_spin(system, centre):
    positions = electrons(system)
    up = slice(1, system.n_up)
    nearest = 1 + int(np.argmin(np.linalg.norm(positions[up] - positions[0], axis=-1)))
    plane = cut(system, positions, 0)
    np.testing.assert_allclose(plane.off(np.concatenate([positions[[0, nearest]], system.centres])), 0, atol=1e-12)
    assert plane.words == f"plane through {centre} and electrons 0 and {nearest}"


def test_of_a_molecule_that_is_not_flat_some_nuclei_are_in_the_plane():
    plane = cut(METHANE, electrons(METHANE), 0)
    assert np.sum(plane.off(METHANE.nuclei) < 1e-9) == 3
    assert plane.words == "plane through 3 of 5 nuclei"


def test_electrons_are_projected_on_the_plane_in_which_they_spread_most():
    positions = electrons(TRAP)
    plane = projection(TRAP, positions)
    squares = np.linalg.eigvalsh(np.cov(positions.T, bias=True))  # ascending
    np.testing.assert_allclose(plane.project(positions).var(axis=0).sum(), squares[1:].sum(), rtol=1e-12)


def test_a_cut_through_the_gas_is_spanned_by_edges_of_the_cell_and_holds_the_electron():
    positions = electrons(GAS)
    plane = cut(GAS, positions, 3, "xz")
    assert plane.labels == ("x", "z")
    assert plane.off(positions[3], GAS.cell) < 1e-12
    np.testing.assert_allclose(plane.project(positions[3]), positions[3, [0, 2]])
    assert plane.words == f"xz plane at y = {positions[3, 1]:.2f}"


def test_the_distance_from_a_plane_is_that_of_the_nearest_image():
    plane = coordinate_plane(GAS, "xy", np.array([0.0, 0.0, 0.1]))
    below = np.array([1.0, 2.0, GAS.cell - 0.1])
    np.testing.assert_allclose(plane.off(below), GAS.cell - 0.2)
    np.testing.assert_allclose(plane.off(below, GAS.cell), 0.2)


@pytest.mark.parametrize("name", ["xy", "xz", "yz"])
def test_coordinate_planes_go_through_the_middle_of_the_nuclei(name):
    plane = cut(HYDRIDE, electrons(HYDRIDE), 0, name)
    assert plane.labels == tuple(name)
    assert plane.off(np.array([0.0, 0.0, 1.5])) < 1e-12


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family} {s.n_electrons}")
def test_everything_is_in_the_window(system):
    positions = into_cell(system, electrons(system))
    plane = cut(system, positions, 0)
    limits = np.array(window(system, plane, positions, 0.5))
    seen = plane.project(np.concatenate([positions, system.centres]))
    np.testing.assert_allclose(np.ptp(limits, axis=1)[0], np.ptp(limits, axis=1)[1])
    margin = 0.0 if system.cell else 0.5 - 1e-9
    assert np.all(seen >= limits[:, 0] + margin) and np.all(seen <= limits[:, 1] - margin)
    if system.cell:
        np.testing.assert_array_equal(limits, [[0, system.cell]] * 2)
