"""The samplers against exact distributions.

Every walker is an independent chain and contributes its last configuration alone, so the samples of one test are
independent. Each statistical test fails with probability 1e-3 if the sampler is right; the seeds are fixed.
"""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from harness import backend
from harness import random as random_state
from harness.sampling import create_sampler, metropolis
from harness.sampling import lattice as lattice_sampling
from harness.sampling.acceptance import accept, select
from harness.settings import SamplerSettings
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

SIGNIFICANCE = 1e-3
INFINITY = float("inf")


def seed_state(seed: int = 1):
    return ops.convert_to_tensor(random_state.initial_state(seed))


def run(sampler, log_abs, walkers, seed=None, width=0.0):
    """One compiled call of the sampler, back in NumPy."""
    width = ops.convert_to_tensor(width, dtype="float64")
    seed = seed_state() if seed is None else seed
    sample = backend.jit(lambda x, s, w: sampler.sample(log_abs, x, s, w))
    return [ops.convert_to_numpy(value) for value in sample(ops.convert_to_tensor(walkers), seed, width)]


# The decision --------------------------------------------------------------------------------------------------------


def test_decisions():
    """Never to zero or to what is not finite, always away from zero, else with the ratio of probabilities."""
    cases = [  # uniform, log|Psi| before, after, log Hastings factor, accepted
        (0.5, 0.0, 0.1, 0.0, True),
        (0.5, 0.0, -0.3, 0.0, True),  # |Psi'/Psi|^2 = 0.549
        (0.5, 0.0, -0.4, 0.0, False),  # 0.449
        (0.5, 0.0, -0.4, np.log(1.2), True),  # 0.539
        (0.5, 0.0, 0.1, np.log(0.3), False),
        (0.999, -INFINITY, -50.0, 0.0, True),
        (0.999, -INFINITY, 3.0, -9.0, True),
        (0.0, -INFINITY, -INFINITY, 0.0, False),
        (0.0, 0.0, -INFINITY, 0.0, False),
        (0.0, 0.0, INFINITY, 0.0, False),
        (0.0, 0.0, np.nan, 0.0, False),
        (0.0, -INFINITY, np.nan, 0.0, False),
    ]
    columns = [ops.convert_to_tensor(c, dtype="float64") for c in list(zip(*cases, strict=True))[:4]]
    np.testing.assert_array_equal(ops.convert_to_numpy(accept(*columns)), [case[-1] for case in cases])


def test_selection_is_by_walker():
    old, new = np.zeros((3, 2, 2)), np.ones((3, 2, 2))
    chosen = select(ops.convert_to_tensor([True, False, True]), ops.convert_to_tensor(new), ops.convert_to_tensor(old))
    np.testing.assert_array_equal(ops.convert_to_numpy(chosen)[:, 0, 0], [1.0, 0.0, 1.0])


# Lattices ------------------------------------------------------------------------------------------------------------


def codes_of(occupations):
    """A whole number for each configuration."""
    digits = 2 ** np.arange(occupations.shape[1] * occupations.shape[2]).reshape(occupations.shape[1:])
    return ops.sum(ops.cast(occupations, "int32") * ops.convert_to_tensor(digits, dtype="int32"), axis=(1, 2))


def lookup(system, log_abs):
    table = np.full(4**system.n_sites, np.nan)
    table[ops.convert_to_numpy(codes_of(ops.convert_to_tensor(exact.basis(system))))] = log_abs
    return lambda occupations: ops.take(ops.convert_to_tensor(table), codes_of(occupations))


def p_value(system, log_abs, settings, walkers: int = 8000) -> float:
    """Of a chi-square test of the walkers' configurations against |Psi|^2; chains start at random configurations."""
    sampler = create_sampler(system, settings)
    start = system.initial_occupations(np.random.default_rng(0), walkers)
    final = run(sampler, lookup(system, log_abs), start)[0]
    counts = np.bincount(exact.index(system, final), minlength=len(log_abs))
    probability = np.exp(2 * log_abs) / np.exp(2 * log_abs).sum()
    assert np.all(counts[probability == 0] == 0)
    used = probability > 0
    assert walkers * probability[used].min() > 5
    return scipy.stats.chisquare(counts[used], walkers * probability[used]).pvalue


