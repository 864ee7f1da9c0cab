import dataclasses

import numpy as np
import pytest

from zoo import references
from zoo.errors import UnknownNameError
from zoo.systems import exact, mean_field
from zoo.systems.hubbard import Hubbard

RING_6 = Hubbard(u=4.0)
RING_10 = Hubbard(extent=(10,), u=4.0, n_up=5, n_down=5)
TORUS_HALF = Hubbard("rectangle", (4, 4), "PP", u=4.0, n_up=8, n_down=8)


def recorded(system, method):
    return next(r.energy for r in references.find(system.reference_key).records if r.method == method)


@pytest.mark.parametrize(
    "system",
    [
        RING_6,
        RING_10,
        Hubbard(extent=(8,), boundary="A", u=8.0, n_up=4, n_down=3),
        Hubbard(extent=(10,), boundary="O", u=2.0, n_up=5, n_down=5),
        Hubbard(extent=(10,), boundary="A", u=8.0, n_up=3, n_down=3),
        Hubbard(extent=(16,), u=8.0, n_up=7, n_down=7),
        TORUS_HALF,
        Hubbard("rectangle", (4, 4), "PP", u=8.0, n_up=4, n_down=4),
        Hubbard("rectangle", (4, 4), "PP", u=4.0, n_up=5, n_down=5),
        Hubbard("rectangle", (4, 2), "PP", u=4.0, n_up=4, n_down=4),
        Hubbard("rectangle", (6, 6), "PA", u=4.0, n_up=18, n_down=18),
    ],
    ids=lambda system: system.reference_key,
)
def test_hartree_fock_is_at_least_as_low_as_the_reference(system):
    energy = mean_field.mean_field_energy(system)
    assert energy <= recorded(system, "UHF") + 1e-6
    assert energy > references.find(system.reference_key).best.energy


@pytest.mark.parametrize(
    ("system", "energy"),
    [(RING_6, -2.8363219982), (RING_10, -4.69196530), (TORUS_HALF, -12.566554520589364)],
    ids=["ring of 6", "ring of 10", "4x4 half filled"],
)
def test_hartree_fock_energy(system, energy):
    assert mean_field.mean_field_energy(system) == pytest.approx(energy, abs=1e-6)


def energy_of(system, up, down):
    """The expectation value of H by the sum over all configurations."""
    states = exact.basis(system)
    amplitudes = np.array([np.linalg.det(up[n[0] == 1]) * np.linalg.det(down[n[1] == 1]) for n in states])
    return amplitudes @ (exact.hamiltonian(system) @ amplitudes)


@pytest.mark.parametrize("kind", mean_field.KINDS)
@pytest.mark.parametrize("system", [RING_6, Hubbard("rectangle", (3, 2), "AO", t_prime=0.2, n_up=3, n_down=2)])
def test_the_energy_is_the_expectation_value_in_the_determinants(system, kind):
    solution = mean_field.solve(system, kind)
    assert solution.energy == pytest.approx(energy_of(system, solution.up, solution.down), abs=1e-10)


@pytest.mark.parametrize("system", [RING_10, Hubbard(extent=(9,), u=6.0, t_prime=0.3, n_up=4, n_down=3)])
def test_the_orbitals_are_self_consistent(system):
    """The density matrix of each spin commutes with its Hamiltonian in the field of the other."""
    solution = mean_field.solve(system)
    for own, other in ((solution.up, solution.down), (solution.down, solution.up)):
        field = system.hopping_matrix() + system.u * np.diag(np.sum(other**2, axis=1))
        density_matrix = own @ own.T
        np.testing.assert_allclose(field @ density_matrix, density_matrix @ field, atol=1e-5)


def test_the_half_filled_torus_is_an_antiferromagnet_and_a_closed_shell_is_not():
    solution = mean_field.solve(TORUS_HALF)
    moments = np.sum(solution.up**2, axis=1) - np.sum(solution.down**2, axis=1)
    assert np.all(np.abs(moments) > 0.5)
    assert abs(np.sum(moments * TORUS_HALF.sublattice)) == pytest.approx(np.sum(np.abs(moments)))
    closed = mean_field.solve(Hubbard("rectangle", (4, 4), "PP", u=1.0, n_up=5, n_down=5))
    np.testing.assert_allclose(np.sum(closed.up**2, axis=1), 5 / 16, atol=1e-6)


