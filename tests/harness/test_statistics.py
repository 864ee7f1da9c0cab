"""Error bars, drift and convergence of many Markov chains, against chains whose statistics are known."""

import math
import warnings

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm, t

from harness import statistics
from harness.statistics import Summary, correlation_recovered, stationary, summarise, v_score
from zoo.errors import ZooError


def autoregressive(rng, draws, walkers, tau):
    """Stationary AR(1) chains of mean 0, variance 1 and autocorrelation time tau = (1 + phi)/(1 - phi)."""
    phi = (tau - 1) / (tau + 1)
    noise = rng.normal(size=(draws, walkers)) * math.sqrt(1 - phi**2)
    noise[0] = rng.normal(size=walkers)
    return lfilter([1.0], [1.0, -phi], noise, axis=0)


# 200 replicas: a true coverage of 0.683 falls outside 0.58 to 0.78 once in 500 tests, and the seeds are fixed.
@pytest.mark.parametrize(
    ("draws", "walkers", "tau"),
    [(8, 64, 0.5), (8, 512, 1), (8, 64, 5), (8, 64, 20), (50, 64, 0.5), (50, 64, 5), (50, 64, 20), (200, 64, 20)],
)
def test_the_error_bar_covers_the_truth_as_often_as_a_normal_one(draws, walkers, tau):
    rng = np.random.default_rng(7)
    z = [s.mean / s.stderr for s in (summarise(autoregressive(rng, draws, walkers, tau)) for _ in range(200))]
    assert 0.60 < np.mean(np.abs(z) < 1) < 0.76
    assert np.mean(np.abs(z) < 2) > 0.91
    assert 0.87 < np.std(z) < 1.15


@pytest.mark.parametrize("tau", [0.5, 1, 5, 20])
def test_few_long_chains_are_calibrated_too(tau):
    rng = np.random.default_rng(11)
    z = [s.mean / s.stderr for s in (summarise(autoregressive(rng, 400, 8, tau)) for _ in range(200))]
    assert 0.60 < np.mean(np.abs(z) < 1) < 0.80
    assert 0.80 < np.std(z) < 1.20


@pytest.mark.parametrize("tau", [0.5, 1, 5, 20])
def test_tau_and_variance_are_those_of_the_chain(tau):
    summary = summarise(autoregressive(np.random.default_rng(3), 1000, 1024, tau))
    # Var of the mean of a finite chain: tau is reached up to O(tau/draws); the scatter of 1024 means is 4 %.
    assert summary.tau == pytest.approx(tau, rel=0.15)
    assert summary.variance == pytest.approx(1, rel=0.02)
    assert summary.ess == pytest.approx(1000 * 1024 / summary.tau)
    assert summary.stderr == pytest.approx(math.sqrt(summary.variance / summary.ess))
    assert summary.rhat < 1.03


def test_two_level_energies_have_the_exact_mean_and_variance():
    blocks = np.tile([[1.0, 3.0], [3.0, 1.0]], (4, 16))
    summary = summarise(blocks + np.arange(32) * 1e-9)
    assert summary.mean == pytest.approx(2, abs=1e-6)
    assert summary.variance == pytest.approx(256 / 255, rel=1e-6)
    assert (summary.draws, summary.walkers) == (8, 32)


def test_stuck_chains_widen_the_error_and_raise_rhat():
    rng = np.random.default_rng(5)
    moving = rng.normal(size=(100, 64))
    stuck = moving + rng.normal(size=64)
    good, bad = summarise(moving), summarise(stuck)
    assert good.rhat < 1.01 and bad.rhat > 1.1
    # Each stuck chain counts about once: the error is sqrt(1/64), not sqrt(2/6400).
    assert bad.stderr == pytest.approx(math.sqrt(1.01 / 64), rel=0.25)
    assert bad.tau > 20 * good.tau


