"""Low-rank ratios against determinants."""

import numpy as np
import pytest
import scipy.stats
from keras import ops

import zoo
from harness import backend, stateless
from harness import random as random_state
from harness.local_energy.hops import HopRatios
from harness.observables.pair_hops import PairHopRatios
from harness.sampling.amplitudes import Following
from harness.sampling.lattice import LatticeSampler
from harness.settings import SamplerSettings
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard
from zoo.systems.t_v import TV

SYSTEMS = {
    "doped rectangle": Hubbard("rectangle", (4, 2), "AP", n_up=3, n_down=2),
    "half filled": Hubbard("chain", (6,), "P", u=8.0, n_up=3, n_down=3),
    "one spin": Hubbard("chain", (6,), "A", n_up=0, n_down=4),
    "one electron each": Hubbard("triangular", (3, 3), "PP", n_up=1, n_down=1),
    "spinless": TV("honeycomb", (2, 2), "PP", n_up=3),
}


def model_of(system, orbitals="auto"):
    """Slater-Jastrow with random weights, so that nothing vanishes by symmetry."""
    model = zoo.create_model("slater_jastrow", system, orbitals=orbitals)
    random = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(variable.value + 0.3 * random.standard_normal(variable.shape))
    return model


def weights_of(model):
    return [variable.value for variable in model.trainable_variables]


