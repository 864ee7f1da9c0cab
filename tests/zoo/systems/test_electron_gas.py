import itertools
import math

import numpy as np
import pytest
from keras import ops

from harness import backend
from harness.laplacian import gradient_and_laplacian
from zoo import references
from zoo.errors import ZooError
from zoo.layers.determinant import spin_determinants
from zoo.registry import create_system
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.ewald import madelung_constant

CLOSED = [ElectronGas(), ElectronGas(rs=5.0, n_up=7, n_down=1), ElectronGas(dim=2, n_up=5, n_down=5)]
OPEN = [ElectronGas(n_up=2, n_down=2), ElectronGas(n_up=5, n_down=2), ElectronGas(dim=2, rs=2.0, n_up=4, n_down=1)]
MODULATED = ElectronGas(dim=2, n_up=2, n_down=4)  # the single cosines of the two spins differ


@pytest.mark.parametrize("gas", [*CLOSED, *OPEN], ids=str)
def test_the_cell_holds_the_electrons_at_the_density_of_rs(gas):
    of_one = 4 * math.pi / 3 * gas.rs**3 if gas.dim == 3 else math.pi * gas.rs**2
    assert gas.cell**gas.dim == pytest.approx(gas.n_electrons * of_one, rel=1e-14)


def test_closed_shells():
    assert all(gas.closed_shells for gas in [*CLOSED, ElectronGas(n_up=27, n_down=0)])
    assert not any(gas.closed_shells for gas in [*OPEN, ElectronGas(n_up=8, n_down=7), ElectronGas(n_up=7, n_down=3)])


@pytest.mark.parametrize(
    ("gas", "key"),
    [
        (ElectronGas(), "heg3d/7-7/rs1"),
        (ElectronGas(rs=0.5, n_up=0, n_down=19), "heg3d/19-0/rs0.5"),
        (ElectronGas(dim=2, rs=10, n_up=5, n_down=9), "heg2d/9-5/rs10"),
    ],
)
def test_reference_key(gas, key):
    assert gas.reference_key == key


def test_cusps():
    two, three = ElectronGas(dim=2), ElectronGas(dim=3)
    assert [gas.electron_cusp(same_spin=False) for gas in (two, three)] == [1, 1 / 2]
    assert [gas.electron_cusp(same_spin=True) for gas in (two, three)] == [1 / 3, 1 / 4]


RECORDS = [
    r
    for r in references.load()
    if r.key.startswith("heg") and r.status == "computed" and r.kind in ("mean_field", "noninteracting")
]


def test_energies_of_plane_waves_on_record():
    """Hartree-Fock and free energies of 7+7, 19+19, 27+27, 7, 19 and 27 electrons from r_s = 0.5 to 100, to 1e-12."""
    assert len(RECORDS) == 96
    for record in RECORDS:
        gas = ElectronGas(rs=record.parameters["rs"], n_up=record.n_up, n_down=record.n_down)
        assert record.key == references.find(gas.reference_key).key
        assert gas.cell == pytest.approx(record.parameters["L"], rel=1e-14)
        found = gas.noninteracting_energy() if record.kind == "noninteracting" else gas.mean_field_energy()[0]
        assert found == pytest.approx(record.energy, rel=1e-13, abs=1e-12), record.key


@pytest.mark.parametrize(
    ("dim", "pairs", "kinetic", "exchange"), [(2, 401, 1 / 2, -0.6001756), (3, 389, 1.1049506, -0.4581653)]
)
def test_many_electrons_have_the_energy_of_the_infinite_gas(dim, pairs, kinetic, exchange):
    """kinetic / r_s^2 + exchange / r_s for each electron."""
    for rs in (1.0, 4.0):
        gas = ElectronGas(dim=dim, rs=rs, n_up=pairs, n_down=pairs)
        found = gas.mean_field_energy()[0] / gas.n_electrons
        assert found == pytest.approx(kinetic / rs**2 + exchange / rs, abs=5e-3 / rs)


