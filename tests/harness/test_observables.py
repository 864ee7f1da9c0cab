"""Observables of lattices against operators: sums over all states of small systems, and a Monte Carlo calculation."""

import functools
import itertools

import keras
import numpy as np
import pytest
from keras import ops

from harness import backend, statistics
from harness.local_energy import hops
from harness.observables import NAMES, choose
from harness.observables.displacements import Displacements
from harness.observables.measurement import estimators
from harness.observables.wave_vectors import WaveVectors, reciprocal_vectors
from harness.vmc import VMC
from zoo import create_model
from zoo.errors import UnknownNameError, ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard
from zoo.systems.lattice import Lattice
from zoo.systems.quantum_dot import QuantumDot
from zoo.systems.t_v import TV

SYSTEMS = [
    Hubbard(extent=(5,), boundary="A", n_up=2, n_down=3),
    Hubbard(extent=(4,), boundary="O", n_up=2, n_down=1),
    Hubbard("rectangle", (3, 2), "AP", n_up=2, n_down=2),
    Hubbard("ladder", (2, 3), "OP", n_up=3, n_down=1),
    Hubbard("triangular", (3, 2), "PP", n_up=2, n_down=2),
    Hubbard("honeycomb", (2, 2), "PA", n_up=2, n_down=1),
    TV(extent=(6,), boundary="A", n_up=3),
]


# Operators, made here from the anticommutation relations ------------------------------------------------------------


class Operators:
    """Annihilators on the whole Fock space, by Jordan and Wigner, spin up before spin down, and a state in a sector."""

    def __init__(self, system, vector: np.ndarray):
        self.system, self.n_sites = system, system.n_sites
        occupations = exact.basis(system)
        digits = 2 ** np.arange(2 * self.n_sites)[::-1].reshape(2, -1)
        self.psi = np.zeros(4**self.n_sites)
        self.psi[np.sum(occupations * digits, axis=(1, 2))] = vector / np.linalg.norm(vector)

    def annihilate(self, spin: int, site: int, state: np.ndarray) -> np.ndarray:
        """c |state>: -1 for each electron before this one in the order of creators."""
        before = spin * self.n_sites + site
        string = functools.reduce(np.kron, [np.array([1.0, -1.0])] * before, np.ones(1))
        parts = state.reshape(2**before, 2, -1)
        result = np.zeros_like(parts)
        result[:, 0] = string[:, None] * parts[:, 1]
        return result.ravel()

    def number(self, spin: int, site: int) -> np.ndarray:
        """n |psi>."""
        parts = self.psi.reshape(2 ** (spin * self.n_sites + site), 2, -1)
        return (parts * np.array([0.0, 1.0])[:, None]).ravel()

    def local(self, name: str) -> list:
        """S^z or n - mean of each site, applied to the state."""
        up, down = ([self.number(s, i) for i in range(self.n_sites)] for s in (0, 1))
        if name.startswith("spin"):
            return [(u - d) / 2 for u, d in zip(up, down, strict=True)]
        return [u + d - self.system.n_electrons / self.n_sites * self.psi for u, d in zip(up, down, strict=True)]

    def pair_fields(self, component: str) -> list[np.ndarray]:
        """D(R) |psi> for each R, with the neighbours found from distances."""
        fields = []
        for site in range(self.n_sites):
            if component == "s":
                fields.append(self.annihilate(0, site, self.annihilate(1, site, self.psi)))
                continue
            field = np.zeros_like(self.psi)
            for other, (sign, along_first) in neighbours(self.system, site).items():
                pair = self.annihilate(0, site, self.annihilate(1, other, self.psi))
                pair -= self.annihilate(1, site, self.annihilate(0, other, self.psi))
                field += sign * (1 if along_first or component == "extended_s" else -1) * pair
            fields.append(field)
        return fields


