import itertools

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard
from zoo.systems.symmetry import KINDS
from zoo.systems.t_v import TV

SYSTEMS = [
    Hubbard(extent=(4,), boundary="A", n_up=2, n_down=2),
    Hubbard(extent=(5,), t_prime=0.3, n_up=2, n_down=1),
    Hubbard(extent=(5,), boundary="O", n_up=2, n_down=2),
    *(Hubbard("square", (3, 3), b, n_up=2, n_down=1, t_prime=0.3) for b in ("PP", "PA", "AA", "PO", "OO")),
    Hubbard("square", (3, 3), "PP", n_up=2, n_down=1, anisotropy=(1, 0.5)),
    Hubbard("ladder", (2, 3), "OA", n_up=3, n_down=3),
    *(Hubbard("triangular", (3, 3), b, n_up=2, n_down=1) for b in ("PP", "PA", "AA", "PO", "OO")),
    Hubbard("triangular", (3, 3), "PP", n_up=2, n_down=1, anisotropy=(1, 1, 0.3)),
    *(Hubbard("honeycomb", (2, 2), b, n_up=2, n_down=2) for b in ("PP", "PA", "AA", "PO", "OO")),
    Hubbard("honeycomb", (3, 3), "PP", n_up=1, n_down=1, t_prime=-0.2),
    TV(n_up=3),
    TV("honeycomb", (3, 3), "PP", n_up=2, v=2.0),
    TV("triangular", (3, 3), "PP", n_up=4, v=2.0, anisotropy=(1, 1, 0.3)),
]


def name(system):
    return "-".join(map(str, (system.family, system.lattice, *system.extent, system.boundary, *system.anisotropy)))


def moved(system, element):
    """Where an element takes each basis state, and with what sign: the unitary matrix that belongs to it."""
    images, signs = element.apply(exact.basis(system))
    return exact.index(system, images), signs


@pytest.mark.parametrize("system", SYSTEMS, ids=name)
def test_every_element_commutes_with_the_hamiltonian(system):
    """U H U^-1 = H, element by element of the matrix."""
    hamiltonian = exact.hamiltonian(system).toarray()
    for kind in KINDS:
        for element in system.symmetries(kind):
            order, signs = moved(system, element)
            assert np.array_equal(np.sort(order), np.arange(len(order)))
            image = hamiltonian[np.ix_(order, order)]
            np.testing.assert_allclose(signs[:, None] * image * signs, hamiltonian, atol=1e-12)


@pytest.mark.parametrize("system", SYSTEMS, ids=name)
def test_the_first_element_of_each_kind_is_the_identity(system):
    for kind in KINDS:
        first = system.symmetries(kind)[0]
        assert first.permutation.tolist() == list(range(system.n_sites))
        assert set(first.signs) == {1} and not first.flips_spin


@pytest.mark.parametrize("system", SYSTEMS, ids=name)
def test_translations_and_point_group_make_a_group(system):
    """Up to the sign of all electrons together, which antiperiodic boundaries bring."""
    pairs = itertools.product(system.symmetries("translations"), system.symmetries("point_group"))
    group = {tuple(move.permutation[turn.permutation]) for move, turn in pairs}
    generators = [*system.symmetries("translations"), *system.symmetries("point_group")]
    for element, other in itertools.product(group, generators):
        assert tuple(np.array(element)[other.permutation]) in group


@pytest.mark.parametrize(
    ("system", "counts"),
    [
        (Hubbard(), (6, 2, 2)),
        (Hubbard(boundary="A", n_up=2), (6, 2, 1)),
        (Hubbard(boundary="O"), (1, 2, 2)),
        (Hubbard("square", (4, 4), "PP"), (16, 8, 2)),
        (Hubbard("rectangle", (4, 3), "PP"), (12, 4, 2)),
        (Hubbard("square", (4, 4), "PA"), (16, 4, 2)),
        (Hubbard("square", (4, 4), "OO"), (1, 8, 2)),
        (Hubbard("square", (4, 4), "PP", anisotropy=(1, 0.5)), (16, 4, 2)),
        (Hubbard("triangular", (3, 3), "PP"), (9, 12, 2)),
        (Hubbard("triangular", (3, 3), "AA"), (9, 4, 2)),
        (Hubbard("triangular", (3, 3), "OO"), (1, 4, 2)),
        (Hubbard("triangular", (4, 4), "PP", anisotropy=(1, 1, 0.5)), (16, 4, 2)),
        (Hubbard("honeycomb", (3, 3), "PP"), (9, 12, 2)),
        (Hubbard("honeycomb", (3, 3), "PO"), (3, 4, 2)),
        (TV("square", (4, 4), "PP"), (16, 8, 1)),
    ],
    ids=lambda value: name(value) if not isinstance(value, tuple) else None,
)
def test_number_of_elements(system, counts):
    assert tuple(len(system.symmetries(kind)) for kind in KINDS) == counts


def test_translations_around_an_antiperiodic_ring_cost_a_sign_for_each_electron():
    system = Hubbard(extent=(4,), boundary="A", n_up=2, n_down=1)
    order, signs = moved(system, system.symmetries("translations")[1])
    place, sign = np.arange(len(order)), np.ones(len(order))
    for _ in range(4):
        place, sign = order[place], sign * signs[place]
    assert np.array_equal(place, np.arange(len(order)))
    assert set(sign) == {-1}


def test_a_spin_flip_exchanges_the_order_of_the_spins():
    """c+_0,up c+_1,down |0> becomes c+_0,down c+_1,up |0> = -c+_1,up c+_0,down |0>."""
    flip = Hubbard(extent=(2,), boundary="O", n_up=1, n_down=1).symmetries("spin_flip")[1]
    image, sign = flip.apply(np.array([[1, 0], [0, 1]]))
    assert image.tolist() == [[0, 1], [1, 0]]
    assert sign == -1


def test_an_unknown_kind_is_refused():
    with pytest.raises(ZooError, match="unknown kind of symmetry 'translation': did you mean 'translations'"):
        Hubbard().symmetries("translation")
