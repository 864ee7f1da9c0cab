"""Wave vectors of a cubic or square cell, as integer vectors n: 2 pi n / L."""

from __future__ import annotations

import itertools

Vector = tuple[int, ...]


def squared_length(n: Vector) -> int:
    return sum(component**2 for component in n)


def half_space(dim: int, count: int) -> list[Vector]:
    """The ``count`` shortest vectors but zero, one of each n and -n: that whose first component but zeros is positive.

    Vectors of one length stand in descending order of their components.
    """
    largest = 1
    while True:  # the cube of that half side holds every vector of no more than that length
        cube = itertools.product(range(largest, -largest - 1, -1), repeat=dim)
        ball = [n for n in cube if n > (0,) * dim and squared_length(n) <= largest**2]
        if len(ball) >= count:
            return sorted(ball, key=squared_length)[:count]
        largest += 1


def stars(dim: int, count: int) -> list[list[Vector]]:
    """The ``count`` shortest stars: vectors that the symmetries of the cell map into each other, without their -n."""
    found: dict[Vector, list[Vector]] = {}
    largest = 1
    while len(found) < count:
        cube = itertools.product(range(largest + 1), repeat=dim)
        kinds = {tuple(sorted(n, reverse=True)) for n in cube if 0 < squared_length(n) <= largest**2}
        found = {kind: [] for kind in sorted(kinds, key=lambda n: (squared_length(n), n))}
        largest += 1
    for n in itertools.product(range(largest, -largest, -1), repeat=dim):
        kind = tuple(sorted(map(abs, n), reverse=True))
        if n > (0,) * dim and kind in found:
            found[kind].append(n)
    return list(found.values())[:count]


def closed_shells(dim: int, most: int) -> list[int]:
    """Numbers of electrons of one spin, up to ``most``, that fill every plane wave up to some length."""
    vectors = half_space(dim, most // 2 + 1)
    ends = [k for k in range(1, len(vectors)) if squared_length(vectors[k]) > squared_length(vectors[k - 1])]
    return [count for count in (1, *(2 * k + 1 for k in ends)) if count <= most]
