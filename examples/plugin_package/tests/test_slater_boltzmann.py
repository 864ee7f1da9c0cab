"""`slater_boltzmann` is a wavefunction, and reaches an energy that is known."""

from harness.start import prepare

prepare("tensorflow", "cpu", "float64")  # before anything imports Keras

import numpy as np  # noqa: E402
from keras import ops  # noqa: E402
from zoo_slater_boltzmann.lattice import SlaterBoltzmann  # noqa: E402

from harness import VMC  # noqa: E402
from harness.conformance import check_model  # noqa: E402
from zoo import create_system  # noqa: E402

RING = create_system("hubbard_chain_6", extent=[4], n_up=2, n_down=2)


def test_it_is_a_wavefunction():
    report = check_model(SlaterBoltzmann, RING)
    assert report.passed, str(report)


def test_a_hidden_unit_is_summed_over():
    """2 cosh(x) = exp(x) + exp(-x): the sum over a unit that is up or down."""
    model = SlaterBoltzmann(RING, hidden=1)
    numbers = np.random.default_rng(1).integers(0, 2, size=(5, 2 * RING.n_sites)).astype("float64")
    machine = model.machine
    angles = (numbers - 0.5) @ ops.convert_to_numpy(machine.couplings) + ops.convert_to_numpy(machine.biases)
    summed = np.log(np.prod(np.exp(angles) + np.exp(-angles), axis=1))
    np.testing.assert_allclose(ops.convert_to_numpy(machine(numbers)), summed, rtol=1e-12)


def test_it_comes_close_to_the_exact_energy_and_not_below():
    system = create_system("hubbard_chain_6")
    vmc = VMC(SlaterBoltzmann(system), seed=1).compile(optimizer="spring", walkers=256)
    vmc.fit(steps=100)
    energy = vmc.evaluate(draws=100).energy
    exact = system.references().exact.energy
    assert exact - 4 * energy.stderr < energy.mean < 0.97 * exact
