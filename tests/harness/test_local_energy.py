"""Local energies of states whose energies are known: eigenstates have one energy everywhere."""

import types

import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.local_energy import hops, local_energy_function
from harness.vmc import VMC
from zoo import create_model
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot


def energies_of(system, log_psi, configurations) -> np.ndarray:
    energies, _ = backend.jit(local_energy_function(system, log_psi))(ops.convert_to_tensor(configurations))
    return ops.convert_to_numpy(energies)


# Zero variance: at first every model is an eigenstate of the Hamiltonian without interaction -------------------------

FREE_LATTICES = [
    Hubbard(extent=(6,), boundary="P", u=0.0, n_up=3, n_down=3),
    Hubbard(extent=(6,), boundary="A", u=0.0, n_up=2, n_down=3),
    Hubbard(extent=(5,), boundary="O", u=0.0, n_up=4, n_down=1),
    Hubbard("rectangle", (3, 2), "PO", u=0.0, n_up=2, n_down=2),
    Hubbard("rectangle", (3, 3), "AP", u=0.0, t_prime=-0.3, n_up=3, n_down=2),
]
FREE_DOTS = [
    QuantumDot(dim=2, omega=1.0, n_up=3, n_down=3, coulomb=False),
    QuantumDot(dim=2, omega=0.5, n_up=4, n_down=2, coulomb=False),
    QuantumDot(dim=3, omega=1.0, n_up=4, n_down=4, coulomb=False),
    QuantumDot(dim=3, omega=2.0, n_up=2, n_down=0, coulomb=False),
]


@pytest.mark.parametrize("system", FREE_LATTICES, ids=str)
def test_free_electrons_on_a_lattice_have_zero_variance(system):
    """Summed over all configurations, so without statistics: <E_L> and Var(E_L) over |Psi|^2."""
    model = create_model("slater_jastrow", system, orbitals="free")
    states = exact.basis(system)
    log_abs = ops.convert_to_numpy(model(states)[1])
    states, log_abs = states[log_abs > -25], log_abs[log_abs > -25]  # the others are zero up to rounding
    weights = np.exp(2 * log_abs) / np.exp(2 * log_abs).sum()
    energies = energies_of(system, model, states)
    mean = weights @ energies
    assert mean == pytest.approx(system.noninteracting_energy(), abs=1e-9)
    assert weights @ (energies - mean) ** 2 < 1e-12


@pytest.mark.parametrize(
    ("name", "system"),
    [(f"slater_jastrow{'_backflow' * (i == 1)}", system) for i, system in enumerate(FREE_DOTS)],
    ids=str,
)
def test_free_electrons_in_a_trap_have_zero_variance(name, system):
    model = create_model(name, system)
    energies = energies_of(system, model, model.sample_configurations(256, seed=1))
    assert np.mean(energies) == pytest.approx(system.noninteracting_energy(), abs=1e-9)
    assert np.var(energies) < 1e-12


@pytest.mark.parametrize(
    "system", [Hubbard("rectangle", (4, 4), "PP", u=0.0, n_up=5, n_down=5), FREE_DOTS[0]], ids=lambda s: s.family
)
def test_evaluation_finds_the_energy_of_free_electrons(system):
    vmc = VMC(create_model("slater_jastrow", system)).compile(walkers=64)
    result = vmc.evaluate(draws=8, equilibration=2)
    assert result.energy.mean == pytest.approx(system.noninteracting_energy(), abs=1e-9)
    assert result.energy.variance < 1e-12
    assert result.blocks.shape == (8, 64)


# Lattices against exact diagonalisation ------------------------------------------------------------------------------

INTERACTING = [
    Hubbard(extent=(6,), boundary="P", u=4.0, n_up=3, n_down=3),
    Hubbard(extent=(4,), boundary="A", u=8.0, n_up=2, n_down=2),
    Hubbard(extent=(6,), boundary="A", u=4.0, n_up=2, n_down=3),
    Hubbard(extent=(7,), boundary="P", u=2.0, t_prime=0.4, n_up=2, n_down=2),
    Hubbard("rectangle", (3, 2), "PP", u=4.0, n_up=3, n_down=2),
    Hubbard("rectangle", (3, 3), "OA", u=6.0, t_prime=-0.25, n_up=2, n_down=3),
]


@pytest.mark.parametrize("system", INTERACTING, ids=str)
def test_local_energy_of_the_exact_ground_state_is_its_energy(lookup, system):
    state = exact.ground_state(system)
    states = state.occupations[np.abs(state.vector) > 1e-6 * np.abs(state.vector).max()]
    assert len(states) > 0.3 * len(state.vector)
    energies = energies_of(system, lookup(system, state.vector), states)
    np.testing.assert_allclose(energies, state.energy, rtol=1e-7)
    weights = state.amplitudes(states) ** 2
    assert weights @ (energies - state.energy) ** 2 < 1e-18
    assert weights @ energies / weights.sum() == pytest.approx(state.energy, abs=1e-11)