def test_free_orbitals_of_a_closed_shell_have_the_plane_wave_energy():
    system = Hubbard("rectangle", (4, 4), "PP", u=4.0, n_up=5, n_down=5)
    assert mean_field.mean_field_energy(system, "free") == pytest.approx(
        recorded(system, "RHF (plane-wave determinant)"), abs=1e-9
    )


@pytest.mark.parametrize("system", [TORUS_HALF, Hubbard(extent=(8,), n_up=4, n_down=4), Hubbard(n_up=2, n_down=2)])
def test_free_orbitals_of_an_open_shell_fill_the_lowest_levels_and_keep_the_spins_apart(system):
    up, down = system.orbitals("free")
    hopping = system.hopping_matrix()
    kinetic = np.trace(up.T @ hopping @ up) + np.trace(down.T @ hopping @ down)
    assert kinetic == pytest.approx(system.noninteracting_energy(), abs=1e-12)
    double_occupancy = np.sum(up**2, axis=1) @ np.sum(down**2, axis=1)
    assert double_occupancy < system.n_up * system.n_down / system.n_sites - 1e-3


def test_free_orbitals_do_not_depend_on_how_the_library_mixes_degenerate_levels(monkeypatch):
    """The same determinants when every degenerate eigenvector comes rotated and with another sign."""
    plain = mean_field._free.__wrapped__(TORUS_HALF)
    eigh, random = np.linalg.eigh, np.random.default_rng(3)

    def rotated(matrix):
        values, vectors = eigh(matrix)
        vectors = vectors * random.choice([-1, 1], len(values))
        for value in np.unique(values.round(9)):
            level = np.flatnonzero(np.abs(values - value) < 1e-8)
            if len(level) > 1:
                vectors[:, level] = vectors[:, level] @ np.linalg.qr(random.standard_normal((len(level),) * 2))[0]
        return values, vectors

    monkeypatch.setattr(np.linalg, "eigh", rotated)
    again = mean_field._free.__wrapped__(TORUS_HALF)
    np.testing.assert_allclose(again.up, plain.up, atol=1e-8)
    np.testing.assert_allclose(again.down, plain.down, atol=1e-8)


def test_hartree_fock_without_repulsion_is_the_free_ground_state():
    system = Hubbard(u=0.0)
    assert mean_field.mean_field_energy(system) == pytest.approx(system.noninteracting_energy(), abs=1e-10)


def test_an_attractive_system_is_bound_from_below_by_the_exact_energy():
    system = Hubbard(u=-4.0, n_up=2, n_down=2)
    energy = mean_field.mean_field_energy(system)
    assert exact.ground_state(system).energy < energy <= mean_field.mean_field_energy(system, "free")


def test_one_spin_alone():
    system = Hubbard(n_up=2, n_down=0)
    solution = mean_field.solve(system)
    assert solution.down.shape == (6, 0)
    assert solution.energy == pytest.approx(-2 - 1, abs=1e-12)


def test_solutions_are_kept_and_cannot_be_changed():
    solution = mean_field.solve(Hubbard(u=4))
    assert mean_field.solve(Hubbard(u=4.0)) is solution
    with pytest.raises(ValueError, match="read-only"):
        solution.up[0, 0] = 1.0


def test_an_unknown_kind_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'unrestricted'"):
        mean_field.solve(RING_6, "restricted")


def test_screened_orbitals_are_those_of_a_weaker_repulsion():
    system = Hubbard(extent=(8,), u=12.0, n_up=3, n_down=3)
    weaker = mean_field.solve(dataclasses.replace(system, u=2.0), "unrestricted")
    screened = mean_field.solve(system, "screened")
    np.testing.assert_array_equal(screened.up, weaker.up)
    np.testing.assert_array_equal(screened.down, weaker.down)
    # the energy is that of the determinant in the Hamiltonian of the system itself, so above its own mean field
    double = np.sum(np.diag(screened.up @ screened.up.T) * np.diag(screened.down @ screened.down.T))
    assert screened.energy == pytest.approx(weaker.energy + 10.0 * double, abs=1e-10)
    assert screened.energy >= mean_field.mean_field_energy(system) - 1e-9


def test_weak_repulsion_is_not_screened():
    system = Hubbard(extent=(6,), u=2.0)
    assert mean_field.solve(system, "screened") is mean_field.solve(system, "unrestricted")
