r"""Restricted Hartree-Fock energies of closed shells in a harmonic trap, for any frequency.

Closed shells are round, so an orbital is a radial function R(r) times an angular one, and all orbitals of a channel l,
those of m = +l and -l in two dimensions and 2 l + 1 in three, share their radial functions. The repulsion of two
products of orbitals is, by Fourier transformation of 1/r, an integral over one wave number:

    (ab|cd)_L = c int_0^oo dq f_ab(q) f_cd(q),   f_ab(q) = int_0^oo dr r^(D-1) R_a(r) R_b(r) j_L(q r),

c = 1 and the Bessel function J_L in two dimensions, c = 2 / pi and the spherical one in three. The direct term is that
of L = 0. In the exchange between all orbitals of l and l', each pair of angular momenta m, m' adds L = |m - m'| in two
dimensions; in three L = |l - l'|, ..., l + l' have the weights (2 L + 1) (2 l + 1) (2 l' + 1) (l l' L; 0 0 0)^2, with
the square of Wigner's 3j symbol.

The energy is minimised by optimal damping (E. Cances and C. Le Bris, Int. J. Quantum Chem. 79, 82 (2000)).
"""

from __future__ import annotations

import collections
import functools
import itertools
import math

import numpy as np
from threadpoolctl import threadpool_limits

METHOD = "RHF (shells of the trap, oscillator basis)"
MOST_SHELLS = 4
"""Up to here an energy takes a second or less."""
_SIZES = (16, 22)
"""Radial functions of a channel: the energy is taken if both sizes agree."""
_CONVERGED = 1e-9
_MOST_STEPS = 2000
_SELF_CONSISTENT = 1e-12


def filled_shells(dim: int, count: int) -> int | None:
    """How many shells of the trap ``count`` electrons of one spin fill, or None where the last stays open."""
    return next((n for n in range(count + 1) if math.comb(n + dim - 1, dim) == count), None)


@functools.lru_cache(maxsize=256)
@threadpool_limits.wrap(limits=1, user_api="blas")  # threads at matrices as small as these only wait for each other
def restricted_energy(dim: int, omega: float, shells: int, spins: int) -> float | None:
    """Energy in hartree to about 1e-9 of it; None where the basis is too small for that: at the weakest traps.

    Args:
        dim: 2 or 3.
        omega: Trap frequency, > 0.
        shells: Filled shells of the trap, 1 to `MOST_SHELLS`.
        spins: 2 for pairs of electrons in every orbital, 1 for electrons of one spin.
    """
    small, large = (omega * _minimum(dim, omega**-0.5, shells, spins, size) for size in _SIZES)
    return large if abs(small - large) <= _CONVERGED * large else None