def images(system):
    """Vectors once around the closed axes, with the sign of the boundary."""
    lattice = system.geometry
    metric = np.array(lattice.definition.metric, dtype=float)
    bond = np.array(lattice.definition.nearest[0])
    axes = np.linalg.cholesky(metric / (bond @ metric @ bond)) * lattice.definition.refinement
    turns = itertools.product(*([0] if letter == "O" else [-1, 0, 1] for letter in lattice.boundary))
    for turn in turns:
        crossings = sum(abs(n) for n, letter in zip(turn, lattice.boundary, strict=True) if letter == "A")
        yield (np.array(turn) * lattice.extent) @ axes, (-1) ** crossings


def neighbours(system, site: int) -> dict:
    """Sites at distance 1, each once, with the sign of the boundary and whether the bond lies along the first axis."""
    positions, found = system.geometry.positions, {}
    for shift, sign in images(system):
        for other in range(system.n_sites):
            displacement = positions[other] + shift - positions[site]
            if other != site and abs(np.linalg.norm(displacement) - 1) < 1e-9:
                found[other] = (sign, abs(displacement[0]) > 0.5)
    return found


def expected(system, vector, name: str, points) -> dict[str, np.ndarray]:
    """Expectation values from operators, ``(count,)`` for each component."""
    operators, positions = Operators(system, vector), system.geometry.positions
    if name.endswith("structure_factor"):
        local = np.array(operators.local(name))
        waves = np.exp(1j * positions @ points.cartesian.T)
        values = np.sum(np.abs(waves.T @ local) ** 2, axis=1) / system.n_sites
        return {"zz" if name.startswith("spin") else "charge": values}
    if name == "momentum_distribution":
        waves = np.exp(-1j * positions @ points.cartesian.T) / np.sqrt(system.n_sites)
        spins = {"up": 0, "down": 1} if system.n_down else {"up": 0}
        removed = {
            key: np.array([operators.annihilate(s, i, operators.psi) for i in range(system.n_sites)])
            for key, s in spins.items()
        }
        return {key: np.sum(np.abs(waves.T @ vectors) ** 2, axis=1) for key, vectors in removed.items()}
    classes = system.displacement_classes()
    if name == "pair_correlation":
        names = ["s", "extended_s"] + ["d"] * (system.lattice in ("rectangle", "ladder"))
        fields = {key: np.array(operators.pair_fields(key)) for key in names}
    else:
        fields = {"zz" if name.startswith("spin") else "charge": np.array(operators.local(name))}
    products = {key: states @ states.T for key, states in fields.items()}
    return {key: np.array([m[classes == c].mean() for c in range(classes.max() + 1)]) for key, m in products.items()}


def summed(system, log_psi, names) -> dict[str, dict[str, np.ndarray]]:
    """Local values summed over all states with the weights |Psi|^2."""
    states = exact.basis(system)
    estimates = estimators(names, system)
    ratios = lambda pairs, *given: pairs.evaluate(log_psi, *given)  # noqa: E731
    local_values = backend.jit(lambda n, turn: [estimate(ratios, n, turn) for estimate in estimates.values()])
    log_abs = ops.convert_to_numpy(log_psi(ops.convert_to_tensor(states))[1])
    states, log_abs = states[np.isfinite(log_abs)], log_abs[np.isfinite(log_abs)]
    weights = np.exp(2 * (log_abs - log_abs.max()))
    turns = system.n_sites if "pair_correlation" in names else 1  # so that each site has its turn
    values: list = [0.0] * len(estimates)
    for turn in range(turns):
        numbers = ops.convert_to_tensor((turn + np.arange(len(states))) % system.n_sites, dtype="int32")
        found = local_values(ops.convert_to_tensor(states), numbers)
        values = [v + ops.convert_to_numpy(f) / turns for v, f in zip(values, found, strict=True)]
    means = [np.tensordot(weights / weights.sum(), v, axes=1) for v in values]
    return {
        name: dict(zip(e.components, mean, strict=True))
        for (name, e), mean in zip(estimates.items(), means, strict=True)
    }


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.family} {s.lattice} {s.boundary}")
def test_local_values_sum_to_the_expectation_values_of_operators(lookup, system):
    """For a state with no symmetry at all, and with zeros."""
    vector = np.random.default_rng(1).normal(size=exact.dimension(system))
    vector[::7] = 0.0
    names = choose("all", system).names
    assert names
    found = summed(system, lookup(system, vector), names)
    for name, estimate in estimators(names, system).items():
        wanted = expected(system, vector, name, estimate.points)
        assert found[name].keys() == wanted.keys()
        for component, values in wanted.items():
            np.testing.assert_allclose(found[name][component], values, atol=1e-10, err_msg=f"{name} {component}")


