"""Molecules: input, references, potential, starting positions, and the energy of their orbitals."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from pyscf import dft, scf

from zoo import references
from zoo.errors import ZooError
from zoo.layers.cusp import nuclear_cusp
from zoo.registry import create_system
from zoo.systems.hartree_fock import cusp_factor, pyscf_molecule, smooth_orbitals
from zoo.systems.molecule import Molecule

keras.config.set_floatx("float64")

LITHIUM_HYDRIDE = "Li 0 0 -1.5075; H 0 0 1.5075"
HYDROGEN = "H 0 0 -0.7; H 0 0 0.7"


def test_geometry_is_kept_in_canonical_form():
    given = Molecule("li 0.0 -0.0 -1.50750\n H 0 0 1.5075 ;")
    assert given.atoms == LITHIUM_HYDRIDE
    assert given == Molecule(LITHIUM_HYDRIDE) and given.sha256 == Molecule(LITHIUM_HYDRIDE).sha256
    assert given.parameters() == {"atoms": LITHIUM_HYDRIDE, "charge": 0, "spin": 0, "basis": "cc-pVQZ"}
    assert given.charges.tolist() == [3.0, 1.0]
    assert given.nuclei.tolist() == [[0, 0, -1.5075], [0, 0, 1.5075]]


@pytest.mark.parametrize(
    ("parameters", "electrons"),
    [
        ({"atoms": "N"}, (5, 2)),
        ({"atoms": "N", "spin": 1}, (4, 3)),
        ({"atoms": "C", "charge": 1}, (3, 2)),
        ({"atoms": "H", "charge": -1}, (1, 1)),
        ({"atoms": "He", "charge": 1}, (1, 0)),
        ({"atoms": "N 0 0 0; O 0 0 2.2"}, (8, 7)),
        ({"atoms": "O 0 0 0; O 0 0 2.283", "spin": 2}, (9, 7)),
    ],
)
def test_electrons_of_each_spin(parameters, electrons):
    molecule = Molecule(**parameters)
    assert (molecule.n_up, molecule.n_down) == electrons
    assert molecule.n_electrons == sum(electrons)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"atoms": "Lii 0 0 0"}, "'Lii'.*'Li'"),
        ({"atoms": "Q"}, "'Q'.*H to Kr"),
        ({"atoms": ""}, "symbol x y z"),
        ({"atoms": "Li 0 0"}, "'Li 0 0'.*symbol x y z"),
        ({"atoms": "H 0 0 0; H"}, "'H'.*symbol x y z"),
        ({"atoms": "H 0 0 nan; H 0 0 1"}, "finite"),
        ({"atoms": "H 0 0 1; H 0 0 1"}, "1 and 2 coincide"),
        ({"atoms": "He", "spin": 1}, "spin=1.*one of 0, 2"),
        ({"atoms": "Li", "spin": 5}, "spin=5.*one of 1, 3"),
        ({"atoms": "He", "spin": -2}, "spin=-2"),
        ({"atoms": "He", "charge": 2}, "charge=2.*at most 1"),
        ({"atoms": "He", "spin": 0.5}, "spin=0.5.*integer"),
        ({"atoms": "Fe", "charge": 1}, "spin=null: expected a number for Fe with 25 electrons"),
        ({"atoms": "He", "charge": 0.5}, "charge=0.5.*integer"),
        ({"atoms": "He", "charge": -(10**20)}, "charge=-100000000000000000000: expected at least -2"),
        ({"atoms": "He", "basis": " "}, "basis=' '"),
    ],
)
def test_impossible_molecules_are_refused(parameters, message):
    with pytest.raises(ZooError, match=message):
        Molecule(**parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"atoms": "He", "basis": "cc-pvtzz"}, "'cc-pvtzz'.*'ccpvtz'"),
        ({"atoms": "K", "spin": 1, "basis": "cc-pv5z"}, "'cc-pv5z'.*no functions for K"),
        ({"atoms": "He", "charge": -2, "spin": 4, "basis": "sto-3g"}, "3 functions for 4 electrons"),
    ],
)
def test_validate_refuses_basis_sets(parameters, message):
    with pytest.raises(ZooError, match=message):
        Molecule(**parameters).validate()


def test_a_molecule_from_a_file_does_not_need_it_again(tmp_path):
    """Its geometry is among its parameters, so equal molecules have one hash whatever the file is called."""
    path = tmp_path / "lithium hydride.xyz"
    path.write_text("2\n\nLi 0 0 0\nH 0 0 1.6\n")
    molecule = Molecule(str(path))
    other = path.rename(tmp_path / "other.xyz")
    assert Molecule(str(other)).sha256 == molecule.sha256 == Molecule("Li 0 0 0; H 0 0 1.6; angstrom").sha256
    other.write_text("2\n\nLi 0 0 0\nH 0 0 1.7\n")
    assert Molecule(str(other)).sha256 != molecule.sha256
    other.unlink()
    assert Molecule(**molecule.parameters()) == molecule


def test_spin_is_a_number_among_the_parameters():
    assert Molecule("O").parameters()["spin"] == 2
    assert Molecule("O").sha256 == Molecule("O", spin=2).sha256 != Molecule("O", spin=0).sha256


def test_describing_a_molecule_imports_no_backend_and_no_pyscf():
    code = (
        "import sys; from zoo.systems.molecule import Molecule; m = Molecule('Be'); m.sha256, m.reference_key;"
        "assert not {'keras', 'tensorflow', 'jax', 'pyscf'} & set(sys.modules);"
        "m.validate(); assert not {'keras', 'tensorflow', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_potential_is_the_sum_over_pairs():
    molecule = Molecule(LITHIUM_HYDRIDE)
    positions = np.random.default_rng(5).normal(size=(3, 4, 3))
    expected = []
    for walker in positions:
        energy = 3.0 / 3.015
        for i in range(4):
            energy -= sum(z / np.linalg.norm(walker[i] - r) for z, r in zip((3, 1), molecule.nuclei, strict=True))
            energy += sum(1 / np.linalg.norm(walker[i] - walker[j]) for j in range(i))
        expected.append(energy)
    potential = ops.convert_to_numpy(molecule.potential(ops.convert_to_tensor(positions)))
    np.testing.assert_allclose(potential, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "shares"),
    [
        ({"atoms": HYDROGEN}, {((1, 0), (0, 1)), ((0, 1), (1, 0))}),
        ({"atoms": "Li 0 0 -1.5; H 0 0 1.5"}, {((2, 1), (0, 1)), ((1, 2), (1, 0))}),
        ({"atoms": "N 0 0 -1; N 0 0 1", "spin": 6}, {((5, 2), (5, 2))}),
        ({"atoms": "H 0 0 -1; H 0 0 1", "charge": 1, "spin": 1}, {((1, 0), (0, 0)), ((0, 0), (1, 0))}),
    ],
)
def test_each_nucleus_starts_with_its_share_of_both_spins(parameters, shares):
    """(up, down) electrons at each nucleus, told by which nucleus is nearer when the nuclei are far apart."""
    near = Molecule(**parameters)
    far = Molecule(
        "; ".join(f"{s} 0 0 {1000 * i}" for i, s in enumerate(near.symbols)), charge=near.charge, spin=near.spin
    )
    positions = far.initial_positions(np.random.default_rng(0), 64)
    assert positions.shape == (64, far.n_electrons, 3)
    nearest = np.abs(positions[:, :, None, 2] - far.nuclei[:, 2]).argmin(axis=-1)
    found = {
        tuple((int((w[: far.n_up] == a).sum()), int((w[far.n_up :] == a).sum())) for a in range(len(far.charges)))
        for w in nearest
    }
    assert found == shares


def test_starting_radius_of_helium_is_that_of_the_1s_shell():
    positions = Molecule("He").initial_positions(np.random.default_rng(1), 20000)
    assert np.linalg.norm(positions, axis=-1).mean() == pytest.approx(1.5 / 2, rel=0.02)


def test_the_cusp_of_the_fit_is_the_cusp_of_the_jastrow_factor():
    molecule = Molecule(LITHIUM_HYDRIDE)
    points = np.random.default_rng(2).normal(size=(7, 3))
    distances = np.linalg.norm(points[:, None] - molecule.nuclei, axis=-1)[None]
    expected = ops.convert_to_numpy(nuclear_cusp(ops.convert_to_tensor(distances), molecule.charges))[0]
    chi, gradient = cusp_factor(points, molecule.nuclei, molecule.charges)
    np.testing.assert_allclose(chi, expected, rtol=1e-13)
    for axis in range(3):
        step = 1e-5 * np.eye(3)[axis]
        ahead, behind = (cusp_factor(points + s, molecule.nuclei, molecule.charges)[0] for s in (step, -step))
        np.testing.assert_allclose(gradient[:, axis], (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-8)


def determinant_energy(molecule: Molecule) -> float:
    """Energy in hartree of the determinants of exp(chi) g_k, by quadrature.

    The repulsion between electrons comes from the projection of the orbitals on the Gaussian basis of PySCF, which
    misses only the cusps: about 1e-5 of the norm.
    """
    mole = pyscf_molecule(molecule)
    grid = dft.gen_grid.Grids(mole)
    grid.level = 2
    grid.build()
    points, weights = grid.coords, grid.weights
    layer = molecule.orbitals()

    def smooth(at):
        return ops.convert_to_numpy(layer(at[None]))[0]

    chi, slope = cusp_factor(points, molecule.nuclei, molecule.charges)
    values = smooth(points)
    steps = 1e-4 * np.eye(3)
    gradient = np.stack([(smooth(points + s) - smooth(points - s)) / 2e-4 for s in steps])
    gradient = (gradient + slope.T[:, :, None] * values) * np.exp(chi)[:, None]
    values = values * np.exp(chi)[:, None]
    attraction = -(molecule.charges / np.linalg.norm(points[:, None] - molecule.nuclei, axis=-1)).sum(axis=-1)
    one_body = 0.5 * np.einsum("xnk,n,xnl->kl", gradient, weights, gradient)
    one_body += np.einsum("nk,n,nl->kl", values, weights * attraction, values)
    overlap = np.einsum("nk,n,nl->kl", values, weights, values)
    in_basis = np.linalg.solve(
        mole.intor("int1e_ovlp"), mole.eval_gto("GTOval_sph", points).T @ (weights[:, None] * values)
    )
    density, energy = [], molecule.nuclear_repulsion
    for n in (molecule.n_up, molecule.n_down):
        inverse = np.linalg.inv(overlap[:n, :n])
        energy += np.sum(one_body[:n, :n] * inverse)
        density.append(in_basis[:, :n] @ inverse @ in_basis[:, :n].T)
    coulomb, exchange = scf.hf.get_jk(mole, np.stack(density), hermi=1)
    total = density[0] + density[1]
    return float(energy + 0.5 * np.sum(coulomb.sum(axis=0) * total) - 0.5 * np.sum(exchange * np.stack(density)))


@pytest.mark.parametrize(
    ("parameters", "limit", "tolerance"),
    [
        ({"atoms": "H"}, -0.5, 5e-5),
        ({"atoms": "He", "charge": 1, "basis": "cc-pV5Z"}, -2.0, 1e-4),
        ({"atoms": "He"}, -2.861680, 2e-4),
        ({"atoms": "Be"}, -14.573023, 2e-4),
        ({"atoms": "N"}, -54.400934, 1.5e-3),
        ({"atoms": HYDROGEN}, -1.13363, 2e-4),
        ({"atoms": LITHIUM_HYDRIDE}, -7.98737, 5e-4),
    ],
)
def test_the_determinant_starts_at_the_hartree_fock_limit(parameters, limit, tolerance):
    assert determinant_energy(Molecule(**parameters)) == pytest.approx(limit, abs=tolerance)


def test_orbitals_are_few_of_order_one_and_shared_between_calls():
    molecule = Molecule(LITHIUM_HYDRIDE)
    fit = smooth_orbitals(molecule)
    assert fit is smooth_orbitals(Molecule(LITHIUM_HYDRIDE))
    assert len(fit.functions) < 40 and np.abs(fit.coefficients).max() < 5
    assert {harmonic for _, harmonic, _ in fit.functions} <= {"s", "pz", "dz2", "fz3"}


def test_open_p_shell_lies_along_an_axis():
    """Carbon's two p electrons could lie in any plane; the orbitals choose x and y, on every machine."""
    fit = smooth_orbitals(Molecule("C"))
    assert {h for _, h, _ in fit.functions if h.startswith("p")} == {"px", "py"}


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("boron_molecule", 0.02),
        ("carbon_molecule", 0.04),
        ("oxygen_molecule", 0.08),
        ("fluorine_molecule", 0.1),
        ("hydrogen_chain_10", 0.02),
    ],
)
def test_the_field_of_open_shells_and_stretched_bonds_converges_to_the_restricted_limit(name, above):
    """A small basis set lies above the restricted energy on record by what it lacks, and by no more."""
    molecule = create_system(name, basis="cc-pVDZ")
    limit = molecule.references().hartree_fock.energy
    assert limit < smooth_orbitals(molecule).hartree_fock_energy < limit + above


def test_the_square_of_hydrogens_starts_below_its_symmetric_field():
    """Its frontier orbitals are degenerate; paired along two sides they lie 0.04 hartree lower."""
    symmetric = references.find("mol/H4_square_R3.2843").hartree_fock.energy
    energy = smooth_orbitals(create_system("hydrogen_square", basis="cc-pVDZ")).hartree_fock_energy
    assert symmetric - 0.06 < energy < symmetric - 0.03


def test_a_field_that_does_not_converge_is_an_error(monkeypatch):
    monkeypatch.setattr(scf.hf.SCF, "max_cycle", 1)
    with pytest.raises(ZooError, match="did not converge"):
        smooth_orbitals(Molecule("Ne", basis="sto-3g"))