def direct_mean_field_energy(gas: ElectronGas) -> float:
    """The same from density matrices of the real orbitals on a basis of plane waves, without any closed form.

    <V> = sum_{q != 0} v(q) [|rho(q)|^2 - sum_s tr(D_s exp(iqr) D_s exp(-iqr))] / 2V + N xi / 2, with
    rho(q) = sum_s tr(D_s exp(iqr)).
    """
    largest = max(max(map(abs, n)) for n in gas.wave_vectors())
    basis = list(itertools.product(range(-largest, largest + 1), repeat=gas.dim))
    place = {n: index for index, n in enumerate(basis)}
    columns = []
    for n in gas.wave_vectors():
        minus = tuple(-component for component in n)
        cosine, sine = np.zeros((2, len(basis)), dtype=complex)
        cosine[place[n]] += 2**-0.5
        cosine[place[minus]] += 2**-0.5
        sine[place[n]] -= 1j * 2**-0.5
        sine[place[minus]] += 1j * 2**-0.5
        columns += [cosine, sine] if any(n) else [cosine * 2**-0.5]
    orbitals = np.array(columns).T
    unit = 2 * math.pi / gas.cell
    vectors = np.array(basis)
    energy = 0.5 * gas.n_electrons * madelung_constant(gas.dim) / gas.cell
    densities = [orbitals[:, :count] @ orbitals[:, :count].conj().T for count in (gas.n_up, gas.n_down)]
    energy += 0.5 * unit**2 * sum(np.diag(d).real @ (vectors**2).sum(axis=1) for d in densities)
    for q in itertools.product(range(-2 * largest, 2 * largest + 1), repeat=gas.dim):
        if not any(q):
            continue
        shift = np.zeros((len(basis), len(basis)))  # <n'| exp(iqr) |n> = 1 for n' = n + q
        for n, index in place.items():
            moved = tuple(np.add(n, q))
            if moved in place:
                shift[place[moved], index] = 1.0
        length = unit * math.hypot(*q)
        strength = (4 * math.pi / length**2 if gas.dim == 3 else 2 * math.pi / length) / gas.cell**gas.dim
        classical = abs(sum(np.trace(d @ shift) for d in densities)) ** 2
        exchange = sum(np.trace(d @ shift @ d @ shift.T).real for d in densities)
        energy += 0.5 * strength * (classical - exchange)
    return energy


@pytest.mark.parametrize("gas", [CLOSED[2], *OPEN, MODULATED, ElectronGas(n_up=3, n_down=0)], ids=str)
def test_the_closed_form_of_the_mean_field_energy(gas):
    energy, method = gas.mean_field_energy()
    assert energy == pytest.approx(direct_mean_field_energy(gas), abs=1e-12)
    assert method.startswith("RHF" if gas.closed_shells else "ROHF")


def determinant_samples(gas: ElectronGas, count: int) -> np.ndarray:
    """Independent samples of the squared determinants, electron after electron by rejection.

    The density of the next electron, given those before, is |phi(r)|^2 less its part along the orbitals' values at
    them (Hough, Krishnapur, Peres and Virag, Probab. Surveys 3, 206 (2006)).
    """
    random, evaluate, spins = np.random.default_rng(0), backend.jit(gas.orbitals()), []
    for n in (gas.n_up, gas.n_down):
        directions, places = np.zeros((count, 0, n)), np.zeros((count, 0, gas.dim))
        for _ in range(n):
            place, value = np.zeros((count, gas.dim)), np.zeros((count, n))
            waiting = np.ones(count, dtype=bool)
            while waiting.any():  # all walkers propose, so that every call has one shape
                tried = gas.cell * random.random((count, gas.dim))
                values = ops.convert_to_numpy(evaluate(ops.convert_to_tensor(tried[:, None])))[:, 0, :n]
                along = np.einsum("bjk,bk->bj", directions, values)
                rest = values - np.einsum("bj,bjk->bk", along, directions)
                taken = waiting & (random.random(count) * (2 * n - 1) < np.sum(rest**2, axis=1))
                place[taken], value[taken] = tried[taken], rest[taken]
                waiting &= ~taken
            value /= np.linalg.norm(value, axis=1, keepdims=True)
            directions = np.concatenate([directions, value[:, None]], axis=1)
            places = np.concatenate([places, place[:, None]], axis=1)
        spins.append(places)
    return np.concatenate(spins, axis=1)


@pytest.mark.parametrize("gas", [ElectronGas(n_up=7, n_down=1), ElectronGas(dim=2, n_up=5, n_down=4)], ids=str)
def test_the_mean_potential_of_the_determinants_is_that_of_hartree_fock(gas):
    samples = ops.convert_to_tensor(determinant_samples(gas, 2000))
    potential = ops.convert_to_numpy(backend.jit(gas.potential)(samples))
    error = potential.std() / len(potential) ** 0.5
    expected = gas.mean_field_energy()[0] - gas.noninteracting_energy()
    assert error < 0.02 * abs(expected)
    assert abs(potential.mean() - expected) < 4 * error


