import re

import pytest

from zoo import references
from zoo.errors import ZooError
from zoo.systems import bethe, exact
from zoo.systems.hubbard import Hubbard


def ring(sites, boundary, n_up, n_down, u, **parameters):
    return Hubbard("chain", (sites,), boundary, u=u, n_up=n_up, n_down=n_down, **parameters)


@pytest.mark.parametrize(
    "system",
    [
        ring(6, "P", 3, 3, 4.0),
        ring(8, "P", 3, 3, 0.5),
        ring(8, "A", 4, 4, 8.0),
        ring(10, "P", 5, 5, 4.0),
        ring(8, "P", 3, 1, 8.0),
        ring(6, "A", 2, 0, 5.0),
        ring(7, "P", 3, 3, 3.0, t=2.0),
        # half filled, whatever the boundary
        ring(6, "A", 3, 3, 4.0),
        ring(8, "P", 4, 4, 2.0),
        ring(8, "A", 5, 3, 4.0),
        # more electrons than sites, and attraction: holes
        ring(8, "P", 5, 5, 3.0),
        ring(8, "P", 7, 3, 3.0),
        ring(8, "P", 3, 3, -3.0),
        ring(8, "P", 2, 2, -3.0),
        ring(8, "P", 7, 3, -3.0),
        ring(8, "P", 5, 5, -8.0),
        Hubbard("rectangle", (6, 1), "PO", u=4.0, n_up=3, n_down=3),
    ],
    ids=lambda s: f"{s.n_sites}{s.boundary}-{s.n_up}-{s.n_down}-{s.u:g}",
)
def test_energy_and_double_occupancy_are_those_of_diagonalisation(system):
    assert bethe.obstacle(system) is None
    found, state = bethe.ground_state(system), exact.ground_state(system)
    assert found.energy == pytest.approx(state.energy, abs=1e-10)
    assert found.double_occupancy == pytest.approx(state.double_occupancy, abs=1e-9)


def published():
    found = []
    for record in references.load():
        match = re.fullmatch(r"hubbard/(\d+)x1/([PA])/(\d+)-(\d+)/U([-\d.]+)", record.key)
        if match and record.exact:
            system = ring(int(match[1]), match[2], int(match[3]), int(match[4]), float(match[5]))
            if bethe.obstacle(system) is None:
                found.append((record, system))
    return found


def test_energies_of_all_rings_on_record():
    records = published()
    assert len(records) > 200
    for record, system in records:
        assert bethe.ground_state(system).energy == pytest.approx(record.energy, abs=1e-9), record.key


def test_an_infinite_half_filled_ring():
    """E/L = -4 t int_0^inf J0(x) J1(x) / (x (1 + exp(x U / 2 t))) dx, with corrections of order 1/L^2."""
    known = next(r.energy for r in references.load() if r.key == "hubbard/1d-infinite/half/U4" and r.exact)
    errors = [
        bethe.ground_state(ring(sites, "P", sites // 2, sites // 2, 4.0)).energy / sites - known for sites in (50, 102)
    ]
    assert abs(errors[1]) < 1e-4
    assert errors[0] / errors[1] == pytest.approx((102 / 50) ** 2, rel=0.05)


def test_weak_repulsion_is_perturbation_theory_in_first_order():
    system = ring(50, "P", 25, 25, 0.05)
    state = bethe.ground_state(system)
    assert state.energy == pytest.approx(system.noninteracting_energy() + 0.05 * 25 * 25 / 50, abs=5e-3)
    assert state.double_occupancy == pytest.approx(25 * 25 / 50, rel=0.02)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (ring(8, "P", 2, 2, 4.0), "expected odd numbers of electrons of each spin with boundary P"),
        (ring(8, "A", 3, 3, 4.0), "expected even numbers"),
        (ring(8, "O", 3, 3, 4.0), "expected a ring"),
        (ring(8, "P", 3, 3, 4.0, t_prime=0.2), "expected hopping t > 0 to nearest neighbours alone"),
        (ring(8, "P", 3, 3, 0.0), r"expected \|U\| of at least"),
        (ring(7, "P", 3, 3, -4.0), "expected an even number of sites"),
        (Hubbard("square", (4, 4), "PP", n_up=5, n_down=5), "expected a chain"),
    ],
)
def test_where_it_does_not_apply_it_says_why(system, message):
    with pytest.raises(ZooError, match=message):
        bethe.ground_state(system)


def test_it_is_the_reference_of_rings_without_a_record():
    known = ring(40, "A", 20, 20, 3.5).references().exact
    assert known.method == bethe.METHOD