@pytest.mark.parametrize("system", INTERACTING, ids=str)
def test_local_energy_of_any_state_is_that_of_the_hamiltonian_matrix(lookup, system):
    vector = np.random.default_rng(0).normal(size=exact.dimension(system))
    energies = energies_of(system, lookup(system, vector), exact.basis(system))
    np.testing.assert_allclose(energies, exact.hamiltonian(system) @ vector / vector, rtol=1e-9)


def test_an_amplitude_of_zero_beside_others_counts_nothing(lookup):
    system = INTERACTING[1]
    vector = np.random.default_rng(0).normal(size=exact.dimension(system))
    vector[::5] = 0.0
    states = exact.basis(system)[vector != 0]
    expected = (exact.hamiltonian(system) @ vector)[vector != 0] / vector[vector != 0]
    np.testing.assert_allclose(energies_of(system, lookup(system, vector), states), expected, rtol=1e-9)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_of_hops_give_what_one_chunk_gives(lookup, chunk, monkeypatch):
    system = INTERACTING[4]
    log_psi = lookup(system, np.random.default_rng(0).normal(size=exact.dimension(system)))
    states = exact.basis(system)[:40]
    at_once = energies_of(system, log_psi, states)
    monkeypatch.setattr(hops, "CHUNK", chunk)
    np.testing.assert_allclose(energies_of(system, log_psi, states), at_once, rtol=1e-13)


def test_an_accelerator_has_larger_chunks_within_bounds(monkeypatch):
    assert hops.at_once(4) == hops.CHUNK
    monkeypatch.setattr(backend, "on_accelerator", lambda: True)
    assert [hops.at_once(n) for n in (16, 36, 64, 1000)] == [65536, 2**24 // 36**2, hops.CHUNK, hops.CHUNK]


def test_where_every_hop_is_blocked_only_the_repulsion_is_left(lookup):
    system = Hubbard(extent=(4,), boundary="O", u=3.0, n_up=4, n_down=4)
    np.testing.assert_array_equal(energies_of(system, lookup(system, np.ones(1)), exact.basis(system)), [12.0])


def test_a_site_without_bonds(lookup):
    system = Hubbard(extent=(1,), boundary="O", u=3.0, n_up=1, n_down=1)
    np.testing.assert_array_equal(energies_of(system, lookup(system, np.ones(1)), exact.basis(system)), [3.0])


def test_double_occupancy_is_that_of_exact_diagonalisation(lookup):
    system = INTERACTING[0]
    state = exact.ground_state(system)
    local_energy = backend.jit(local_energy_function(system, lookup(system, state.vector)))
    _, observables = local_energy(ops.convert_to_tensor(state.occupations))
    per_site = ops.convert_to_numpy(observables["double_occupancy"])
    assert state.vector**2 @ per_site == pytest.approx(state.double_occupancy / system.n_sites, abs=1e-12)


# Continuum: states in closed form ------------------------------------------------------------------------------------


def length(vectors):
    return ops.sqrt(ops.sum(ops.square(vectors), axis=-1))


def one(log_abs):
    return ops.ones_like(log_abs), log_abs


@pytest.mark.parametrize("charge", [1.0, 3.0])
@pytest.mark.parametrize(("dim", "exponent", "energy"), [(3, 1.0, -0.5), (2, 2.0, -2.0)])
def test_hydrogen_like_atom(charge, dim, exponent, energy):
    """Psi = exp(-Z r) has E = -Z^2 / 2 in 3D; exp(-2 Z r) has -2 Z^2 in 2D."""
    system = types.SimpleNamespace(space="continuum", potential=lambda x: -charge / length(x)[:, 0])
    positions = np.random.default_rng(0).normal(size=(50, 1, dim))
    energies = energies_of(system, lambda x: one(-exponent * charge * length(x)[:, 0]), positions)
    np.testing.assert_allclose(energies, energy * charge**2, rtol=1e-9)


def distance(positions):
    return length(positions[:, 0] - positions[:, 1])


def squares(positions):
    return ops.sum(ops.square(positions), axis=(1, 2))


CLOSED_FORMS = {
    "helium ion": (Molecule(atoms="He", charge=1, spin=1), lambda x: -2.0 * length(x)[:, 0], -2.0),
    "dot of two electrons": (  # M. Taut, J. Phys. A 27, 1045 (1994)
        QuantumDot(dim=2, omega=1.0),
        lambda x: ops.log(1.0 + distance(x)) - 0.5 * squares(x),
        3.0,
    ),
    "Hooke's atom": (  # N. R. Kestner, O. Sinanoglu, Phys. Rev. 128, 2687 (1962)
        QuantumDot(dim=3, omega=0.5),
        lambda x: ops.log(1.0 + 0.5 * distance(x)) - 0.25 * squares(x),
        2.0,
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_states_in_closed_form_have_one_energy_everywhere(name):
    system, log_abs, energy = CLOSED_FORMS[name]
    positions = np.random.default_rng(0).normal(size=(50, system.n_electrons, system.dim))
    np.testing.assert_allclose(energies_of(system, lambda x: one(log_abs(x)), positions), energy, rtol=1e-9)