RINGS = [
    (Hubbard(extent=(4,), boundary="A", n_up=2, n_down=2), SamplerSettings(moves=100)),
    (Hubbard(extent=(4,), boundary="P", n_up=2, n_down=1), SamplerSettings(moves=100, exchange=0.0)),
    (Hubbard(extent=(4,), boundary="O", n_up=1, n_down=2), SamplerSettings(moves=100, exchange=0.6)),
    (Hubbard(extent=(5,), boundary="P", t_prime=0.5, n_up=2, n_down=0), SamplerSettings(moves=100)),
    (Hubbard("rectangle", (2, 2), "PP", n_up=2, n_down=1), SamplerSettings(moves=100, exchange=0.3)),
]


@pytest.mark.parametrize(("system", "settings"), RINGS, ids=lambda value: str(value)[:60])
def test_lattice_configurations_are_distributed_as_psi_squared(system, settings):
    log_abs = np.random.default_rng(4).normal(scale=0.5, size=exact.dimension(system))
    assert p_value(system, log_abs, settings) > SIGNIFICANCE


def test_configurations_where_psi_is_zero_are_left_and_never_entered():
    system, settings = RINGS[0]
    log_abs = np.random.default_rng(4).normal(scale=0.5, size=exact.dimension(system))
    log_abs[::4] = -np.inf
    assert p_value(system, log_abs, settings) > SIGNIFICANCE


OPEN = Hubbard(extent=(4,), boundary="O", n_up=1, n_down=1)


@pytest.mark.parametrize("hastings", [True, False])
def test_the_hastings_factor_matters_and_is_right(monkeypatch, hastings):
    """The end of an open chain has one neighbour, its middle two: without the factor the middle is preferred."""
    if not hastings:
        monkeypatch.setattr(lattice_sampling, "accept", lambda uniforms, old, new, _: accept(uniforms, old, new))
    value = p_value(OPEN, np.zeros(16), SamplerSettings(moves=100, exchange=0.0))
    assert value > SIGNIFICANCE if hastings else value < 1e-12


def test_exchanges_have_the_right_hastings_factor_too():
    """At a share of 0.8 most proposals are exchanges; their number changes along an open chain."""
    system = Hubbard(extent=(4,), boundary="O", n_up=2, n_down=1)
    log_abs = np.random.default_rng(2).normal(scale=0.3, size=exact.dimension(system))
    assert p_value(system, log_abs, SamplerSettings(moves=300, exchange=0.8)) > SIGNIFICANCE


def test_values_that_are_not_finite_are_never_accepted_on_a_lattice():
    system = OPEN
    log_abs = np.zeros(16)
    log_abs[[3, 7]] = np.nan, np.inf
    states = exact.basis(system)
    start = np.repeat(np.delete(states, [3, 7], axis=0), 20, axis=0)
    final, values, _, _ = run(create_sampler(system, SamplerSettings(moves=50)), lookup(system, log_abs), start)
    assert not np.isin(exact.index(system, final), [3, 7]).any()
    np.testing.assert_array_equal(values, 0.0)


def test_electron_numbers_and_the_returned_values_fit():
    system, settings = RINGS[0]
    log_abs = lookup(system, np.random.default_rng(4).normal(size=exact.dimension(system)))
    start = system.initial_occupations(np.random.default_rng(0), 50)
    walkers, values, _, acceptance = run(create_sampler(system, settings), log_abs, start)
    assert walkers.dtype == np.int8 and set(np.unique(walkers)) == {0, 1}
    np.testing.assert_array_equal(walkers.sum(axis=2), start.sum(axis=2))
    np.testing.assert_array_equal(values, ops.convert_to_numpy(log_abs(ops.convert_to_tensor(walkers))))
    assert 0 < acceptance < 1


