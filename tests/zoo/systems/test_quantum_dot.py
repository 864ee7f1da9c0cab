import math

import numpy as np
import pytest

from zoo import references
from zoo.errors import ZooError
from zoo.systems.quantum_dot import QuantumDot
from zoo.systems.two_electrons import two_electron_energy
from zoo.systems.wigner import resting_positions


@pytest.mark.parametrize(("dim", "shells"), [(2, [1, 2, 3, 4]), (3, [1, 3, 6, 10])])
def test_levels_fill_shell_by_shell(dim, shells):
    levels = QuantumDot(dim=dim, n_up=sum(shells), n_down=1).levels()
    assert len(set(levels)) == len(levels) == sum(shells)
    assert all(len(level) == dim and min(level) >= 0 for level in levels)
    assert [sum(level) for level in levels] == [quanta for quanta, count in enumerate(shells) for _ in range(count)]


def test_levels_are_as_many_as_the_larger_spin_needs():
    assert len(QuantumDot(n_up=2, n_down=4).levels()) == 4
    assert QuantumDot(n_up=1, n_down=1).levels() == [(0, 0)]


@pytest.mark.parametrize(
    ("dim", "n_up", "n_down", "quanta"),
    [
        (2, 1, 1, 2),
        (2, 3, 3, 10),
        (2, 6, 6, 28),
        (2, 10, 10, 60),
        (2, 2, 1, 4),
        (3, 1, 1, 3),
        (3, 4, 4, 18),
        (3, 4, 0, 9),
    ],
)
def test_noninteracting_energy(dim, n_up, n_down, quanta):
    """Levels of energy omega (n + D/2): closed shells of 2, 6, 12, 20 electrons in two dimensions."""
    for omega in (1.0, 0.28):
        dot = QuantumDot(dim=dim, omega=omega, n_up=n_up, n_down=n_down, coulomb=False)
        assert dot.noninteracting_energy() == pytest.approx(quanta * omega, rel=1e-14)


@pytest.mark.parametrize(
    ("dot", "key"),
    [
        (QuantumDot(), "dot2d/1-1/w1"),
        (QuantumDot(omega=0.28, n_up=3, n_down=3), "dot2d/3-3/w0.28"),
        (QuantumDot(dim=3, omega=0.5), "dot3d/1-1/w0.5"),
        (QuantumDot(n_up=1, n_down=2), "dot2d/2-1/w1"),
        (QuantumDot(coulomb=False), None),
    ],
)
def test_reference_key(dot, key):
    assert dot.reference_key == key


def test_exact_energies_of_two_electrons():
    """2D: E = 3 at omega = 1 (Taut 1993); Hooke's atom: E = 2 at omega = 1/2."""
    assert QuantumDot().references().exact.energy == pytest.approx(3, abs=1e-10)
    assert QuantumDot(dim=3, omega=0.5).references().exact.energy == pytest.approx(2, abs=1e-10)


def test_cusps():
    two, three = QuantumDot(dim=2), QuantumDot(dim=3)
    assert [dot.electron_cusp(same_spin=False) for dot in (two, three)] == [1, 1 / 2]
    assert [dot.electron_cusp(same_spin=True) for dot in (two, three)] == [1 / 3, 1 / 4]
    assert QuantumDot(coulomb=False).electron_cusp(same_spin=True) == 0


def test_length_scale_is_the_oscillator_length_without_repulsion():
    assert QuantumDot(omega=0.25, coulomb=False).length_scale == 2
    assert QuantumDot(omega=0.001).length_scale == pytest.approx(100)


def test_equal_parameters_have_one_hash_and_different_ones_do_not():
    assert QuantumDot().sha256 == QuantumDot(dim=2, omega=1.0).sha256
    assert QuantumDot().sha256 != QuantumDot(omega=0.5).sha256


def test_initial_positions_have_the_shape_of_configurations():
    dot = QuantumDot(dim=3, n_up=2, n_down=1)
    positions = dot.initial_positions(np.random.default_rng(0), 7)
    assert positions.shape == (7, 3, 3)
    np.testing.assert_array_equal(positions, dot.initial_positions(np.random.default_rng(0), 7))