@pytest.mark.parametrize("orbitals", ["screened", "generalised"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_ratios_of_all_pairs_are_those_of_the_amplitudes(name, orbitals):
    system = SYSTEMS[name]
    model = model_of(system, orbitals)
    hops = HopRatios([(i, j) for j in range(system.n_sites) for i in range(j)], system.n_sites)
    occupations = ops.convert_to_tensor(model.sample_configurations(16, seed=1))
    parameters = weights_of(model)
    expected = hops.evaluate(lambda x: stateless.log_psi(model, parameters, x), occupations)
    found = hops.follow(model.low_rank, stateless.low_rank_factors(model, parameters), occupations)
    expected, found = (ops.convert_to_numpy(x) for x in (expected, found))
    assert np.any(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("orbitals", ["screened", "generalised"])
@pytest.mark.parametrize("name", ["doped rectangle", "half filled", "one electron each"])
def test_ratios_of_pairs_of_electrons_are_those_of_the_amplitudes(name, orbitals):
    system = SYSTEMS[name]
    model = model_of(system, orbitals)
    places = np.array(list(np.ndindex(system.n_sites, system.n_sites)))
    hops = PairHopRatios(places, system.n_sites)
    occupations = model.sample_configurations(12, seed=1)
    random = np.random.default_rng(0)
    rows = random.integers(-1, len(places), size=(12, 7))
    for walker, occupied in enumerate(occupations):  # at least one pair that is there
        rows[walker, 0] = np.flatnonzero(occupied[0])[-1] * system.n_sites + np.flatnonzero(occupied[1])[0]
    given = ops.convert_to_tensor(occupations), ops.convert_to_tensor(rows.astype("int32"))
    parameters = weights_of(model)
    expected = hops.evaluate(lambda x: stateless.log_psi(model, parameters, x), *given)
    found = hops.follow(model.low_rank, stateless.low_rank_factors(model, parameters), *given)
    expected, found = (ops.convert_to_numpy(x) for x in (expected, found))
    assert np.count_nonzero(expected) > 12
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("orbitals", ["screened", "generalised"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_table_follows_hops_and_exchanges(name, orbitals):
    """After thirty random moves, also refused ones, it is the table of the new configurations."""
    system = SYSTEMS[name]
    model = model_of(system, orbitals)
    sampler = LatticeSampler(system, SamplerSettings())
    factors, low_rank = stateless.low_rank_factors(model, weights_of(model)), model.low_rank
    walkers = ops.convert_to_tensor(model.sample_configurations(16, seed=2))
    table, random, moved = low_rank.table(factors, walkers), np.random.default_rng(0), np.zeros(16, bool)
    for _ in range(30):
        proposal, ways, _ = sampler._propose(walkers, *(ops.convert_to_tensor(random.random(16)) for _ in range(2)))
        log_abs, proposed = low_rank.propose(factors, table, walkers, proposal)
        expected = ops.convert_to_numpy(model(proposal)[1])
        near = expected > ops.convert_to_numpy(table["log_abs"]) - 3  # else it would not be accepted, nor stay exact
        np.testing.assert_allclose(ops.convert_to_numpy(log_abs)[near], expected[near], atol=1e-5)
        accepted = near & (ops.convert_to_numpy(ways) > 0) & (random.random(16) < 0.7)
        moved |= accepted
        accepted = ops.convert_to_tensor(accepted)
        table = low_rank.follow(table, log_abs, proposed, accepted)
        walkers = ops.where(ops.reshape(accepted, (-1, 1, 1)), proposal, walkers)
    assert moved.all()
    fresh = low_rank.table(factors, walkers)
    np.testing.assert_allclose(
        ops.convert_to_numpy(table["log_abs"]), ops.convert_to_numpy(fresh["log_abs"]), atol=1e-5
    )
    for name in ("charge", "spin"):
        np.testing.assert_allclose(ops.convert_to_numpy(table[name]), ops.convert_to_numpy(fresh[name]), atol=1e-10)
    # Rows of W belong to electrons, which the new table numbers by their places: products of rows do not depend on it.
    for followed, anew in zip(table["ratios"], fresh["ratios"], strict=True):
        followed, anew = (ops.convert_to_numpy(ops.matmul(w, ops.transpose(w, (0, 2, 1)))) for w in (followed, anew))
        np.testing.assert_allclose(followed, anew, atol=1e-4 * np.abs(anew).max())


def sampled(sampler, following, walkers):
    seed = ops.convert_to_tensor(random_state.initial_state(5))
    sample = backend.jit(lambda x, s: sampler.sample(following, x, s, None))
    return [ops.convert_to_numpy(value) for value in sample(ops.convert_to_tensor(walkers), seed)]


@pytest.mark.slow
def test_following_walkers_end_where_evaluated_ones_do():
    """The same random numbers, the same decisions: on a larger lattice, through several tables."""
    system = Hubbard("square", (6, 6), "PA", u=4.0, n_up=14, n_down=13)
    model = model_of(system, "generalised")
    parameters = weights_of(model)
    sampler = LatticeSampler(system, SamplerSettings(moves=70))
    walkers = model.sample_configurations(8, seed=4)
    following = Following(model.low_rank, stateless.low_rank_factors(model, parameters))
    found = sampled(sampler, following, walkers)
    expected = sampled(sampler, lambda x: stateless.log_psi(model, parameters, x)[1], walkers)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-9)
    assert found[3] == pytest.approx(expected[3])
    assert found[3] > 0


def test_what_has_drifted_is_corrected():
    """With ratios that favour double occupancy, walkers that come from |Psi|^2 stay distributed so."""
    system = Hubbard("chain", (4,), "P", n_up=2, n_down=1)
    model = model_of(system)
    everything = exact.basis(system)
    weight = np.exp(2 * ops.convert_to_numpy(model(everything)[1]))
    double = everything.prod(axis=1).sum(axis=-1)

    class Drifting(Following):
        def propose(self, kept, walkers, proposal):
            log_abs, proposed = super().propose(kept, walkers, proposal)
            gained = ops.sum(proposal[:, 0] * proposal[:, 1], axis=-1) - ops.sum(walkers[:, 0] * walkers[:, 1], axis=-1)
            return log_abs + 0.7 * ops.cast(gained, log_abs.dtype), proposed

    following = Drifting(model.low_rank, stateless.low_rank_factors(model, weights_of(model)))
    sampler = LatticeSampler(system, SamplerSettings(moves=24))
    sampler.refresh = 6
    start = np.random.default_rng(0).choice(len(everything), size=4000, p=weight / weight.sum())
    found = sampled(sampler, following, everything[start])[0]
    counts = np.array([(found == state).all(axis=(1, 2)).sum() for state in everything])
    assert scipy.stats.chisquare(counts, 4000 * weight / weight.sum()).pvalue > 1e-3
    favoured = weight * np.exp(1.4 * double)
    assert favoured @ double / favoured.sum() > weight @ double / weight.sum() + 0.1


def test_zero_in_all_but_rounding_is_zero():
    """Of free electrons in a closed shell many configurations have none, and no ratio from there is right."""
    model = zoo.create_model("slater_jastrow", Hubbard("square", (4, 4), "PP", n_up=5, n_down=5), orbitals="free")
    walkers = model.sample_configurations(1024, seed=0)
    log_abs = ops.convert_to_numpy(model(walkers)[1])
    table = model.low_rank.table(stateless.low_rank_factors(model, weights_of(model)), ops.convert_to_tensor(walkers))
    zero = ops.convert_to_numpy(table["log_abs"]) == -np.inf
    assert 0.2 < zero.mean() < 0.9
    assert log_abs[zero].max() < -30 < log_abs[~zero].min()


def test_a_walker_at_zero_moves_on():
    """Two sites with the same orbitals: Psi vanishes where both electrons are there."""
    system = Hubbard("chain", (6,), "P", n_up=2, n_down=0)
    model = zoo.create_model("slater_jastrow", system)
    model.orbitals.values[0].assign(np.array([[1, 0.2], [1, 0.2], [0.3, 0.9], [0.1, 1], [0.5, 0.3], [0.2, 0.7]]))
    walkers = np.zeros((64, 2, 6), "int8")
    walkers[:, 0, :2] = 1
    following = Following(model.low_rank, stateless.low_rank_factors(model, weights_of(model)))
    found = sampled(LatticeSampler(system, SamplerSettings(moves=96)), following, walkers)
    assert np.isfinite(found[1]).all()
    np.testing.assert_allclose(found[1], ops.convert_to_numpy(model(found[0])[1]), atol=1e-10)
