"""First orbitals of a magnetic mean field: turned into the plane."""

import numpy as np
import pytest
import scipy.optimize

from zoo import create_model
from zoo.layers.lattice_orbitals import first_orbitals, mixes_spins
from zoo.systems import exact
from zoo.systems.hubbard import Hubbard

MAGNETIC = Hubbard(extent=(8,), u=8.0, n_up=4, n_down=4)
SPIN_Y = np.array([[1.0, -1.0], [1.0, 1.0]]) / 2**0.5  # turns the axis of quantisation into the plane


def amplitudes(model, occupations):
    sign, log_abs = (np.asarray(x) for x in model(occupations))
    return sign * np.exp(log_abs)


@pytest.mark.parametrize(
    ("system", "mixed"),
    [
        (MAGNETIC, True),
        (Hubbard(extent=(6,), n_up=3, n_down=3), False),  # a closed shell
        (Hubbard(extent=(8,), u=8.0, n_up=4, n_down=3), False),
        (Hubbard(extent=(8,), u=8.0, n_up=4, n_down=0), False),
    ],
)
def test_orbitals_mix_the_spins_where_the_mean_field_is_magnetic(system, mixed):
    assert mixes_spins(system) is mixed
    assert mixes_spins(system, "screened") is False
    assert mixes_spins(system, "generalised") is True


def test_the_mean_field_is_turned():
    """The rotation by a quarter turn about y, of the density matrix over sites and spins."""
    system = MAGNETIC
    up, down = system.orbitals("screened")
    collinear = np.block([[up @ up.T, np.zeros((8, 8))], [np.zeros((8, 8)), down @ down.T]])
    rotation = np.kron(SPIN_Y, np.eye(8))
    turned = np.concatenate(first_orbitals(system))
    np.testing.assert_allclose(turned @ turned.T, rotation @ collinear @ rotation.T, atol=1e-12)
    densities = np.diag(turned @ turned.T)
    np.testing.assert_allclose(densities[:8], densities[8:], atol=1e-12)  # no moment is left along the axis


def test_with_the_best_jastrow_factor_it_is_lower_in_energy_than_the_collinear_determinant():
    """Over all states, by minimisation over the weights of the Jastrow factor alone."""
    occupations, hamiltonian = exact.basis(MAGNETIC), exact.hamiltonian(MAGNETIC)

    def lowest(orbitals: str) -> float:
        model = create_model("slater_jastrow", MAGNETIC, orbitals=orbitals, train_orbitals=False)
        determinant = amplitudes(model, occupations)
        logarithms = []  # of the factor, for each weight set to one
        for weight in model.trainable_variables:
            values = np.atleast_1d(np.zeros(weight.shape))
            for place in range(values.size):
                values[:] = np.arange(values.size) == place
                weight.assign(values.reshape(weight.shape))
                logarithms.append(np.asarray(model.jastrow(occupations)))
            weight.assign(np.zeros(weight.shape))

        def energy(weights):
            psi = determinant * np.exp(weights @ np.array(logarithms))
            return psi @ (hamiltonian @ psi) / (psi @ psi)

        return scipy.optimize.minimize(energy, np.zeros(len(logarithms))).fun

    exactly = exact.ground_state(MAGNETIC).energy
    in_plane, along = lowest("auto"), lowest("screened")
    assert exactly < in_plane
    assert in_plane - exactly < 0.5 * (along - exactly)
