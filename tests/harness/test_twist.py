"""Complex wavefunctions on twisted lattices: values, derivatives, natural gradients, Monte Carlo, against full sums."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from harness import backend, stateless
from harness.local_energy.hops import hop_ratios
from harness.local_energy.lattice import IMAGINARY, local_energy_function
from harness.observables import choose
from harness.observables.measurement import estimators
from harness.optimizers import create_optimizer
from harness.optimizers.assembly import log_abs_jacobian
from harness.optimizers.blocks import ExplicitBlock
from harness.optimizers.jacobian import Jacobian, Rows
from harness.optimizers.taps import tap
from harness.settings import MinSRSettings, SpringSettings
from harness.vmc import VMC
from zoo import create_model
from zoo.errors import ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard

RING = Hubbard(extent=(4,), twist=(0.2,), n_up=2, n_down=2)
LADDER = Hubbard("rectangle", (3, 2), "PO", twist=(0.3, 0.0), n_up=2, n_down=1)
CASES = {
    "determinants": ("slater_jastrow", {}, LADDER),
    "one determinant": ("slater_jastrow", {"orbitals": "generalised"}, RING),
    "backflow": ("slater_jastrow_backflow", {}, LADDER),
    "network": ("neural_backflow", {"hidden": 4}, RING),
    "transformer": ("transformer_backflow", {"width": 4, "heads": 2, "layers": 1, "determinants": 2}, RING),
    "hidden fermions": ("hidden_fermion", {"hidden_fermions": 2, "hidden": 4}, RING),
}


def array(tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def random_parameters(model, scale: float = 0.1) -> list:
    random = np.random.default_rng(0)
    return [
        ops.convert_to_tensor(array(w.value) + scale * random.normal(size=w.shape)) for w in model.trainable_variables
    ]


class Sum:
    """A model with random weights on every state of its system.

    Attributes:
        psi: Amplitudes, ``(states,)``.
        energies: Complex local energies.
        jacobian: d log Psi, complex, ``(states, parameters)``.
        hidden: Weights that were differentiated sample by sample.
        change: d log Psi along `direction` by finite differences.
    """

    def __init__(self, name, options, system):
        self.system, self.model = system, create_model(name, system, **options)
        self.states, self.parameters = exact.basis(system), random_parameters(self.model)
        random, step = np.random.default_rng(1), 1e-5
        directions = [random.normal(size=p.shape) for p in self.parameters]
        self.direction = np.concatenate([part.ravel() for part in directions])
        moved = [[p + sense * step * d for p, d in zip(self.parameters, directions, strict=True)] for sense in (1, -1)]
        inputs = self.parameters, *moved, ops.convert_to_tensor(self.states)
        found = backend.jit(self._compute)(*inputs)
        (sign, log_abs), ahead, behind, energies, observables, rows, gram = keras.tree.map_structure(array, found)
        self.sign, self.log_abs, self.psi = sign, log_abs, sign * np.exp(log_abs)
        self.energies = energies + 1j * observables[IMAGINARY]
        self.rows, self.gram = rows, gram
        self.jacobian = rows[: len(sign)] + 1j * rows[len(sign) :]
        phases = np.angle(ahead[0] * behind[0].conj())
        self.change = (ahead[1] - behind[1] + 1j * phases) / (2 * step)

    def _compute(self, parameters, ahead, behind, states):
        log_psi = lambda weights: stateless.log_psi(self.model, weights, states)  # noqa: E731
        energy = local_energy_function(
            self.system, lambda x: stateless.log_psi(self.model, parameters, x), hop_ratios(self.model, parameters)
        )
        self.hidden = sum(tap(self.model, parameters, stateless.twice(self.model, states)).hidden)
        jacobian = log_abs_jacobian(self.model, parameters, states)
        values = log_psi(parameters), log_psi(ahead), log_psi(behind)
        return *values, *energy(states), jacobian.dense(), jacobian.gram()


IN_CI = ("one determinant", "backflow", "network")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(case, id=name, marks=() if name in IN_CI else pytest.mark.slow) for name, case in CASES.items()
    ],
)
def whole(request):
    return Sum(*request.param)


def test_the_sign_is_a_phase(whole):
    assert whole.sign.dtype == np.complex128 and whole.log_abs.dtype == np.float64
    np.testing.assert_allclose(np.abs(whole.sign), 1.0, atol=1e-12)
    assert np.ptp(np.angle(whole.sign)) > 1.0


def test_local_energies_are_those_of_the_hamiltonian_matrix(whole):
    expected = exact.hamiltonian(whole.system) @ whole.psi / whole.psi
    np.testing.assert_allclose(whole.energies, expected, rtol=1e-9, atol=1e-10)


def test_the_mean_local_energy_is_real_and_above_the_exact_energy(whole):
    weights = np.abs(whole.psi) ** 2 / np.sum(np.abs(whole.psi) ** 2)
    mean = weights @ whole.energies
    assert abs(mean.imag) < 1e-10
    assert mean.real > exact.ground_state(whole.system).energy + 1e-3


def test_derivatives_are_those_of_the_amplitudes(whole):
    found = whole.jacobian @ whole.direction
    near = np.abs(whole.psi) > 0.1 * np.abs(whole.psi).max()
    np.testing.assert_allclose(found[near], whole.change[near], rtol=1e-5, atol=1e-6 * np.abs(found).max())
    np.testing.assert_allclose(whole.gram, whole.rows @ whole.rows.T, atol=1e-10 * np.abs(whole.gram).max())
    assert whole.hidden == 0


def test_weights_that_no_tap_finds_have_both_parts(monkeypatch):
    """Differentiated sample by sample, as those of an operation that is not known."""
    model = create_model("slater_jastrow", RING)
    parameters, states = random_parameters(model), ops.convert_to_tensor(exact.basis(RING)[:6])
    dense = lambda p, x: log_abs_jacobian(model, p, x).dense()  # noqa: E731
    expected = array(backend.jit(dense)(parameters, states))
    monkeypatch.setattr("harness.optimizers.taps.KNOWN", frozenset())
    np.testing.assert_allclose(array(backend.jit(dense)(parameters, states)), expected, atol=1e-12)


# One step ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batch():
    """Some states with repetitions, d log Psi and complex residuals of them."""
    model = create_model("slater_jastrow", RING)
    parameters, states = random_parameters(model), exact.basis(RING)
    chosen = ops.convert_to_tensor(states[np.random.default_rng(4).integers(len(states), size=30)])
    rows = array(backend.jit(lambda p, x: log_abs_jacobian(model, p, x).dense())(parameters, chosen))
    random = np.random.default_rng(5)
    residuals = random.normal(size=30) + 1j * random.normal(size=30)
    residuals -= residuals.mean()
    return model, parameters, chosen, rows[:30] + 1j * rows[30:], residuals


def updated(optimizer, batch, count) -> np.ndarray:
    """The change of all weights by one update with the first samples."""
    model, parameters, states, _, residuals = batch
    part = residuals[:count] - residuals[:count].mean()
    buffers = {
        name: ops.convert_to_tensor(v) for name, v in optimizer.initial_buffers(model.trainable_variables).items()
    }
    both = ops.convert_to_tensor(np.concatenate([part.real, part.imag]))
    rate = ops.convert_to_tensor(1.0, dtype="float64")
    found, *_ = optimizer.update(model, parameters, buffers, states[:count], both, rate, ops.convert_to_tensor(0))
    return np.concatenate([(array(new) - array(old)).ravel() for new, old in zip(found, parameters, strict=True)])


@pytest.mark.parametrize("count", [8, 30], ids=["in the space of samples", "in the space of parameters"])
def test_a_natural_gradient_step_is_that_of_the_quantum_geometric_tensor(batch, count):
    """-(Re Obar^+ Obar + lambda)^-1 Re Obar^+ epsilon."""
    settings = MinSRSettings(
        learning_rate=1.0, damping=1e-2, decay_steps=0, norm_constraint=0.0, degrees_of_freedom=0.0
    )
    centred = batch[3][:count] - batch[3][:count].mean(axis=0)
    residuals = batch[4][:count] - batch[4][:count].mean()
    metric = (centred.conj().T @ centred).real / count
    force = (centred.conj().T @ residuals).real / count
    expected = -np.linalg.solve(metric + 1e-2 * np.eye(len(metric)), force)
    np.testing.assert_allclose(updated(create_optimizer(settings), batch, count), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [8, 30], ids=["in the space of samples", "in the space of parameters"])
def test_devices_that_share_the_samples_find_the_same_direction(batch, count):
    """Rows are those of one device after the other, each with the parts of its own samples."""
    optimizer = create_optimizer(SpringSettings(damping=1e-2))
    complex_rows, residuals = batch[3][:count], batch[4][:count]
    previous = np.random.default_rng(6).normal(size=complex_rows.shape[1])
    damping, found = ops.convert_to_tensor(1e-2, dtype="float64"), []
    for devices in (1, 2):
        order = np.arange(2 * count).reshape(2, devices, -1).transpose(1, 0, 2).ravel()
        rows = ops.convert_to_tensor(np.concatenate([complex_rows.real, complex_rows.imag])[order])
        jacobian = Jacobian([ExplicitBlock({0: rows})], [rows.shape[1]], 2 * count, "float64", parts=2)
        jacobian.rows = Rows(2 * count, 2, devices)
        both = ops.convert_to_tensor(np.concatenate([residuals.real, residuals.imag]))
        found.append(array(optimizer.direction(jacobian, both, ops.convert_to_tensor(previous), damping)[0]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)


def test_other_optimisers_follow_the_gradient_of_the_energy(batch):
    """2 Re <conj(E - <E>) d log Psi>, by gradient descent with a rate of 1."""
    expected = -2 * (batch[3].conj().T @ batch[4]).real / 30
    found = updated(create_optimizer(keras.optimizers.SGD(1.0)), batch, 30)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


# Monte Carlo ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["determinants", pytest.param("network", marks=pytest.mark.slow)])
def test_estimates_agree_with_the_full_sum(case):
    """Low-rank ratios and whole amplitudes; and the double occupancy, and the imaginary part of the energy."""
    name, options, system = CASES[case]
    model = create_model(name, system, **options)
    for variable, value in zip(model.trainable_variables, random_parameters(model), strict=True):
        variable.assign(value)
    vmc = VMC(model, seed=3).compile(walkers=256)
    result = vmc.evaluate(draws=40, equilibration=4)
    states = exact.basis(system)
    sign, log_abs = (array(part) for part in backend.jit(model)(ops.convert_to_tensor(states)))
    psi = sign * np.exp(log_abs)
    psi /= np.linalg.norm(psi)
    hamiltonian = exact.hamiltonian(system)
    energy = (psi.conj() @ (hamiltonian @ psi)).real
    assert abs(result.energy.mean - energy) < 5 * result.energy.stderr
    imaginary, double = result.observables[IMAGINARY], result.observables["double_occupancy"]
    assert 0 < abs(imaginary.mean) < 5 * imaginary.stderr
    wanted = np.abs(psi) ** 2 @ np.sum(states[:, 0] * states[:, 1], axis=1) / system.n_sites
    assert abs(double.mean - wanted) < 5 * double.stderr
    square = np.linalg.norm(hamiltonian @ psi) ** 2 - energy**2
    assert result.energy.variance + imaginary.variance == pytest.approx(square, rel=0.1)
    score = system.n_electrons * square / (energy - system.infinite_temperature_energy) ** 2
    assert result.v_score == pytest.approx(score, rel=0.1)


@pytest.mark.slow
def test_training_lowers_the_energy_and_free_electrons_have_zero_variance():
    free = VMC(create_model("slater_jastrow", dataclasses.replace(RING, u=0.0))).compile(walkers=32)
    result = free.evaluate(draws=8, equilibration=1)
    assert result.energy.mean == pytest.approx(RING.noninteracting_energy(), abs=1e-9)
    assert result.energy.variance < 1e-12 and result.observables[IMAGINARY].variance < 1e-12
    vmc = VMC(create_model("slater_jastrow", RING), seed=1).compile(walkers=256)
    energies = vmc.fit(steps=40, read_every=10, equilibration=2).history["energy"]
    exact_energy = exact.ground_state(RING).energy
    assert energies[-1] < energies[0] - 0.05
    assert vmc.evaluate(draws=20, equilibration=2).energy.mean > exact_energy - 0.02


def test_the_momentum_distribution_is_that_of_the_state(lookup):
    """<c+_k c_k> of the exact state, of both spins; free electrons fill whole momenta."""
    system = dataclasses.replace(RING, n_down=1)
    for u in (0.0, 4.0):
        state = exact.ground_state(dataclasses.replace(system, u=u))
        local = estimators(("momentum_distribution",), system)["momentum_distribution"]
        log_psi = lookup(system, state.vector)
        ratios = lambda hops, states, log_psi=log_psi: hops.evaluate(log_psi, states)  # noqa: E731
        kept = np.abs(state.vector) > 1e-9
        values = array(local(ratios, ops.convert_to_tensor(state.occupations[kept]), None))
        found = np.tensordot(np.abs(state.vector[kept]) ** 2, values, 1)  # (spins, wave vectors)
        assert found.sum(axis=1) == pytest.approx([2.0, 1.0], abs=1e-9)
        np.testing.assert_allclose(found, momentum_distribution(state, local.points.phases), atol=1e-9)
        if u == 0:
            np.testing.assert_allclose(found, np.round(found), atol=1e-9)


def momentum_distribution(state, phases) -> np.ndarray:
    """By the definition: the norm of c_k psi, of each spin."""
    system, states = state.system, state.occupations
    found = []
    for spin in (0, 1):
        remaining: dict[bytes, np.ndarray] = {}
        for occupations, amplitude in zip(states, state.vector, strict=True):
            for site in np.flatnonzero(occupations[spin]):
                less = occupations.copy()
                less[spin, site] = 0
                sign = (-1.0) ** occupations[spin, :site].sum()
                wave = np.exp(-1j * phases[site]) / system.n_sites**0.5
                remaining[less.tobytes()] = remaining.get(less.tobytes(), 0.0) + sign * amplitude * wave
        found.append(sum(np.abs(values) ** 2 for values in remaining.values()))
    return np.array(found)


# What stays real, and what is refused --------------------------------------------------------------------------------


def test_half_a_turn_stays_real():
    twisted, antiperiodic = (
        create_model("slater_jastrow_backflow", Hubbard(extent=(4,), n_up=2, n_down=2, **keys))
        for keys in ({"twist": (0.5,)}, {"boundary": "A"})
    )
    states = exact.basis(RING)
    for found, expected in zip(twisted(states), antiperiodic(states), strict=True):
        assert array(found).dtype == np.float64
        np.testing.assert_array_equal(array(found), array(expected))


def test_what_is_real_is_refused_on_a_twisted_lattice():
    for name, options in (("pfaffian", {}), ("projected", {"base": "slater_jastrow", "momentum": [0]})):
        with pytest.raises(ZooError, match=rf"^{name.capitalize()}: its values are real, and the hopping is complex"):
            create_model(name, RING, **options)
    with pytest.raises(ZooError, match=r"twist \[0.2\] gives pairs across the boundary a phase"):
        choose("pair_correlation", RING)
    assert choose("all", RING).left_out.keys() == {"pair_correlation"}
