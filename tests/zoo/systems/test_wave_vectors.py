import pytest

from zoo.systems.wave_vectors import closed_shells, half_space, squared_length, stars


def negative(n):
    return tuple(-component for component in n)


@pytest.mark.parametrize("dim", [2, 3])
def test_half_space_holds_one_of_each_pair_shortest_first(dim):
    vectors = half_space(dim, 40)
    assert len(set(vectors)) == 40
    assert not {negative(n) for n in vectors} & set(vectors)
    lengths = [squared_length(n) for n in vectors]
    assert lengths == sorted(lengths)
    assert half_space(dim, 3) == vectors[:3]
    assert half_space(dim, 0) == []


@pytest.mark.parametrize(
    ("dim", "counts"), [(2, [1, 5, 9, 13, 21, 25, 29, 37, 45, 49, 57]), (3, [1, 7, 19, 27, 33, 57, 81, 93, 123])]
)
def test_closed_shells(dim, counts):
    assert closed_shells(dim, counts[-1] + 1) == counts
    assert closed_shells(dim, counts[-1] - 1) == counts[:-1]


@pytest.mark.parametrize(
    ("dim", "sizes"), [(2, [2, 2, 2, 4, 2, 2, 4]), (3, [3, 6, 4, 3, 12, 12, 6, 12, 3])]
)  # of (1,0), (1,1), (2,0), (2,1), ... and of (1,0,0), ..., (2,2,0), (2,2,1), (3,0,0), half of each star
def test_stars(dim, sizes):
    found = stars(dim, len(sizes))
    assert [len(star) for star in found] == sizes
    lengths = [squared_length(n) for star in found for n in star]
    assert lengths == sorted(lengths)
    for star in found:
        assert len({tuple(sorted(map(abs, n))) for n in star}) == 1
        assert len({*star, *map(negative, star)}) == 2 * len(star)