def test_chunks_of_moves_give_what_one_chunk_gives(lookup, monkeypatch):
    system = SYSTEMS[2]
    log_psi = lookup(system, np.random.default_rng(2).normal(size=exact.dimension(system)))
    at_once = summed(system, log_psi, ["pair_correlation"])["pair_correlation"]
    monkeypatch.setattr(hops, "CHUNK", 37)
    for component, values in summed(system, log_psi, ["pair_correlation"])["pair_correlation"].items():
        np.testing.assert_allclose(values, at_once[component], atol=1e-12)


# Physics that is known ----------------------------------------------------------------------------------------------


def test_a_ground_state_has_the_sums_that_it_must_have(lookup):
    """Sum rules, and the order that attraction and repulsion make, which are one by exchange of electrons and holes."""
    names = ["spin_structure_factor", "charge_structure_factor", "momentum_distribution"]
    found = {}
    for u in (-4.0, 4.0):
        state = exact.ground_state(Hubbard(extent=(6,), boundary="P", u=u, n_up=3, n_down=3))
        found[u] = summed(state.system, lookup(state.system, state.vector), names)
        double = state.double_occupancy / 6
        assert found[u]["spin_structure_factor"]["zz"].mean() == pytest.approx((1 - 2 * double) / 4)  # <S^z_i^2>
        assert found[u]["charge_structure_factor"]["charge"].mean() == pytest.approx(2 * double)  # <(n_i - 1)^2>
        for density in found[u]["momentum_distribution"].values():
            assert density.sum() == pytest.approx(3)
            assert density.min() > 0 and density.max() < 1
    spin = found[4.0]["spin_structure_factor"]["zz"]
    np.testing.assert_allclose(spin, found[-4.0]["charge_structure_factor"]["charge"] / 4, atol=1e-9)
    assert np.argmax(spin) == 5  # q = pi


def test_free_electrons_fill_the_lowest_momenta():
    """On a closed shell with an antiperiodic axis, whose momenta lie half a step off."""
    system = Hubbard("rectangle", (4, 2), "AP", u=0.0, n_up=2, n_down=2)
    model = create_model("slater_jastrow", system, orbitals="free")
    points = WaveVectors.of(system.geometry, shifted=True).cartesian
    levels = -2 * np.cos(points[:, 0]) - np.cos(points[:, 1])
    found = summed(system, model, ["momentum_distribution"])["momentum_distribution"]
    for density in found.values():
        np.testing.assert_allclose(density, levels < np.sort(levels)[2] - 1e-9, atol=1e-9)


# Wave vectors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "extent", "boundary", "count"),
    [
        ("chain", (6,), "P", 6),
        ("chain", (5,), "A", 5),
        ("rectangle", (4, 3), "AP", 12),
        ("ladder", (2, 5), "OP", 10),
        ("triangular", (3, 4), "PA", 12),
        ("honeycomb", (3, 2), "AP", 18),
    ],
)
@pytest.mark.parametrize("shifted", [False, True])
def test_wave_vectors_are_those_of_the_boundaries(kind, extent, boundary, count, shifted):
    lattice = Lattice(kind, extent, boundary)
    points = WaveVectors.of(lattice, shifted)
    assert len(points) == count
    np.testing.assert_allclose(np.exp(1j * points.phases), np.exp(1j * lattice.positions @ points.cartesian.T))
    waves = np.exp(1j * points.phases)
    overlaps = np.abs(waves.conj().T @ waves) / lattice.n_sites
    assert np.all(overlaps[~np.eye(count, dtype=bool)] < 1 - 1e-6)  # all differ
    if kind != "honeycomb":
        np.testing.assert_allclose(overlaps, np.eye(count), atol=1e-12)
    system = Hubbard(kind, extent, boundary, n_up=1, n_down=1)
    for axis in range(len(extent)):  # once around is the sign of the boundary
        [around] = [v for v, _ in images(system) if np.allclose(v, full_turn(system, axis))]
        sign = -1 if shifted and boundary[axis] == "A" else 1
        if boundary[axis] != "O":
            np.testing.assert_allclose(np.exp(1j * points.cartesian @ around), sign, atol=1e-9)
    lengths = np.linalg.norm(points.cartesian, axis=1)
    for vector in reciprocal_vectors(lattice):
        assert np.all(lengths <= np.linalg.norm(points.cartesian - vector, axis=1) + 1e-9)


