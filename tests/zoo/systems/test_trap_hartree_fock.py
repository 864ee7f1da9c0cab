"""Hartree-Fock in traps: the repulsion against integrals in Cartesian coordinates, energies against other programs."""

import itertools
import math

import numpy as np
import pytest

from zoo import references
from zoo.registry import create_system
from zoo.systems.trap_hartree_fock import MOST_SHELLS, filled_shells, restricted_energy

ELECTRONS = {2: (1, 3, 6, 10), 3: (1, 4, 10, 20)}


def repulsion_of_free_electrons(dim: int, shells: int, spins: int) -> float:
    """<1/r> summed over the pairs of the filled shells of a trap of frequency 1, with Cartesian orbitals.

    1/r is 2/sqrt(pi) int_0^oo du exp(-u^2 r^2), a product of Gaussians of each axis. With 1 + 2 u^2 = 1/(1 - t^2)
    every quadrature is of a polynomial, and exact.
    """
    points, weights = np.polynomial.hermite.hermgauss(4 * shells)
    centre, difference = np.meshgrid(points, points, indexing="ij")
    measure = np.outer(weights, weights)
    levels = [n for n in itertools.product(range(shells), repeat=dim) if sum(n) < shells]
    size = 8 * shells
    if dim == 3:
        t, outer = np.polynomial.legendre.leggauss(size)
        t, outer = (t + 1) / 2, outer / 2
    else:  # a weight of 1 / sqrt(1 - t^2)
        t, outer = np.cos(np.pi * (np.arange(size) + 0.5) / (2 * size)), np.full(size, np.pi / (2 * size))
    total = 0.0
    for node, weight in zip(t, outer, strict=True):
        narrow = math.sqrt(1 - node**2)
        x, y = (centre + difference * narrow) / math.sqrt(2), (centre - difference * narrow) / math.sqrt(2)
        first, second = hermite_functions(shells, x), hermite_functions(shells, y)
        # [a, b, c, d]: a and b of the first electron, c and d of the second; each axis brings a factor 1/narrow more.
        axis = np.einsum("aij,bij,cij,dij,ij->abcd", first, first, second, second, measure)
        direct = exchange = 0.0
        for i, j in itertools.product(levels, repeat=2):
            direct += math.prod(axis[p, p, q, q] for p, q in zip(i, j, strict=True))
            exchange += math.prod(axis[p, q, p, q] for p, q in zip(i, j, strict=True))
        # (2 / sqrt(pi)) du narrow^dim, du = dt narrow^-3 / sqrt(2), of which the weight holds 1 / narrow in 2D.
        total += weight * math.sqrt(2 / math.pi) * (spins**2 * direct - spins * exchange) / 2
    return total


def hermite_functions(count: int, x: np.ndarray) -> np.ndarray:
    """Polynomials of the normalised oscillator functions, without exp(-x^2 / 2)."""
    polynomials = [np.polynomial.hermite.Hermite.basis(n)(x) for n in range(count)]
    return np.stack([p / math.sqrt(2.0**n * math.factorial(n) * math.sqrt(math.pi)) for n, p in enumerate(polynomials)])


@pytest.mark.parametrize("spins", [1, 2])
@pytest.mark.parametrize("shells", [1, 2, 3])
@pytest.mark.parametrize("dim", [2, 3])
def test_weak_repulsion_is_that_of_free_electrons(dim, shells, spins):
    omega = 1e12  # in units of omega the repulsion is omega^(-1/2) / r
    free = sum(spins * math.comb(n + dim - 1, dim - 1) * (n + dim / 2) for n in range(shells))
    found = (restricted_energy(dim, omega, shells, spins) / omega - free) * math.sqrt(omega)
    assert found == pytest.approx(repulsion_of_free_electrons(dim, shells, spins), rel=1e-5, abs=1e-7 * free)


def test_the_repulsion_of_two_electrons_in_the_lowest_orbital():
    assert repulsion_of_free_electrons(2, 1, 2) == pytest.approx(math.sqrt(math.pi / 2), rel=1e-12)
    assert repulsion_of_free_electrons(3, 1, 2) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-12)


@pytest.mark.parametrize("omega", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("dim", [2, 3])
def test_one_electron_does_not_repel_itself(dim, omega):
    assert restricted_energy(dim, omega, 1, 1) == pytest.approx(omega * dim / 2, rel=1e-12)


@pytest.mark.parametrize("omega", [0.1, 0.28, 0.5, 1.0])
@pytest.mark.parametrize("shells", [1, 2, 3, 4])
def test_energies_in_a_finite_basis_of_another_program_lie_just_above(shells, omega):
    electrons = ELECTRONS[2][shells - 1]
    energy = restricted_energy(2, omega, shells, 2)
    known = [r for r in references.find(f"dot2d/{electrons}-{electrons}/w{omega}").records if r.method == "RHF"]
    assert known or (shells, omega) == (1, 1.0)
    for record in known:
        assert energy - 1e-8 < record.energy < energy + 4 * record.uncertainty


def test_hookes_atom():
    """O'Neill and Gill, PRA 68, 022505 (2003)."""
    assert restricted_energy(3, 0.5, 1, 2) == pytest.approx(2.038438871, abs=1e-9)


def test_energies_are_above_the_exact_ones_and_there_is_none_where_the_basis_is_too_small():
    for omega in (0.01, 0.1, 1.0, 10.0):
        for dim in (2, 3):
            system = create_system("quantum_dot", dim=dim, omega=omega)
            known = system.references()
            assert known.hartree_fock.energy > known.exact.energy
    assert restricted_energy(2, 1e-4, 4, 2) is None


@pytest.mark.parametrize("dim", [2, 3])
def test_which_numbers_of_electrons_fill_shells(dim):
    filled = {count: n for n, count in enumerate(ELECTRONS[dim], start=1)}
    assert len(filled) == MOST_SHELLS
    for count in range(1, max(filled) + 1):
        assert filled_shells(dim, count) == filled.get(count)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ({"n_up": 3, "n_down": 3, "omega": 0.7}, True),
        ({"n_up": 3, "n_down": 0, "omega": 0.7}, True),
        ({"n_up": 0, "n_down": 6, "omega": 0.7}, True),
        ({"dim": 3, "n_up": 4, "n_down": 4, "omega": 0.7}, True),
        ({"n_up": 2, "n_down": 2, "omega": 0.7}, False),  # an open shell
        ({"n_up": 3, "n_down": 1, "omega": 0.7}, False),  # orbitals that differ between the spins
        ({"n_up": 1, "n_down": 0}, False),  # no correlation
        ({"n_up": 3, "n_down": 3, "coulomb": False}, False),
        ({"n_up": 15, "n_down": 15}, False),  # takes longer
    ],
)
def test_dots_with_a_hartree_fock_energy(values, known):
    found = create_system("quantum_dot", **values).references().hartree_fock
    assert (found is not None) == known
    if known:
        assert found.method.startswith("RHF") and found.status == "computed" and found.energy > 0