@pytest.mark.parametrize(("dim", "n_up", "n_down"), [(2, 1, 1), (2, 3, 3), (2, 6, 0), (2, 10, 10), (3, 4, 3)])
def test_electrons_of_a_weak_trap_start_about_the_sites_of_a_crystal(dim, n_up, n_down):
    """Their potential energy is near the least possible: the crystal's, and zero-point motion on top."""
    dot = QuantumDot(dim=dim, omega=1e-4, n_up=n_up, n_down=n_down)
    positions = dot.initial_positions(np.random.default_rng(0), 200)
    trap = 0.5 * dot.omega**2 * np.sum(positions**2, axis=(1, 2))
    first, second = np.triu_indices(dot.n_electrons, 1)
    repulsion = np.sum(1 / np.linalg.norm(positions[:, first] - positions[:, second], axis=-1), axis=1)
    rest = resting_positions(dim, dot.n_electrons) * dot.omega ** (-2 / 3)
    crystal = 0.5 * dot.omega**2 * np.sum(rest**2) * 3  # by the virial theorem
    excess = np.median(trap + repulsion) - crystal
    assert 0 < excess < 0.15 * crystal


def test_spins_share_out_the_sites_and_the_crystal_turns_at_random():
    dot = QuantumDot(omega=1e-6, n_up=3, n_down=3)
    positions = dot.initial_positions(np.random.default_rng(0), 3000)
    inner = np.linalg.norm(positions, axis=-1).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(inner, minlength=6) / 3000, 1 / 6, atol=0.03)
    spread = np.mean(positions**2, axis=0)
    np.testing.assert_allclose(spread, spread.mean(), rtol=0.1)


def test_without_repulsion_electrons_start_as_a_gaussian_cloud_of_the_right_energy():
    dot = QuantumDot(omega=0.3, n_up=3, n_down=1, coulomb=False)
    positions = dot.initial_positions(np.random.default_rng(0), 20000)
    trap = 0.5 * dot.omega**2 * np.sum(positions**2, axis=(1, 2)).mean()
    assert trap == pytest.approx(0.5 * dot.noninteracting_energy(), rel=0.02)


def test_correlation_scales_with_the_oscillator_and_energies_with_the_frequency():
    weak, strong = QuantumDot(omega=0.01), QuantumDot(omega=1.0)
    assert weak.correlation_length == pytest.approx(10 * strong.correlation_length)
    assert (weak.energy_scale, strong.energy_scale) == (0.01, 1.0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 1}, "system.dim=1: expected 2 or 3"),
        ({"omega": 0.0}, "system.omega=0.0: expected a positive trap frequency"),
        ({"omega": -1.0}, "system.omega=-1.0"),
        ({"omega": math.nan}, "system.omega=nan"),
        ({"omega": math.inf}, "system.omega=inf"),
        ({"n_up": -1}, "system.n_up=-1: expected a number of electrons, 0 to 1000"),
        ({"n_down": -2}, "system.n_down=-2"),
        ({"n_up": 10**20}, "system.n_up=100000000000000000000: expected"),
        ({"omega": 1e-300}, "system.omega=1e-300: expected 1e-06 to 1e\\+06"),
        ({"omega": 1e300}, "system.omega=1e\\+300: expected 1e-06"),
        ({"n_up": 0, "n_down": 0}, "expected at least one electron"),
    ],
)
def test_an_impossible_parameter_is_refused_in_one_line(parameters, message):
    with pytest.raises(ZooError, match=message) as error:
        QuantumDot(**parameters)
    assert "\n" not in str(error.value)


EXACT_PAIRS = [r for r in references.load() if r.key.startswith("dot") and r.exact]


@pytest.mark.parametrize("record", EXACT_PAIRS, ids=lambda record: record.key)
def test_two_electron_energies_equal_every_exact_record(record):
    dim, omega = record.parameters["dimension"], record.parameters["omega"]
    energy = two_electron_energy(dim, omega, triplet=record.n_down == 0)
    assert energy == pytest.approx(record.energy, rel=1e-10)


@pytest.mark.parametrize(("omega", "n_up", "n_down"), [(0.73, 1, 1), (2.0, 2, 0), (2.0, 0, 2)])
def test_an_exact_energy_is_known_at_frequencies_that_no_record_has(omega, n_up, n_down):
    known = QuantumDot(omega=omega, n_up=n_up, n_down=n_down).references()
    assert known.exact.status == "computed"
    assert 2 * omega < known.exact.energy < 2 * omega + 2 * omega**0.5 + omega


def test_without_repulsion_the_exact_energy_is_the_sum_of_levels():
    dot = QuantumDot(n_up=3, n_down=2, coulomb=False)
    assert dot.references().exact.energy == dot.noninteracting_energy() == 8.0
