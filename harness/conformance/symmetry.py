"""Checks of what exchanging electrons does to Psi. On a lattice antisymmetry is built into the basis."""

from __future__ import annotations

import numpy as np

from harness.conformance.report import Result, at_most
from harness.conformance.subject import Subject, difference


def antisymmetry(subject: Subject) -> Result | None:
    """Psi changes sign, and only that, under the exchange of any two neighbours of equal spin."""
    pairs = [(k, k + 1) for first, last in _spins(subject) for k in range(first, last - 1)]
    if not subject.continuum or not pairs:
        return None
    x = subject.configurations
    worst = 0.0
    for weights in (subject.initial, subject.perturbed):
        sign, log_abs = subject.values(weights, x)
        exchanged = [x[:, _transposition(x.shape[1], pair)] for pair in pairs]
        new_sign, new_log_abs = subject.values(weights, np.concatenate(exchanged))
        if np.any(new_sign != -np.tile(sign, len(pairs))):
            return at_most(
                np.inf, 1e-10, "Psi does not change sign when two electrons of equal spin are exchanged: the "
                "determinant must hold every electron of a spin, and backflow must be permutation-equivariant"
            )  # fmt: skip
        worst = max(worst, difference(new_log_abs, np.tile(log_abs, len(pairs))))
    return at_most(
        worst, 1e-10, "|Psi| changes when two electrons of equal spin are exchanged: the Jastrow factor must be "
        "symmetric and backflow permutation-equivariant"
    )  # fmt: skip


def spin_flip_symmetry(subject: Subject) -> Result | None:
    """|Psi| stays when all up electrons change places with all down ones, for a model that declares it."""
    n_up, n_down = subject.system.n_up, subject.system.n_down
    if not (subject.continuum and n_up == n_down and subject.model.spin_flip_symmetric):
        return None
    x = subject.configurations
    flipped = np.concatenate([x[:, n_up:], x[:, :n_up]], axis=1)
    worst = max(
        difference(subject.log_abs(weights, flipped), subject.log_abs(weights, x))
        for weights in (subject.initial, subject.perturbed)
    )
    return at_most(
        worst, 1e-10, "|Psi| changes when all spins are flipped: share weights between the spins, or leave "
        "spin_flip_symmetric = False"
    )  # fmt: skip


def coincident_electrons(subject: Subject) -> Result | None:
    """Where two electrons of equal spin sit on one point, |Psi| vanishes up to rounding, and nothing is NaN."""
    pairs = [(first, first + 1) for first, last in _spins(subject) if last - first > 1]
    if not subject.continuum or not pairs:
        return None
    worst = -np.inf
    for weights in (subject.initial, subject.perturbed):
        usual = subject.log_abs(weights, subject.configurations)
        for i, j in pairs:
            x = subject.configurations.copy()
            x[:, j] = x[:, i]
            sign, log_abs = subject.values(weights, x)
            if np.isnan(log_abs).any() or np.isnan(sign).any():
                return at_most(
                    np.nan, -25.0, "NaN where two electrons of equal spin sit on one point: return sign 0 and "
                    "log|Psi| = -inf, as zoo.layers.determinant.slogdet does"
                )  # fmt: skip
            worst = max(worst, float(np.max(log_abs - usual)))
    return at_most(
        worst, -25.0, "log|Psi| where two electrons of equal spin sit on one point, over its usual value: Psi must "
        "vanish there"
    )  # fmt: skip


def _spins(subject: Subject) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last + 1 of the electrons of each spin."""
    n_up = subject.system.n_up
    return (0, n_up), (n_up, subject.system.n_electrons)


def _transposition(count: int, pair: tuple[int, int]) -> list[int]:
    order = list(range(count))
    order[pair[0]], order[pair[1]] = pair[1], pair[0]
    return order
