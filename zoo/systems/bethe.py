"""Ground states of Hubbard rings of any size, by the Bethe ansatz of Lieb and Wu.

With N electrons, M of them spin down, and u = U/t, the wave numbers k and rapidities l of a ring of L sites solve

    L k_j = 2 pi I_j - sum_b theta(2 sin k_j - 2 l_b),
    sum_j theta(2 l_a - 2 sin k_j) = 2 pi J_a + sum_b theta(l_a - l_b),     theta(x) = 2 arctan(2 x / u),

and E = -2 t sum_j cos k_j. In the ground state the quantum numbers I and J are consecutive and symmetric about zero,
which they can be where both spins fill closed shells: odd numbers of electrons of each spin with periodic boundaries,
even ones with antiperiodic boundaries. With as many electrons as sites all I are taken, which is as good as symmetric,
so that boundaries do not matter there.

Source: E. H. Lieb and F. Y. Wu, Phys. Rev. Lett. 20, 1445 (1968); Physica A 321, 1 (2003).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo.errors import ZooError
from zoo.systems.hubbard import Hubbard

METHOD = "Bethe ansatz (Lieb-Wu)"
MOST_SITES = 500
"""Newton's method solves for up to 3/2 as many unknowns."""

_STRONG, _FACTOR = 50.0, 0.8
_WEAKEST = 0.02
_MOST_STEPS = 50


@dataclasses.dataclass(frozen=True)
class BetheState:
    """Energy in the system's units, and the expected number of doubly occupied sites on the whole ring."""

    energy: float
    double_occupancy: float


def obstacle(system: Hubbard) -> str | None:
    """Why the ansatz does not give the ground state of a system; None where it does.

    It does for rings with hopping between neighbours, of closed shells or half filled, at least 3 and at most
    `MOST_SITES` sites; with attraction, or more electrons than sites, an even number of sites, since holes then take
    the place of electrons.
    """
    ring = [(extent, letter) for extent, letter in zip(system.extent, system.boundary, strict=True) if extent > 1]
    if system.lattice in ("triangular", "honeycomb") or len(ring) != 1:
        return "expected a chain"
    if system.twist:
        return "expected boundary P or A, without a twist"
    [(sites, boundary)] = ring
    if boundary == "O" or sites < 3 or sites > MOST_SITES:
        return f"expected a ring of 3 to {MOST_SITES} sites"
    if system.t_prime != 0 or system.t <= 0 or any(factor != 1 for factor in system.anisotropy):
        return "expected hopping t > 0 to nearest neighbours alone"
    if abs(system.u) < _WEAKEST * system.t:
        return f"expected |U| of at least {_WEAKEST} t"
    if sites % 2 and (system.u < 0 or system.n_electrons > sites):
        return "expected an even number of sites for attraction or more than one electron a site"
    parity = {"P": 1, "A": 0}[boundary]
    closed = all(count % 2 == parity for count in (system.n_up, system.n_down))
    if not closed and (sites % 2 or sum(_as_electrons(system)) != sites):
        return f"expected {'odd' if parity else 'even'} numbers of electrons of each spin with boundary {boundary}"
    return None


def _as_electrons(system: Hubbard) -> tuple[int, int]:
    """Particles of each spin that repel: electrons, or, where they attract, electrons up and holes down."""
    return system.n_up, system.n_sites - system.n_down if system.u < 0 else system.n_down


def ground_state(system: Hubbard) -> BetheState:
    """The ground state of a ring.

    Raises:
        ZooError: `obstacle` says why not.
    """
    reason = obstacle(system)
    if reason is not None:
        raise ZooError(f"Bethe ansatz of {system.lattice} {list(system.extent)} {system.boundary}: {reason}")
    sites, u = system.n_sites, system.u
    n_up, n_down = _as_electrons(system)
    energy, double, sign = 0.0, 0.0, 1  # what the exchange of electrons and holes makes of E and D
    if u < 0:  # n_up n_down becomes n_up - n_up n_down
        energy, double, sign = u * n_up, float(n_up), -1
    if n_up + n_down > sites:  # holes of both
        energy, double = energy + abs(u) * (n_up + n_down - sites), double + sign * (n_up + n_down - sites)
        n_up, n_down = sites - n_up, sites - n_down
    periodic = "A" not in system.boundary
    solution = _solve(sites, n_up + n_down, min(n_up, n_down), abs(u) / system.t, n_up % 2 != periodic)
    return BetheState(energy + system.t * solution.energy, double + sign * solution.double_occupancy)