def test_a_lattice_without_possible_moves_stays_as_it_is():
    full = Hubbard(extent=(3,), boundary="O", n_up=3, n_down=0)
    start = full.initial_occupations(np.random.default_rng(0), 4)
    walkers, _, _, acceptance = run(create_sampler(full, SamplerSettings()), lookup(full, np.zeros(1)), start)
    np.testing.assert_array_equal(walkers, start)
    assert acceptance == 0


# Continuum -----------------------------------------------------------------------------------------------------------


def settle(system, log_abs, walkers: int, calls: int, spread: float = 1.0):
    """Walkers after adapting the width at every call, the acceptance of each call, and the last width."""
    sampler = create_sampler(system, SamplerSettings())
    positions = system.initial_positions(np.random.default_rng(0), walkers) * spread
    sample = backend.jit(lambda x, s, w: sampler.sample(log_abs, x, s, w))
    x, seed = ops.convert_to_tensor(positions), seed_state()
    width, acceptances = ops.convert_to_tensor(sampler.initial_width, dtype="float64"), []
    for _ in range(calls):
        x, _, seed, acceptance = sample(x, seed, width)
        width = sampler.adapt(width, acceptance)
        acceptances.append(float(ops.convert_to_numpy(acceptance)))
    for _ in range(5):  # as in a measurement: the width stays
        x, _, seed, _ = sample(x, seed, width)
    return ops.convert_to_numpy(x), acceptances, float(ops.convert_to_numpy(width))


@pytest.mark.parametrize(("dim", "omega"), [(2, 1.0), (3, 0.4)])
def test_two_independent_electrons_are_distributed_as_psi_squared(dim, omega):
    """|Psi|^2 = exp(-omega (r_1^2 + r_2^2)): coordinates are normal, omega r^2 follows Gamma(D / 2).

    Kolmogorov-Smirnov tests of radii and coordinates, and of the angle between the two electrons.
    """
    system = QuantumDot(dim=dim, omega=omega, coulomb=False)
    positions, _, _ = settle(system, lambda x: -0.5 * omega * ops.sum(ops.square(x), axis=(1, 2)), 2000, 40, spread=3)
    radial = scipy.stats.gamma(dim / 2)
    normal = scipy.stats.norm(scale=(2 * omega) ** -0.5)
    values = [scipy.stats.kstest(omega * np.sum(positions[:, i] ** 2, -1), radial.cdf).pvalue for i in (0, 1)]
    values += [scipy.stats.kstest(positions[:, 1, axis], normal.cdf).pvalue for axis in range(dim)]
    values.append(scipy.stats.kstest((positions[:, 0] - positions[:, 1])[:, 0] / 2**0.5, normal.cdf).pvalue)
    assert min(values) > SIGNIFICANCE / len(values)


@pytest.mark.parametrize("hastings", [True, False])
def test_steps_that_scale_with_the_distance_to_a_nucleus_keep_the_distribution(monkeypatch, hastings):
    """|Psi|^2 = exp(-2 Z (r_1 + r_2)): 2 Z r follows Gamma(3); without the Hastings factor it would not."""
    if not hastings:
        monkeypatch.setattr(metropolis, "accept", lambda uniforms, old, new, _: accept(uniforms, old, new))
    system = Molecule(atoms="Be", charge=2)
    positions, _, _ = settle(system, lambda x: -4.0 * ops.sum(ops.sqrt(ops.sum(x**2, -1)), -1), 2000, 40)
    radii = np.linalg.norm(positions, axis=-1)
    values = [scipy.stats.kstest(8.0 * radii[:, i], scipy.stats.gamma(3).cdf).pvalue for i in (0, 1)]
    assert min(values) > SIGNIFICANCE / 2 if hastings else max(values) < 1e-6