def full_turn(system, axis: int) -> np.ndarray:
    lattice = system.geometry
    if lattice.boundary[axis] == "O":
        return np.zeros(len(lattice.extent))
    metric = np.array(lattice.definition.metric, dtype=float)
    bond = np.array(lattice.definition.nearest[0])
    steps = np.linalg.cholesky(metric / (bond @ metric @ bond)) * lattice.definition.refinement
    return steps[axis] * lattice.extent[axis]


def test_the_order_of_neel_on_the_honeycomb_lattice_is_at_the_corners_of_the_large_zone():
    lattice = Lattice("honeycomb", (3, 3), "PP")
    points = WaveVectors.of(lattice)
    weight = np.abs(np.exp(1j * points.phases).T @ lattice.sublattice) ** 2 / lattice.n_sites**2
    corners = np.isclose(np.linalg.norm(points.cartesian, axis=1), 4 * np.pi / 3)
    np.testing.assert_allclose(weight, 0.75 * corners, atol=1e-12)
    assert corners.sum() == 2


def test_distances_are_those_between_the_sites():
    points = Displacements(Hubbard("rectangle", (4, 4), "PP", n_up=1, n_down=1))
    np.testing.assert_allclose(points.distances, np.sqrt([0, 1, 2, 4, 5, 8]))
    assert list(points.pairs) == [16, 64, 64, 32, 64, 16]


# What can be asked for ----------------------------------------------------------------------------------------------


def test_all_is_what_the_system_has():
    assert choose("all", SYSTEMS[0]).names == NAMES
    assert choose((), QuantumDot()).names == ()
    open_chain, spinless = choose(["all"], SYSTEMS[1]), choose("all", SYSTEMS[-1])
    assert open_chain.names == ("spin_correlation", "charge_correlation", "pair_correlation")
    assert spinless.names == ("charge_structure_factor", "momentum_distribution", "charge_correlation")
    assert set(open_chain.left_out) | set(open_chain.names) == set(NAMES)
    assert choose(["pair_correlation", "momentum_distribution"], SYSTEMS[0]).names == (
        "momentum_distribution",
        "pair_correlation",
    )


@pytest.mark.parametrize(
    ("request_", "system", "message"),
    [
        (["spin_structure_facto"], SYSTEMS[0], "did you mean 'spin_structure_factor'"),
        ("momentum_distribution", SYSTEMS[1], "leaves one open: expected P or A, or the correlations by distance"),
        (["spin_correlation"], SYSTEMS[-1], "expected electrons of both spins"),
        ("all", QuantumDot(), "observables of lattices, and quantum_dot is a system in continuous space"),
        ("double_occupancy", SYSTEMS[0], "measured in any case"),
        ("pair_correlation", Hubbard("square", (21, 21), "PP"), "441 sites: expected at most 400"),
        ("all", TV(extent=(1200,), boundary="O"), "none can be measured here: wave vectors need closed axes"),
    ],
)
def test_what_cannot_be_measured_is_one_line(request_, system, message):
    with pytest.raises(ZooError, match=message) as caught:
        choose(request_, system)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UnknownNameError) == ("did you mean" in message)