def _solve(sites: int, electrons: int, down: int, u: float, shifted: bool) -> BetheState:
    """For repulsion u > 0, no more electrons than sites and t = 1, from strong repulsion on.

    Args:
        sites, electrons, down: L, N and M.
        u: U/t.
        shifted: Whether the boundary moves the quantum numbers I by 1/2: only where all of them are taken.
    """
    charges = np.arange(electrons) - (electrons - 1) / 2 + (0.5 if shifted else 0.0)
    spins = np.arange(down) - (down - 1) / 2
    start = max(_STRONG, u)
    wave_numbers = 2 * np.pi * charges / sites
    # Strongly repelling electrons leave a Heisenberg chain, whose rapidities are these to lowest order.
    rapidities = start / 4 * np.tan(np.pi * spins / max(electrons, 1))
    unknowns = np.concatenate([wave_numbers, rapidities / start])
    for step in np.append(start * _FACTOR ** np.arange(int(np.log(start / u) / -np.log(_FACTOR)) + 1), u):
        unknowns = _newton(unknowns, sites, charges, spins, step)
    k = unknowns[:electrons]
    _, jacobian, by_u = _equations(unknowns, sites, charges, spins, u)
    change = -np.linalg.solve(jacobian, by_u)[:electrons]
    return BetheState(float(-2 * np.sum(np.cos(k))), float(2 * np.sum(np.sin(k) * change)))


def _newton(unknowns: np.ndarray, sites: int, charges: np.ndarray, spins: np.ndarray, u: float) -> np.ndarray:
    for _ in range(_MOST_STEPS):
        values, jacobian, _ = _equations(unknowns, sites, charges, spins, u)
        change = np.linalg.solve(jacobian, values)
        unknowns = unknowns - change / max(1.0, 2 * np.max(np.abs(change)))
        if np.max(np.abs(change)) < 1e-13:
            break
    if np.max(np.abs(_equations(unknowns, sites, charges, spins, u)[0])) > 1e-9:
        raise ZooError(f"Bethe ansatz of {sites} sites at U/t = {u:g}: no convergence; expected a larger |U|")
    return unknowns


def _equations(
    unknowns: np.ndarray, sites: int, charges: np.ndarray, spins: np.ndarray, u: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left minus right sides, ``(N + M,)``, and their derivatives in the unknowns, k and l / u, and in u."""
    electrons = len(charges)
    k, scaled = unknowns[:electrons], unknowns[electrons:]
    # theta(2 sin k - 2 l) = 2 arctan(a), a = 4 sin k / u - 4 l / u; theta(l - l') = 2 arctan(b), b = 2 (l - l') / u.
    a = 4 * np.sin(k)[:, None] / u - 4 * scaled[None, :]
    b = 2 * (scaled[:, None] - scaled[None, :])
    values = np.concatenate(
        [
            sites * k - 2 * np.pi * charges + np.sum(2 * np.arctan(a), axis=1),
            np.sum(2 * np.arctan(-a), axis=0) - 2 * np.pi * spins - np.sum(2 * np.arctan(b), axis=1),
        ]
    )
    slope_a, slope_b = 2 / (1 + a**2), 2 / (1 + b**2)
    in_k = slope_a * (4 * np.cos(k) / u)[:, None]
    jacobian = np.zeros((len(unknowns),) * 2)
    jacobian[:electrons, :electrons] = np.diag(sites + in_k.sum(axis=1))
    jacobian[:electrons, electrons:] = -4 * slope_a
    jacobian[electrons:, :electrons] = -in_k.T
    jacobian[electrons:, electrons:] = np.diag(4 * slope_a.sum(axis=0) - 2 * slope_b.sum(axis=1)) + 2 * slope_b
    in_u = slope_a * (-4 * np.sin(k) / u**2)[:, None]
    return values, jacobian, np.concatenate([in_u.sum(axis=1), -in_u.sum(axis=0)])