def _minimum(dim: int, strength: float, shells: int, spins: int, size: int) -> float:
    """Energy in units of omega, lengths in units of omega^(-1/2), where the repulsion is ``strength`` / r.

    Density matrices of all channels are one vector ``(channels size size)``; the energy of it is quadratic.
    """
    occupied = [(shells - channel + 1) // 2 for channel in range(shells)]
    direct, exchange = (
        matrix[:, :size, :size, :, :size, :size].reshape(2 * (shells * size**2,)) for matrix in _repulsion(dim, shells)
    )
    degeneracy = np.repeat([_degeneracy(dim, channel) for channel in range(shells)], size**2)
    weight = spins * degeneracy
    one_body = np.stack([np.diag(2 * np.arange(size) + channel + dim / 2) for channel in range(shells)]).ravel()

    def field(density: np.ndarray) -> np.ndarray:
        return strength * (direct @ (weight * density) - exchange @ density / degeneracy)

    def fill(fock: np.ndarray) -> np.ndarray:
        vectors = np.linalg.eigh(fock.reshape(shells, size, size))[1]
        return np.stack([v[:, :n] @ v[:, :n].T for v, n in zip(vectors, occupied, strict=True)]).ravel()

    density = fill(one_body)
    mean = field(density)
    for _ in range(_MOST_STEPS):
        target = fill(one_body + mean)
        step, change = target - density, field(target) - mean
        slope = (weight * step) @ (one_body + mean)
        if -slope < _SELF_CONSISTENT * (weight * density) @ one_body:
            break
        curvature = (weight * step) @ change
        length = 1.0 if curvature <= -slope else -slope / curvature
        density, mean = density + length * step, mean + length * change
    return float((weight * density) @ (one_body + mean / 2))


def _degeneracy(dim: int, channel: int) -> int:
    return 2 * channel + 1 if dim == 3 else min(channel, 1) + 1


@functools.lru_cache(maxsize=4)
def _repulsion(dim: int, shells: int) -> tuple[np.ndarray, np.ndarray]:
    """Integrals (ab|cd) of the direct and, summed over the orbitals of both channels, of the exchange term.

    Each ``(channels, size, size, channels, size, size)``: a pair of functions, and the pair of a density matrix.
    """
    size = max(_SIZES)
    reach = math.sqrt(4 * size + 2 * shells) + 4.0
    radii, radial_weights = _gauss_legendre(6 * size + 60, reach)
    waves, wave_weights = _gauss_legendre(12 * size + 60, 2 * reach)
    wave_weights = wave_weights * (2 / math.pi if dim == 3 else 1.0)
    functions = [_radial_functions(dim, channel, size, radii) for channel in range(shells)]
    kernels = [(_bessel(dim, order, waves, radii) * radial_weights).T for order in range(2 * shells - 1)]

    def transform(first: int, second: int, order: int) -> np.ndarray:
        """f of every pair of functions of two channels, ``(pairs, wave numbers)``."""
        return (functions[first][:, None] * functions[second][None]).reshape(size**2, -1) @ kernels[order]

    shape = (shells, size, size, shells, size, size)
    densities = np.concatenate([transform(channel, channel, 0) for channel in range(shells)])
    direct = ((densities * wave_weights) @ densities.T).reshape(shape)
    exchange = np.empty(shape)
    for first, second in itertools.combinations_with_replacement(range(shells), 2):
        integrals = np.zeros((size**2, size**2))
        for order, weight in _exchange_weights(dim, first, second).items():
            pairs = transform(first, second, order)
            integrals += (pairs * (weight * wave_weights)) @ pairs.T
        between = integrals.reshape((size,) * 4).transpose(0, 2, 1, 3)  # (ac|bd) at [a, b, c, d]
        exchange[first, :, :, second], exchange[second, :, :, first] = between, between.transpose(2, 3, 0, 1)
    return direct, exchange


def _exchange_weights(dim: int, first: int, second: int) -> dict[int, float]:
    """How much each order L has in the exchange between all orbitals of two channels."""
    if dim == 2:
        return dict(collections.Counter(abs(m - other) for m in {first, -first} for other in {second, -second}))
    nodes, weights = np.polynomial.legendre.leggauss(first + second + 1)
    found = {}
    for order in range(abs(first - second), first + second + 1, 2):
        product = math.prod(np.polynomial.legendre.Legendre.basis(l)(nodes) for l in (first, second, order))
        square = 0.5 * float(weights @ product)  # (l l' L; 0 0 0)^2
        found[order] = (2 * order + 1) * (2 * first + 1) * (2 * second + 1) * square
    return found


def _radial_functions(dim: int, channel: int, size: int, radii: np.ndarray) -> np.ndarray:
    """Those of a trap of frequency 1 times r^((D - 1) / 2), orthonormal on the half line, ``(size, radii)``.

    By the recurrence of Laguerre polynomials for the normalised functions, which neither overflows nor cancels.
    """
    alpha = channel + dim / 2 - 1
    square = radii**2
    log_first = 0.5 * (math.log(2.0) - math.lgamma(alpha + 1)) + (alpha + 0.5) * np.log(radii) - square / 2
    functions = [np.exp(log_first)]
    before = np.zeros_like(radii)
    for n in range(size - 1):
        following = (2 * n + alpha + 1 - square) * functions[-1] - math.sqrt(n * (n + alpha)) * before
        before = functions[-1]
        functions.append(following / math.sqrt((n + 1) * (n + 1 + alpha)))
    return np.stack(functions)


def _bessel(dim: int, order: int, waves: np.ndarray, radii: np.ndarray) -> np.ndarray:
    from scipy import special

    return (special.spherical_jn if dim == 3 else special.jv)(order, waves[:, None] * radii)


def _gauss_legendre(size: int, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights on [0, end]."""
    points, weights = np.polynomial.legendre.leggauss(size)
    return 0.5 * end * (points + 1.0), 0.5 * end * weights