# Statistics and Monte Carlo -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("draws", "walkers"), [(8, 40), (13, 64), (11, 6)])
def test_running_statistics_are_those_of_each_value_alone(draws, walkers):
    random = np.random.default_rng(draws)
    blocks = 1e3 + np.cumsum(random.normal(size=(draws, walkers, 3)), axis=0) * [1.0, 1e-3, 0.0]
    running = statistics.Running(draws, walkers, 3)
    for values in blocks:
        running.add(values)
    result = running.result()
    for index in range(3):
        alone = statistics.summarise(blocks[:, :, index])
        for field in ("mean", "stderr", "tau", "rhat"):
            assert getattr(result, field)[index] == pytest.approx(getattr(alone, field), rel=1e-6), field


def test_running_statistics_refuse_what_is_not_finite():
    with pytest.raises(ZooError, match="expected at least 8 draws"):
        statistics.Running(7, 64, 1)
    with pytest.raises(ZooError, match="1 of 12 measured values"):
        statistics.Running(8, 4, 3).add(np.where(np.arange(12).reshape(4, 3) == 5, np.nan, 1.0))


@pytest.fixture(scope="module")
def measured():
    """A wavefunction with random weights on a doped ladder, and what evaluating it gives, with groups of walkers."""
    from harness.observables import measurement

    system = Hubbard("rectangle", (3, 2), "PP", u=4.0, n_up=2, n_down=2)
    model = create_model("neural_backflow", system)
    random = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.2 * random.standard_normal(variable.shape))
    vmc = VMC(model, seed=3).compile(walkers=200)
    whole = measurement.SLOTS
    try:
        measurement.SLOTS = 70 * 24**2  # three groups of 67 walkers
        return model, vmc, vmc.evaluate(draws=48, observables="all", thin=3)
    finally:
        measurement.SLOTS = whole


def test_monte_carlo_agrees_with_the_sum_over_all_states(measured):
    model, _, result = measured
    exact_values = summed(model.system, model, NAMES)
    assert result.profiles.keys() == set(NAMES)
    assert (result.measurements, result.thin) == (16, 3)
    deviations = []
    for name, profile in result.profiles.items():
        for component, values in profile.components.items():
            assert values.mean.shape == values.stderr.shape == exact_values[name][component].shape
            difference = values.mean - exact_values[name][component]
            known = values.stderr < 1e-9  # by conservation of the electrons
            assert np.all(np.abs(difference[known]) < 1e-9)
            deviations += list(difference[~known] / values.stderr[~known])
    assert len(deviations) > 40
    assert np.max(np.abs(deviations)) < 4.5
    assert 0.3 < np.sqrt(np.mean(np.square(deviations))) < 1.5  # few of them are independent


def test_observables_leave_the_energies_as_they_are(measured):
    _, vmc, result = measured
    again = vmc.evaluate(draws=48)
    np.testing.assert_array_equal(again.blocks, result.blocks)
    assert again.profiles == {}


def test_too_few_measurements_are_refused(measured):
    _, vmc, _ = measured
    with pytest.raises(ZooError, match="would be measured 2 times: expected at least 8"):
        vmc.evaluate(draws=20, observables="charge_correlation", thin=10)
    with pytest.raises(ZooError, match="thin=-1"):
        vmc.evaluate(draws=20, observables="all", thin=-1)


def test_float32_is_measured_in_float32(lookup):
    system = SYSTEMS[2]
    exactly = lookup(system, np.random.default_rng(4).normal(size=exact.dimension(system)))
    names = ["momentum_distribution", "pair_correlation", "spin_structure_factor"]
    wanted = summed(system, exactly, names)
    keras.config.set_floatx("float32")
    try:
        found = summed(system, lambda n: [ops.cast(value, "float32") for value in exactly(n)], names)
    finally:
        keras.config.set_floatx("float64")
    for name in names:
        for component, values in found[name].items():
            np.testing.assert_allclose(values, wanted[name][component], atol=2e-5)
