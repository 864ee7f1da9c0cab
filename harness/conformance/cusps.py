"""Checks of Kato's cusp conditions, which hold for every value of the weights.

As two particles meet, log|Psi| (for electrons of equal spin log|Psi| / r) has a slope in their distance r that only
the potential and the dimension D decide: q / (D - 1) for opposite spins, q / (D + 1) for equal spins and
-2 Z / (D - 1) at a nucleus, with q = 1, or 0 where the electrons do not repel. Source: T. Kato, Commun. Pure Appl.
Math. 10, 151 (1957); R. T. Pack and W. Byers Brown, J. Chem. Phys. 45, 556 (1966).

A model that learns a cusp instead leaves it out of `zoo.wavefunction.Wavefunction.exact_cusps`; the deviation of its
first and its perturbed weights is then shown, and not judged.
"""

from __future__ import annotations

import numpy as np

from harness.conformance.report import Result, at_most, not_claimed
from harness.conformance.subject import CHOSEN, Subject, Weights

_DIRECTIONS = 4


def opposite_spin_cusp(subject: Subject) -> Result | None:
    """Deviation of the slope of log|Psi| between an up and a down electron from q / (D - 1)."""
    system = subject.system
    if not subject.continuum or not (system.n_up and system.n_down):
        return None
    expected = system.electron_interaction / (system.dim - 1)
    error = max(abs(_pair_slopes(subject, w, 0, system.n_up) - expected) for w in (subject.initial, subject.perturbed))
    return _judged(
        subject, "opposite_spin", error, f"as opposite spins meet, the slope of log|Psi| must be {expected:.4g} for "
        "all weights: set the cusp in the Jastrow factor, and let all else start with zero slope in r"
    )  # fmt: skip


def same_spin_cusp(subject: Subject) -> Result | None:
    """Deviation of the slope of log(|Psi| / r) between electrons of equal spin from q / (D + 1)."""
    system = subject.system
    pairs = [(0, 1)] * (system.n_up > 1) + [(system.n_up, system.n_up + 1)] * (system.n_down > 1)
    if not subject.continuum or not pairs:
        return None
    expected = system.electron_interaction / (system.dim + 1)
    error = max(
        abs(_pair_slopes(subject, w, i, j) - expected) for w in (subject.initial, subject.perturbed) for i, j in pairs
    )
    return _judged(
        subject, "same_spin", error, f"as equal spins meet, the slope of log(|Psi| / r) must be {expected:.4g} for all "
        "weights: set the cusp in the Jastrow factor; backflow and features must start with zero slope in r"
    )  # fmt: skip


def nuclear_cusp(subject: Subject) -> Result | None:
    """Deviation of the slope of log|Psi| at each nucleus from -2 Z / (D - 1), relative to it."""
    system = subject.system
    if not subject.continuum or not len(system.charges):
        return None
    electrons = [0] * (system.n_up > 0) + [system.n_up] * (system.n_down > 0)
    error = 0.0
    for nucleus, charge in enumerate(system.charges):
        expected = -2.0 * charge / (system.dim - 1)
        for weights in (subject.initial, subject.perturbed):
            for electron in electrons:
                slope = _nuclear_slope(subject, weights, electron, nucleus)
                error = float(np.maximum(error, abs(slope / expected - 1)))
    return _judged(
        subject, "nucleus", error, "at a nucleus of charge Z the slope of log|Psi| must be -2 Z / (D - 1) for all "
        "weights: set it in the Jastrow factor, keep the orbitals smooth, and let backflow vanish there"
    )  # fmt: skip


def _judged(subject: Subject, cusp: str, error: float, advice: str) -> Result:
    """The deviation held to the limit, where the model claims that cusp."""
    if cusp in subject.model.exact_cusps:
        return at_most(error, 1e-4, advice)
    return not_claimed(error, "the model learns this cusp (zoo.wavefunction.Wavefunction.exact_cusps)")


def _pair_slopes(subject: Subject, weights: Weights, i: int, j: int) -> float:
    """Slope for electrons i and j that meet half-way, at the places with most room."""
    system = subject.system
    same_spin = (i < system.n_up) == (j < system.n_up)
    room = _clearance(subject, subject.candidates, subject.candidates[:, i], without=(i, j))
    x = subject.candidates[np.argsort(-room)[:CHOSEN]]
    directions = _unit_vectors(len(x), system.dim)
    step = (1e-3 if same_spin else 1e-4) * system.length_scale

    def at(direction, distance):
        moved = x.copy()
        moved[:, i], moved[:, j] = x[:, i] + 0.5 * distance * direction, x[:, i] - 0.5 * distance * direction
        return moved

    if same_spin:  # along a node there is no slope: take the direction in which |Psi| is largest
        log_abs = np.array([subject.log_abs(weights, at(direction, step)) for direction in directions])
        chosen = directions[np.argmax(log_abs, axis=0), np.arange(len(x))]
    else:
        chosen = directions[0]

    def slope(distance):
        gradients = (subject.gradients(weights, at(sign * chosen, distance)) for sign in (1, -1))
        along = [0.5 * np.sum((g[:, i] - g[:, j]) * chosen, axis=-1) for g in gradients]
        return 0.5 * (along[0] - along[1]) - (1.0 / distance if same_spin else 0.0)

    return _median_limit(slope, step)


def _nuclear_slope(subject: Subject, weights: Weights, electron: int, nucleus: int) -> float:
    system = subject.system
    place = np.broadcast_to(system.nuclei[nucleus], (len(subject.candidates), system.dim))
    room = _clearance(subject, subject.candidates, place, without=(electron,), nucleus=nucleus)
    x = subject.candidates[np.argsort(-room)[:CHOSEN]]
    direction = _unit_vectors(len(x), system.dim)[0]

    def slope(distance):
        along = []
        for sign in (1, -1):
            moved = x.copy()
            moved[:, electron] = system.nuclei[nucleus] + sign * distance * direction
            along.append(sign * np.sum(subject.gradients(weights, moved)[:, electron] * direction, axis=-1))
        return 0.5 * (along[0] + along[1])

    return _median_limit(slope, 1e-5 * system.length_scale)


def _median_limit(slope, step: float) -> float:
    """Slopes extrapolated to zero distance; the median, since a node near by spoils a single place."""
    return float(np.median(2.0 * slope(step) - slope(2.0 * step)))


def _clearance(subject: Subject, positions, places, without: tuple[int, ...], nucleus: int | None = None) -> np.ndarray:
    """Distance from each place ``(batch, dim)`` to the nearest other particle."""
    others = [positions[:, k] for k in range(positions.shape[1]) if k not in without]
    others += [np.broadcast_to(r, places.shape) for k, r in enumerate(subject.system.nuclei) if k != nucleus]
    if not others:
        return np.zeros(len(positions))
    return np.min([np.linalg.norm(other - places, axis=-1) for other in others], axis=0)


def _unit_vectors(count: int, dim: int) -> np.ndarray:
    vectors = np.random.default_rng(4).standard_normal((_DIRECTIONS, count, dim))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