@pytest.mark.parametrize("gas", [*CLOSED, *OPEN, MODULATED], ids=str)
def test_the_kinetic_energy_of_the_determinants_is_the_same_everywhere(gas):
    orbitals = gas.orbitals()
    positions = ops.convert_to_tensor(gas.initial_positions(np.random.default_rng(2), 4))

    def log_abs(x):
        return spin_determinants(orbitals(x), gas.n_up, gas.n_down)[1]

    gradient, laplacian = map(ops.convert_to_numpy, gradient_and_laplacian(log_abs, positions))
    kinetic = -0.5 * (laplacian + np.sum(gradient**2, axis=(1, 2)))
    np.testing.assert_allclose(kinetic, gas.noninteracting_energy(), rtol=1e-8)


def test_hartree_fock_is_computed_where_none_is_on_record():
    on_record = ElectronGas().references()
    assert [r.kind for r in on_record.records].count("mean_field") == 1
    assert on_record.hartree_fock.energy == pytest.approx(8.491480603537623, abs=1e-12)
    assert on_record.best.method == "DMC iterated backflow"
    for gas in (ElectronGas(rs=3.0), CLOSED[2], OPEN[0]):
        known = gas.references()
        assert known.best is None
        assert known.hartree_fock.energy == gas.mean_field_energy()[0]
        assert known.hartree_fock.note == "computed when it was asked for"


@pytest.mark.parametrize("gas", [*CLOSED, *OPEN, ElectronGas(n_up=27, n_down=27)], ids=str)
def test_initial_positions_are_in_the_cell_and_apart(gas):
    positions = gas.initial_positions(np.random.default_rng(0), 50)
    assert positions.shape == (50, gas.n_electrons, gas.dim)
    np.testing.assert_array_equal(positions, gas.initial_positions(np.random.default_rng(0), 50))
    assert positions.min() >= 0 and positions.max() < gas.cell
    np.testing.assert_allclose(positions.mean(axis=(0, 1)), gas.cell / 2, rtol=0.2)
    first, second = np.triu_indices(gas.n_electrons, 1)
    differences = positions[:, first] - positions[:, second]
    distances = np.linalg.norm(differences - gas.cell * np.round(differences / gas.cell), axis=-1)
    assert np.median(distances.min(axis=1)) > 0.5 * gas.rs


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 1}, "system.dim=1: expected 2 or 3"),
        ({"rs": 0.0}, "system.rs=0.0: expected a radius in bohr, 0.001 to 10000"),
        ({"rs": -1.0}, "system.rs=-1.0"),
        ({"rs": math.nan}, "system.rs=nan"),
        ({"rs": math.inf}, "system.rs=inf"),
        ({"rs": 1e300}, "system.rs=1e\\+300"),
        ({"n_up": -1}, "system.n_up=-1: expected a number of electrons, 0 to 1000"),
        ({"n_down": 10**20}, "system.n_down=100000000000000000000: expected"),
        ({"n_up": 0, "n_down": 1}, "system.n_up=0, system.n_down=1: expected at least two electrons"),
    ],
)
def test_an_impossible_parameter_is_refused_in_one_line(parameters, message):
    with pytest.raises(ZooError, match=message) as error:
        ElectronGas(**parameters)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "dim", "n_up", "n_down"),
    [
        ("electron_gas", 3, 7, 7),
        ("electron_gas_n14", 3, 7, 7),
        ("electron_gas_n38", 3, 19, 19),
        ("electron_gas_n54", 3, 27, 27),
        ("electron_gas_polarised_n7", 3, 7, 0),
        ("electron_gas_polarised_n19", 3, 19, 0),
        ("electron_gas_polarised_n27", 3, 27, 0),
        ("electron_gas_2d_n10", 2, 5, 5),
        ("electron_gas_2d_n26", 2, 13, 13),
    ],
)
def test_presets_are_closed_shells_with_a_hartree_fock_energy(name, dim, n_up, n_down):
    gas = create_system(name)
    assert gas == ElectronGas(dim=dim, rs=1.0, n_up=n_up, n_down=n_down)
    assert gas.closed_shells
    assert gas.references().hartree_fock is not None


@pytest.mark.parametrize("name", ["electron_gas_n14", "electron_gas_polarised_n7", "electron_gas_polarised_n19"])
@pytest.mark.parametrize("rs", [1.0, 5.0])
def test_presets_with_published_energies(name, rs):
    known = create_system(name, rs=rs).references()
    assert known.best.method == "DMC iterated backflow"
    assert known.best.energy < known.hartree_fock.energy
