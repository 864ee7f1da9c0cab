"""What every wavefunction of a lattice promises beyond the conformance kit: checked on all states of small systems."""

import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.local_energy import local_energy_function
from zoo import create_model
from zoo.errors import ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard

SYSTEMS = {
    "half filled": Hubbard(extent=(4,), boundary="A", n_up=2, n_down=2, u=8.0),
    "doped": Hubbard(extent=(6,), boundary="P", n_up=3, n_down=1),
    "odd": Hubbard(extent=(5,), boundary="A", n_up=2, n_down=3),
    "polarised": Hubbard(extent=(6,), boundary="P", n_up=3, n_down=0),
    "rectangle": Hubbard("rectangle", (4, 2), "PP", n_up=3, n_down=2),
}
MODELS = {
    "neural": ("neural_backflow", {"hidden": 8}),
    "network alone": ("neural_backflow", {"hidden": 8, "backflow": "none"}),
    "generalised neural": ("neural_backflow", {"hidden": 8, "orbitals": "generalised"}),
    "generalised": ("slater_jastrow", {"orbitals": "generalised"}),
    "general backflow": ("slater_jastrow_backflow", {}),
    "doublon-holon": ("slater_jastrow_backflow", {"backflow": "doublon_holon"}),
    "generalised backflow": ("slater_jastrow_backflow", {"orbitals": "generalised"}),
    "transformer": ("transformer_backflow", {"width": 8, "determinants": 2}),
    "full transformer": ("transformer_backflow", {"width": 8, "determinants": 1, "orbitals": "generalised"}),
    "hidden fermions": ("hidden_fermion", {"hidden_fermions": 2, "hidden": 8}),
    "opposite pairs": ("pfaffian", {}),
    "all pairs": ("pfaffian", {"pairing": "all"}),
}

IN_CI = ("half filled", "rectangle")
every_system = pytest.mark.parametrize(
    "system",
    [pytest.param(system, marks=() if name in IN_CI else pytest.mark.slow) for name, system in SYSTEMS.items()],
    ids=SYSTEMS,
)
every_model = pytest.mark.parametrize(("name", "settings"), MODELS.values(), ids=MODELS)


def randomise(model, scale: float = 0.1) -> None:
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        weight.assign(ops.convert_to_numpy(weight.value) + scale * random.normal(size=weight.shape))


def amplitudes(model, occupations) -> np.ndarray:
    sign, log_abs = (ops.convert_to_numpy(part) for part in model(occupations))
    return sign * np.exp(log_abs)


def expectation(hamiltonian, psi) -> float:
    return psi @ (hamiltonian @ psi) / (psi @ psi)


@every_model
@every_system
def test_it_starts_as_the_slater_jastrow_function(system, name, settings):
    """On every state, up to one constant factor."""
    occupations = exact.basis(system)
    below = amplitudes(create_model("slater_jastrow", system), occupations)
    found = amplitudes(create_model(name, system, **settings), occupations)
    largest = np.argmax(np.abs(below))
    np.testing.assert_allclose(found * below[largest] / found[largest], below, atol=1e-13)
    assert abs(found[largest] / below[largest]) == pytest.approx(1.0)


@every_model
@every_system
def test_energy_is_that_of_the_amplitudes_and_not_below_the_exact_one(system, name, settings):
    """The mean of local energies over all states is <H>, and the variational principle holds for any weights."""
    model = create_model(name, system, **settings)
    randomise(model)
    occupations, hamiltonian = exact.basis(system), exact.hamiltonian(system)
    psi = amplitudes(model, occupations)
    assert np.all(psi != 0)
    energies, _ = backend.jit(local_energy_function(system, model))(ops.convert_to_tensor(occupations))
    energy = np.average(ops.convert_to_numpy(energies), weights=psi**2)
    assert energy == pytest.approx(expectation(hamiltonian, psi), abs=1e-9)
    assert energy > exact.ground_state(system).energy + 1e-3


def first_order_change(model, weight, place) -> float:
    """Largest derivative of log|Psi| with respect to one entry of a weight, from a small step."""
    occupations, step = exact.basis(model.system), 1e-5
    before = amplitudes(model, occupations)
    values = np.array(ops.convert_to_numpy(weight.value))
    values[place] += step
    weight.assign(values)
    changed = amplitudes(model, occupations)
    kept = np.abs(before) > 1e-3 * np.max(np.abs(before))
    return np.max(np.abs(changed[kept] / before[kept] - 1.0)) / step