def test_frozen_chains_count_once_each_and_stay_finite():
    energies = np.random.default_rng(9).normal(size=64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = summarise(np.tile(energies, (20, 1)))
    assert summary.stderr == pytest.approx(np.std(energies, ddof=1) / 8)
    assert summary.tau == pytest.approx(20, rel=0.02)
    assert summary.rhat > 1e6 and math.isfinite(summary.rhat)
    assert summary.drift_z == 0


@pytest.mark.parametrize("walkers", [4, 64])
@pytest.mark.parametrize("energy", [0.0, 3.0, -1234.56789])
def test_an_exact_eigenstate_has_no_error_bar(energy, walkers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = summarise(np.full((20, walkers), energy))
    assert summary == Summary(pytest.approx(energy, rel=1e-15), 0.0, 0.0, 20.0 * walkers, 1.0, 1.0, 0.0, 20, walkers)
    assert str(summary).endswith("± 0.000000 [σ²=0, τ=1.0, R̂=1.0000]")


def test_rounding_of_an_exact_eigenstate_is_no_drift():
    blocks = np.full((20, 64), 3.0)
    blocks[10:] = np.nextafter(3.0, 4.0)
    assert summarise(blocks).drift_z == 0
    assert stationary([blocks[:10], blocks[10:]])


def test_drift_is_seen_with_its_sign_and_not_imagined():
    rng = np.random.default_rng(13)
    trend = np.linspace(0, 1, 100)[:, None]
    for tau in (1, 20):
        assert summarise(autoregressive(rng, 100, 256, tau) + trend).drift_z > 5
        assert summarise(autoregressive(rng, 100, 256, tau) - trend).drift_z < -5
    assert math.isfinite(summarise(np.repeat([[0.0], [1.0]], 10, axis=0) + np.zeros(64)).drift_z)


@pytest.mark.parametrize(("walkers", "tau"), [(4, 1), (64, 1), (64, 20), (64, 100)])
def test_drift_z_is_standard_normal_in_equilibrium(walkers, tau):
    rng = np.random.default_rng(17)
    z = [summarise(autoregressive(rng, 40, walkers, tau)).drift_z for _ in range(300)]
    assert abs(np.mean(z)) < 0.2
    assert 0.87 < np.std(z) < 1.13


@pytest.mark.parametrize(("freedom", "ratio"), [(3, 2.0), (3, 10.0), (63, 1.0), (63, 3.0)])
def test_students_t_becomes_the_normal_deviate_of_the_same_probability(freedom, ratio):
    shifts = np.random.default_rng(19).normal(size=freedom + 1)
    shifts = (shifts - shifts.mean()) / np.std(shifts, ddof=1) + ratio / math.sqrt(freedom + 1)
    z = statistics._shift_z(np.zeros((1, freedom + 1)), shifts[None, :])
    assert z == pytest.approx(norm.isf(t.sf(ratio, freedom)), rel=0.02)


@pytest.mark.parametrize("tau", [1, 20])
def test_equilibrium_is_called_drift_at_the_stated_rate(tau):
    rng = np.random.default_rng(23)
    rounds = (np.split(autoregressive(rng, 40, 64, tau), 2) for _ in range(600))
    alarms = sum(not stationary(pair) for pair in rounds)
    assert 0.020 < alarms / 600 < 0.075  # 4.6 % expected, 3 sigma of 600 trials either way


def test_stationary_needs_two_rounds_and_judges_the_latest_two():
    rng = np.random.default_rng(29)
    first, second, third = (rng.normal(size=(20, 256)) + shift for shift in (1.0, 0.0, 0.0))
    assert not stationary([])
    assert not stationary([first])
    assert not stationary([first, second])
    assert stationary([first, second, third])
    assert not stationary([second, third, first])


def test_rhat_is_that_of_arviz():
    from arviz_stats.base import array_stats

    for draws in (40, 41):
        blocks = autoregressive(np.random.default_rng(31), draws, 32, 5)
        assert summarise(blocks).rhat == pytest.approx(
            float(array_stats.rhat(blocks, chain_axis=1, draw_axis=0, method="split")), rel=1e-12
        )


@pytest.mark.parametrize("shape", [(7, 64), (8, 3), (64,), (8, 4, 2), (0, 0)])
def test_too_few_numbers_are_refused(shape):
    with pytest.raises(ZooError, match="at least 8 draws and 4 walkers"):
        summarise(np.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_energies_that_are_not_finite_are_refused_and_counted(value):
    blocks = np.zeros((20, 64))
    blocks[3, 5] = blocks[4, 5] = value
    with pytest.raises(ZooError, match="2 of 1280 energies are not finite"):
        summarise(blocks)
    with pytest.raises(ZooError, match="not finite"):
        stationary([blocks, blocks])


def test_rounds_of_other_walkers_are_refused():
    with pytest.raises(ZooError, match="64 and 32 walkers"):
        stationary([np.zeros((20, 64)), np.zeros((20, 32))])


def test_scores_of_known_states():
    # Infinite temperature U N_up N_down / N_sites = 4 * 3 * 3 / 6; N = 6 belongs in the numerator.
    assert v_score(0.5, -4.0, 6, 6.0) == pytest.approx(6 * 0.5 / 100)
    assert v_score(0.0, -4.0, 6, 6.0) == 0
    assert correlation_recovered(-2.9, -2.8617, -2.9037) == pytest.approx(0.0383 / 0.0420)
    assert correlation_recovered(-2.8617, -2.8617, -2.9037) == 0
    assert correlation_recovered(-2.9037, -2.8617, -2.9037) == pytest.approx(1)
    with pytest.raises(ZooError, match="infinite-temperature"):
        v_score(0.5, 6.0, 6, 6.0)
    with pytest.raises(ZooError, match="no correlation energy"):
        correlation_recovered(-1.0, -1.0, -1.0)


def test_the_printed_error_keeps_two_digits():
    summary = Summary(20.163412, 0.00123, 0.52, 1000.0, 2.5, 1.0012, 0.3, 200, 1024)
    assert str(summary) == "20.1634 ± 0.0012 [σ²=0.52, τ=2.5, R̂=1.0012]"
