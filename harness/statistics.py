"""What the energies of many Markov chains say: the mean, an honest error bar, and whether the chains still drift.

Every function takes *blocks*: an array ``(draws, walkers)`` of one scalar, draw by draw, for walkers that are
independent chains. `Running` does the same for many values at once, without keeping every draw. NumPy only: no backend
is imported.

**The error bar.** Walkers are independent, so the scatter of their means is an unbiased error of the grand mean
whatever the correlation within a chain, and counts chains that disagree. With many walkers nothing beats it: Geyer's
truncated sum of autocorrelations (Vehtari et al., Bayesian Analysis 16, 667 (2021), eq. 10-11) is, on 8 draws of 512
uncorrelated walkers, a factor 1.9 too small, because chains are split and a short autocorrelation is biased low. Few
walkers give the scatter few degrees of freedom; there the larger of the two estimates is reported. Effective sample
size and autocorrelation time follow from the error bar, ess = variance / stderr^2 and tau = draws walkers / ess.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from zoo.errors import ZooError

LEAST_DRAWS = 8
LEAST_WALKERS = 4
MANY_WALKERS = 32
"""From here on the scatter of the walkers' means, with 31 or more degrees of freedom, is the error bar alone."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """Statistics of ``(draws, walkers)`` local energies, in the energy's unit.

    Attributes:
        mean: Mean of all energies.
        stderr: Standard error of the mean, with the correlation within and the scatter between the chains.
        variance: Variance of the energies themselves; 0 for an eigenstate.
        ess: Number of independent energies that would give this error.
        tau: Integrated autocorrelation time in draws: 1 without correlation, below 1 for antithetic chains. Of chains
            that are not many times longer, that of the finite chain, which is smaller and at most ``draws``.
        rhat: Split R-hat; 1 when the chains agree, and above 1.01 when they are stuck or too short.
        drift_z: Mean of the second half minus that of the first, in standard errors; standard normal without drift.
        draws: Energies of each walker.
        walkers: Chains.
    """

    mean: float
    stderr: float
    variance: float
    ess: float
    tau: float
    rhat: float
    drift_z: float
    draws: int
    walkers: int

    def __str__(self) -> str:
        decimals = 6 if self.stderr == 0 else min(12, max(0, 1 - math.floor(math.log10(self.stderr))))
        return (
            f"{self.mean:.{decimals}f} ± {self.stderr:.{decimals}f} "
            f"[σ²={self.variance:.3g}, τ={self.tau:.1f}, R̂={self.rhat:.4f}]"
        )


def summarise(blocks: np.ndarray) -> Summary:
    """Statistics of the energies of independent chains.

    Args:
        blocks: Local energies ``(draws, walkers)``, at least 8 draws of 4 walkers, all finite.

    Returns:
        The summary. Energies that are constant to rounding give an error and a drift of 0, tau = 1 and R-hat = 1.

    Raises:
        ZooError: Too few draws or walkers, or energies that are not finite.
    """
    blocks = _checked(blocks, LEAST_DRAWS)
    draws, walkers = blocks.shape
    mean = float(np.mean(blocks))
    if np.ptp(blocks) <= _rounding(blocks):
        return Summary(mean, 0.0, 0.0, float(blocks.size), 1.0, 1.0, 0.0, draws, walkers)
    variance = float(np.var(blocks, ddof=1))
    stderr = _scatter_error(blocks.mean(axis=0))
    if walkers < MANY_WALKERS:
        stderr = max(stderr, _geyer_error(blocks, variance))
    # No error bar claims less than rounding leaves: a finite tau also where the walkers' means are all the same.
    stderr = max(stderr, _rounding(blocks))
    ess = variance / stderr**2
    return Summary(
        mean=mean,
        stderr=stderr,
        variance=variance,
        ess=ess,
        tau=blocks.size / ess,
        rhat=_split_rhat(blocks),
        drift_z=_shift_z(blocks[: draws // 2], blocks[-(draws // 2) :]),
        draws=draws,
        walkers=walkers,
    )


@dataclasses.dataclass(frozen=True)
class Summaries:
    """Statistics of many values of the same draws, such as an observable of wave vectors: arrays ``(count,)``.

    Attributes:
        mean, stderr, tau, rhat: Of each value, as in `Summary`.
        draws, walkers: Of all of them.
    """

    mean: np.ndarray
    stderr: np.ndarray
    tau: np.ndarray
    rhat: np.ndarray
    draws: int
    walkers: int

    def split(self, parts: int) -> list[Summaries]:
        """The values cut into equally many, one after the other."""
        columns = zip(*(np.split(v, parts) for v in (self.mean, self.stderr, self.tau, self.rhat)), strict=True)
        return [Summaries(mean, stderr, tau, rhat, self.draws, self.walkers) for mean, stderr, tau, rhat in columns]


class Running:
    """Statistics of many values at once, from running sums: memory does not grow with the draws.

    Gives what `summarise` gives for each value alone. With few walkers, where the error bar needs the series, these are
    kept.

    Args:
        draws: Draws that will be added, at least 8.
        walkers: Chains, at least 4.
        count: Values of each walker.
    """

    def __init__(self, draws: int, walkers: int, count: int):
        if draws < LEAST_DRAWS or walkers < LEAST_WALKERS:
            raise ZooError(
                f"{draws} draws of {walkers} walkers: expected at least {LEAST_DRAWS} draws and {LEAST_WALKERS} walkers"
            )
        self.draws, self.walkers, self.added = draws, walkers, 0
        self._half = draws // 2
        self._shift = np.zeros(count)  # sums of deviations from the first draw lose no digits
        self._sums, self._squares = np.zeros((3, walkers, count)), np.zeros((3, walkers, count))
        self._least, self._most = np.full(count, np.inf), np.full(count, -np.inf)
        self._series: list[np.ndarray] | None = [] if walkers < MANY_WALKERS else None

    def add(self, values: np.ndarray) -> None:
        """Add one draw, ``(walkers, count)``.

        Raises:
            ZooError: A value is not finite.
        """
        broken = values.size - np.count_nonzero(np.isfinite(values))
        if broken:
            raise ZooError(f"{broken} of {values.size} measured values are not finite: expected finite numbers")
        if self.added == 0:
            self._shift = values.mean(axis=0)
        # Parts: the first half of the draws, the one in the middle if their number is odd, the second half.
        part = 0 if self.added < self._half else 2 if self.added >= self.draws - self._half else 1
        self._sums[part] += values - self._shift
        self._squares[part] += (values - self._shift) ** 2
        self._least, self._most = (
            np.minimum(self._least, values.min(axis=0)),
            np.maximum(self._most, values.max(axis=0)),
        )
        if self._series is not None:
            self._series.append(values)
        self.added += 1

    def result(self) -> Summaries:
        """The statistics, when all draws have been added."""
        if self.added != self.draws:
            raise ZooError(f"{self.added} draws were added: expected {self.draws}")
        size, half = self.draws * self.walkers, self._half
        sums, squares = self._sums.sum(axis=0), self._squares.sum(axis=0)
        rounding = 4096 * np.finfo(np.float64).eps * np.maximum(np.abs(self._least), np.abs(self._most))
        offset = sums.sum(axis=0) / size
        variance = np.maximum(squares.sum(axis=0) - size * offset**2, 0.0) / (size - 1)
        stderr = np.std(sums / self.draws, axis=0, ddof=1) / math.sqrt(self.walkers)
        constant = self._most - self._least <= rounding
        if self._series is not None:
            series = np.stack(self._series)
            for index in np.flatnonzero(~constant):
                stderr[index] = max(stderr[index], _geyer_error(series[:, :, index], variance[index]))
        stderr = np.where(constant, 0.0, np.maximum(stderr, rounding))
        ends = self._sums[[0, 2]], self._squares[[0, 2]]
        within = np.maximum(ends[1] - ends[0] ** 2 / half, 0.0).sum(axis=(0, 1)) / (2 * self.walkers * (half - 1))
        between = np.var(np.concatenate(ends[0] / half), axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            tau = np.where(constant, 1.0, size * stderr**2 / variance)
            rhat = np.sqrt((half - 1) / half + between / np.maximum(within, rounding**2))
        return Summaries(self._shift + offset, stderr, tau, np.where(constant, 1.0, rhat), self.draws, self.walkers)


def stationary(rounds: Sequence[np.ndarray], z_limit: float = 2.0) -> bool:
    """Whether the latest two rounds of equilibration agree within their errors.

    The walkers' means of the two rounds are compared pairwise, which accounts for any correlation between the
    rounds. Chains in equilibrium are called drifting with a probability of 4.6 % a comparison at the default limit,
    which costs one more round; a shift of k standard errors passes with probability 16 % at k = 3 and 2 % at k = 4.

    Args:
        rounds: Blocks ``(draws, walkers)`` of the rounds so far, oldest first, of the same walkers.
        z_limit: Largest difference, in standard errors.

    Returns:
        True when they agree; False also when there are fewer than two rounds.

    Raises:
        ZooError: Different walkers, too few of them, or values that are not finite.
    """
    if len(rounds) < 2:
        return False
    before, after = (_checked(block, 1) for block in rounds[-2:])
    if before.shape[1] != after.shape[1]:
        raise ZooError(f"rounds of {before.shape[1]} and {after.shape[1]} walkers: expected the same walkers in each")
    return abs(_shift_z(before, after)) <= z_limit


def v_score(variance: float, energy: float, n_particles: int, infinite_temperature_energy: float) -> float:
    """V-score N Var(E) / (E - E_inf)^2 (Wu et al., Science 386, 296 (2024)): 0 for any eigenstate.

    Args:
        variance: Variance of the local energies.
        energy: Their mean.
        n_particles: N, the number of particles.
        infinite_temperature_energy: E_inf, the energy at infinite temperature.
    """
    distance = energy - infinite_temperature_energy
    if distance == 0:
        raise ZooError(f"energy {energy} equals the infinite-temperature energy: the V-score is not defined")
    return n_particles * variance / distance**2


def correlation_recovered(energy: float, hartree_fock: float, reference: float) -> float:
    """Share of the correlation energy, (E_HF - E) / (E_HF - E_ref): 0 at Hartree-Fock, 1 at the reference."""
    correlation = hartree_fock - reference
    if correlation == 0:
        raise ZooError(f"the Hartree-Fock energy {hartree_fock} equals the reference: no correlation energy to recover")
    return (hartree_fock - energy) / correlation


def _checked(blocks: np.ndarray, least_draws: int) -> np.ndarray:
    blocks = np.asarray(blocks, dtype=np.float64)
    if blocks.ndim != 2 or blocks.shape[0] < least_draws or blocks.shape[1] < LEAST_WALKERS:
        raise ZooError(
            f"energies of shape {blocks.shape}: expected (draws, walkers) "
            f"with at least {least_draws} draws and {LEAST_WALKERS} walkers"
        )
    broken = blocks.size - np.count_nonzero(np.isfinite(blocks))
    if broken:
        raise ZooError(f"{broken} of {blocks.size} energies are not finite: expected finite numbers")
    return blocks


def _rounding(blocks: np.ndarray) -> float:
    """Differences below this are rounding, not physics: local energies are small differences of large terms."""
    return float(4096 * np.finfo(np.float64).eps * np.max(np.abs(blocks)))


def _scatter_error(walker_means: np.ndarray) -> float:
    """Standard error of the mean of independent values ``(walkers,)``."""
    return float(np.std(walker_means, ddof=1) / math.sqrt(walker_means.size))


def _geyer_error(blocks: np.ndarray, variance: float) -> float:
    """Standard error of the mean from the multi-chain autocorrelation, truncated after Geyer."""
    from arviz_stats.base import array_stats  # here, as it costs a second (scipy.stats) that many walkers never need

    return math.sqrt(variance / float(array_stats.ess(blocks, chain_axis=1, draw_axis=0, method="mean")))


def _split_rhat(blocks: np.ndarray) -> float:
    """Split R-hat (Gelman et al., Bayesian Data Analysis, eq. 11.4): each chain counts as two, its halves.

    Of the energies as they are, not of their ranks. Finite also for frozen chains, whose inner variance is 0.
    """
    half = blocks.shape[0] // 2
    chains = np.concatenate([blocks[:half], blocks[-half:]], axis=1)
    within = np.mean(np.var(chains, axis=0, ddof=1))
    between = np.var(chains.mean(axis=0), ddof=1)
    return float(np.sqrt((half - 1) / half + between / max(within, _rounding(blocks) ** 2)))


def _shift_z(before: np.ndarray, after: np.ndarray) -> float:
    """Shift of the mean between two stretches of the same walkers, as a standard normal deviate.

    Each walker is paired with itself, so that correlation between the stretches needs no model. The ratio follows
    Student's t with f = walkers - 1 degrees of freedom, turned into a normal deviate by Wallace's transformation
    (Ann. Math. Statist. 30, 1121 (1959)): z = (8f + 1)/(8f + 3) sqrt(f log(1 + t^2/f)).
    """
    shifts = after.mean(axis=0) - before.mean(axis=0)
    shift = float(np.mean(shifts))
    rounding = max(_rounding(before), _rounding(after))
    if abs(shift) <= rounding:
        return 0.0
    freedom = shifts.size - 1
    t = shift / max(_scatter_error(shifts), rounding)
    return math.copysign((8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom)), t)