@pytest.mark.parametrize("name", ["half filled", "rectangle"])
def test_orbitals_of_both_spins_start_where_derivatives_can_mix_them(name):
    system = SYSTEMS[name]
    model = create_model("slater_jastrow", system, orbitals="generalised")
    up, down = model.orbitals.values
    assert np.all(ops.convert_to_numpy(down.value)[:, : system.n_up] == 0)
    assert first_order_change(model, down, (0, 0)) > 1e-2
    assert first_order_change(model, up, (0, 0)) > 1e-2


@pytest.mark.parametrize("name", ["half filled", "odd", "rectangle"])
def test_pairs_within_the_minority_start_where_derivatives_can_make_them(name):
    system = SYSTEMS[name]
    model = create_model("pfaffian", system, pairing="all")
    first = 0 if system.n_up <= system.n_down else system.n_sites
    assert first_order_change(model, model.pairing.pairs, model.pairing.places[first, first + 1]) > 1e-2


def test_antiperiodic_boundaries_are_the_same_everywhere():
    """Moving the sign along the ring is a gauge transformation: signs of amplitudes, and nothing else, change."""
    system = Hubbard(extent=(6,), boundary="A", n_up=2, n_down=4)  # closed shells
    model = create_model("slater_jastrow_backflow", system, orbitals="free")
    model.backflow.strengths.assign(0.2 * np.random.default_rng(0).normal(size=model.backflow.strengths.shape))
    occupations = exact.basis(system)
    found = np.abs(amplitudes(model, occupations))
    moved = np.abs(amplitudes(model, np.roll(occupations, 1, axis=2)))
    np.testing.assert_allclose(moved, found, atol=1e-12)


def test_a_pfaffian_of_all_pairs_holds_the_determinant_of_opposite_ones():
    system = SYSTEMS["half filled"]
    model, other = (create_model("pfaffian", system, pairing=pairing) for pairing in ("opposite", "all"))
    randomise(model, 0.3)
    pairs, n = np.zeros((8, 8)), system.n_sites
    pairs[:n, n:] = ops.convert_to_numpy(model.pairing.pairs.value)
    other.pairing.pairs.assign(pairs[np.triu_indices(8, 1)])
    for weight, value in zip(other.jastrow.trainable_variables, model.jastrow.trainable_variables, strict=True):
        weight.assign(value.value)
    occupations = exact.basis(system)
    found, expected = amplitudes(other, occupations), amplitudes(model, occupations)
    np.testing.assert_allclose(found / found[0], expected / expected[0], rtol=1e-10)


def test_hidden_fermions_are_a_backflow_of_low_rank():
    """det [[A, B], [C, D]] = det D det(A - B D^-1 C), with NumPy."""
    system = SYSTEMS["doped"]
    model = create_model("hidden_fermion", system, hidden_fermions=2, hidden=8)
    randomise(model, 0.3)
    occupations = exact.basis(system)[::7]
    up, down = (ops.convert_to_numpy(values.value) for values in model.orbitals.values)
    hidden = ops.convert_to_numpy(model.rows(model.network(ops.convert_to_tensor(occupations)))).reshape(-1, 2, 6)
    expected = []
    for n, rows in zip(occupations, hidden, strict=True):
        visible = np.concatenate([up[n[0] == 1], down[n[1] == 1]])
        a, b, c, d = visible[:, :4], visible[:, 4:], rows[:, :4], rows[:, 4:] + np.eye(2)
        expected.append(np.linalg.det(d) * np.linalg.det(a - b @ np.linalg.solve(d, c)))
    expected *= np.exp(ops.convert_to_numpy(model.jastrow(ops.convert_to_tensor(occupations))))
    np.testing.assert_allclose(amplitudes(model, occupations), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "slater_jastrow",
            {"orbitals": "fre"},
            "orbitals=fre: expected screened, unrestricted, free, generalised or auto",
        ),
        ("slater_jastrow_backflow", {"backflow": "none"}, "backflow=none: expected general or doublon_holon"),
        ("neural_backflow", {"backflow": "pairs"}, "backflow=pairs: expected general, doublon_holon or none"),
        ("transformer_backflow", {"backflow_range": 101}, "backflow_range=101: expected 1 to 100"),
        ("slater_jastrow_backflow", {"backflow_range": 0}, "backflow_range=0: expected 1 to 100"),
        (
            "transformer_backflow",
            {"orbitals": "generalized"},
            "expected screened, unrestricted, free, generalised or auto",
        ),
        ("transformer_backflow", {"heads": 3}, "heads=3: expected a divisor of model.width=32"),
        ("hidden_fermion", {"hidden_fermions": 0}, "hidden_fermions=0: expected 1 to 1024"),
        ("pfaffian", {"pairing": "singlet"}, "pairing=singlet: expected opposite or all"),
    ],
)
def test_settings_that_cannot_be_are_refused(name, settings, message):
    with pytest.raises(ZooError, match=message):
        create_model(name, SYSTEMS["doped"], **settings)
