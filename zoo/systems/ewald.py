r"""Coulomb energy of electrons in a periodic cell with a uniform neutralising background, by Ewald sums.

In units of 1/L, with lengths in units of the side L of the cubic (D = 3) or square (D = 2) cell and beta the splitting,

    E = sum_{i<j} psi(r_ij) + N xi / 2
    psi(r) = sum_n erfc(beta |r + n|) / |r + n| + sum_{n != 0} v(n) cos(2 pi n.r) - b
    D = 3: v(n) = exp(-pi^2 n^2 / beta^2) / (pi n^2),   b = pi / beta^2
    D = 2: v(n) = erfc(pi n / beta) / n,                b = 2 sqrt(pi) / beta

over all integer vectors n. The Madelung term xi = lim psi(r) - 1/r as r -> 0 is the interaction of an electron with its
own images and background. None of this depends on beta. Sources: P. P. Ewald, Ann. Phys. 369, 253 (1921); L. M. Fraser
et al., Phys. Rev. B 53, 1814 (1996), for the background; B. Tanatar and D. M. Ceperley, Phys. Rev. B 39, 5005 (1989),
for two dimensions.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

SPLITTING = 5.0
WAVES = 7
"""Splitting, and largest component of the wave vectors: both sums are then cut off below 1e-11 for each pair."""

_FAR = 4
"""Images and wave vectors beyond these components do not count in the Madelung constant for 1.5 < beta < 2.5."""


def coulomb_energy(positions, cell: float, splitting: float = SPLITTING, waves: int = WAVES) -> Any:
    """Energy in hartree of unit charges, their images and the background, Madelung term included.

    It is for values, not for derivatives: distances to the nearest image have kinks.

    Args:
        positions: In bohr, ``(batch, n, dim)`` with dim 2 or 3, anywhere in space.
        cell: Side of the cell in bohr.
        splitting: beta above; at least 5, as the real sum takes the nearest image along each axis and the next.
        waves: Largest component of the wave vectors: 1.4 times the splitting for 1e-10 of 1/L for each pair.

    Returns:
        ``(batch,)``.
    """
    n_electrons, dim = positions.shape[1], positions.shape[2]
    scaled = positions / cell
    n_pairs = n_electrons * (n_electrons - 1) // 2
    own = madelung_constant(dim) - float(_wave_strength(dim, splitting, _lengths(dim, waves)).sum())
    energy = _reciprocal(scaled, splitting, waves) + 0.5 * n_electrons * own - n_pairs * _background(dim, splitting)
    if n_pairs:
        energy = energy + _real(scaled, splitting)
    return energy / cell


def _real(scaled, splitting: float):
    """Sum over pairs of erfc(beta r) / r over the two nearest images along each axis, ``(batch,)``."""
    from keras import ops

    from zoo.layers.pairs import all_pairs

    dim = scaled.shape[2]
    differences = all_pairs(scaled.shape[1]).differences(scaled)
    near = ops.abs(differences - ops.round(differences))  # of each component, at most 1/2
    squares = ops.concatenate([ops.square(near), ops.square(1.0 - near)], axis=-1)
    images = list(itertools.product((0, 1), repeat=dim))
    chosen = np.zeros((2 * dim, len(images)))
    for column, image in enumerate(images):
        chosen[[axis + dim * next_one for axis, next_one in enumerate(image)], column] = 1.0
    distances = ops.sqrt(ops.matmul(squares, ops.convert_to_tensor(chosen, dtype=scaled.dtype)))
    return ops.sum((1.0 - ops.erf(splitting * distances)) / distances, axis=(-2, -1))


def _reciprocal(scaled, splitting: float, highest: int):
    """sum_{n != 0} v(n) |sum_i exp(2 pi i n.r_i)|^2 / 2, ``(batch,)``.

    Summed over the signs of the components of n it is a sum of squares of products of one cosine or sine along each
    axis, so that all of them come from one matrix product.
    """
    from keras import ops

    waves = _waves(scaled, highest)  # (batch, electrons, dim, functions)
    functions, dim = waves.shape[3], scaled.shape[2]
    products = waves[:, :, 0]
    for axis in range(1, dim - 1):
        products = ops.expand_dims(products, -1) * ops.expand_dims(waves[:, :, axis], -2)
        products = ops.reshape(products, (-1, scaled.shape[1], functions ** (axis + 1)))
    sums = ops.matmul(ops.swapaxes(products, 1, 2), waves[:, :, dim - 1])
    strengths = _strengths(dim, splitting, highest).reshape(-1, functions)
    return 0.5 * ops.sum(ops.square(sums) * ops.convert_to_tensor(strengths, dtype=scaled.dtype), axis=(1, 2))


def _waves(scaled, highest: int):
    """1, cos(2 pi x), sin(2 pi x), cos(4 pi x), ... up to ``highest`` periods, on a new last axis."""
    from keras import ops

    from zoo.layers.trigonometry import cos, sin

    cosines = [ops.ones_like(scaled), cos(2 * np.pi * scaled)]
    sines = [ops.zeros_like(scaled), sin(2 * np.pi * scaled)]
    for _ in range(2, highest + 1):
        for values in (cosines, sines):
            values.append(2.0 * cosines[1] * values[-1] - values[-2])
    pairs = zip(cosines[1:], sines[1:], strict=True)
    return ops.stack([cosines[0], *(wave for pair in pairs for wave in pair)], axis=-1)


@functools.lru_cache
def _strengths(dim: int, splitting: float, waves: int) -> np.ndarray:
    """v(n) of the functions of `_reciprocal`, one axis of ``2 waves + 1`` for each dimension.

    A function stands for the vectors of all signs of its components.
    """
    components = np.array([0, *np.repeat(np.arange(1, waves + 1), 2)])
    grid = np.stack(np.meshgrid(*[components] * dim, indexing="ij"))
    signs = 2.0 ** np.count_nonzero(grid, axis=0)
    return signs * _wave_strength(dim, splitting, np.sqrt((grid**2).sum(axis=0)))


@functools.lru_cache
def madelung_constant(dim: int, splitting: float = 2.0) -> float:
    """xi in units of 1/L: -2.837297 for the cube, -3.900265 for the square.

    Args:
        dim: 2 or 3.
        splitting: Between 1.5 and 2.5; the value does not depend on it.
    """
    lengths = _lengths(dim, _FAR)
    images = _erfc(splitting * lengths) / lengths
    reciprocal = _wave_strength(dim, splitting, lengths)
    own = 2.0 * splitting / math.sqrt(math.pi)
    return float(images.sum() + reciprocal.sum()) - own - _background(dim, splitting)


def _wave_strength(dim: int, splitting: float, lengths: np.ndarray) -> np.ndarray:
    """v(n) for lengths |n|, 0 for |n| = 0."""
    nonzero = np.where(lengths == 0, 1.0, lengths)
    if dim == 3:
        values = np.exp(-((math.pi * nonzero / splitting) ** 2)) / (math.pi * nonzero**2)
    else:
        values = _erfc(math.pi * nonzero / splitting) / nonzero
    return np.where(lengths == 0, 0.0, values)


def _background(dim: int, splitting: float) -> float:
    return math.pi / splitting**2 if dim == 3 else 2.0 * math.sqrt(math.pi) / splitting


def _lengths(dim: int, largest: int) -> np.ndarray:
    """|n| of every integer vector but zero whose components do not exceed ``largest``."""
    vectors = np.array(list(itertools.product(range(-largest, largest + 1), repeat=dim)))
    lengths = np.sqrt((vectors**2).sum(axis=1))
    return lengths[lengths > 0]


def _erfc(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erfc, otypes=[float])(x)