@pytest.mark.parametrize("exchange", [0.0, 0.5])
def test_exchanges_keep_what_tells_the_spins_apart(exchange):
    """Spin up in a trap of frequency 1, spin down in one of 3: exchanges may not mix the two distributions."""
    system = QuantumDot(n_up=2, n_down=1, coulomb=False)
    omega = np.array([1.0, 1.0, 3.0])

    def log_abs(x):
        return -0.5 * ops.sum(ops.square(x) * omega[:, None], axis=(1, 2))

    start = system.initial_positions(np.random.default_rng(0), 3000)
    sampler = create_sampler(system, SamplerSettings(moves=300, exchange=exchange))
    positions, _, _, acceptance = run(sampler, log_abs, start, width=0.6)
    assert 0.2 < acceptance < 0.8
    values = [
        scipy.stats.kstest(omega[i] * np.sum(positions[:, i] ** 2, -1), scipy.stats.expon.cdf).pvalue for i in range(3)
    ]
    assert min(values) > SIGNIFICANCE / 3


def test_two_electrons_of_one_spin_have_the_virials_potential_energy():
    """Of E = 1 + 2 in the trap half is potential; Psi = x_1 - x_2 times the Gaussian."""
    system = QuantumDot(n_up=2, n_down=0, coulomb=False)

    def log_abs(x):
        return ops.log(ops.abs(x[:, 0, 0] - x[:, 1, 0])) - 0.5 * ops.sum(ops.square(x), axis=(1, 2))

    positions, _, _ = settle(system, log_abs, 4000, 40)
    potential = 0.5 * np.sum(positions**2, axis=(1, 2))
    error = potential.std() / len(potential) ** 0.5
    assert abs(potential.mean() - 1.5) < scipy.stats.norm.isf(SIGNIFICANCE / 2) * error


def test_the_width_adapts_to_the_acceptance_that_was_asked_for():
    system = QuantumDot(n_up=1, n_down=1, coulomb=False)
    sampler = create_sampler(system, SamplerSettings())
    _, acceptances, width = settle(system, lambda x: -0.5 * ops.sum(ops.square(x), axis=(1, 2)), 1000, 80)
    assert np.mean(acceptances[-20:]) == pytest.approx(0.525, abs=0.01)
    assert width != pytest.approx(sampler.initial_width, rel=0.05)
    for acceptance, grows in ((0.9, True), (0.1, False)):
        adapted = float(ops.convert_to_numpy(sampler.adapt(*ops.convert_to_tensor([1.0, acceptance], dtype="float64"))))
        assert (adapted > 1) == grows


def test_regions_that_are_not_finite_are_never_entered():
    """NaN at x > 1, zero at y > 1; the starts in the zero leave it with the first move that can."""
    system = QuantumDot(n_up=1, n_down=0)

    def log_abs(x):
        smooth = -0.5 * ops.sum(ops.square(x), axis=(1, 2))
        smooth = ops.where(x[:, 0, 0] > 1.0, ops.full_like(smooth, float("nan")), smooth)
        return ops.where((x[:, 0, 1] > 1.0) & (x[:, 0, 0] <= 1.0), ops.full_like(smooth, -INFINITY), smooth)

    start = np.zeros((500, 1, 2))
    start[:250, 0, 1] = 1.2
    final, values, _, _ = run(create_sampler(system, SamplerSettings(moves=60)), log_abs, start, width=0.5)
    assert final[..., 0].max() <= 1.0
    assert final[..., 1].max() <= 1.0
    np.testing.assert_allclose(values, -0.5 * np.sum(final**2, axis=(1, 2)), rtol=1e-12)


def test_one_seed_gives_one_chain():
    system = QuantumDot(coulomb=False)
    start = system.initial_positions(np.random.default_rng(0), 10)

    def log_abs(x):
        return -0.5 * ops.sum(ops.square(x), axis=(1, 2))

    first, again, other = (
        run(create_sampler(system, SamplerSettings()), log_abs, start, seed_state(seed), 0.3) for seed in (3, 3, 4)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.any(first[0] != other[0])
    assert keras.config.floatx() == str(first[0].dtype)
