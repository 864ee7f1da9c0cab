import numpy as np
import pytest
from keras import ops

from zoo.layers.orbital_corrections import OrbitalCorrections, SmoothEnvelope
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

DOT = QuantumDot(n_up=3, n_down=3)


def arguments():
    random = np.random.default_rng(0)
    shapes = [(4, 6, 3), (4, 6, 8), (4, 6, 2)]
    return [ops.convert_to_tensor(random.normal(size=shape)) for shape in shapes]


@pytest.mark.parametrize("envelope", [None, SmoothEnvelope(DOT)], ids=["factor", "factor and term"])
def test_the_first_set_starts_as_the_orbitals_and_the_others_do_not(envelope):
    orbitals, features, positions = arguments()
    layer = OrbitalCorrections(np.arange(3), sets=3, envelope=envelope)
    corrected = ops.convert_to_numpy(layer(orbitals, features, positions))
    assert corrected.shape == (4, 3, 6, 3)
    np.testing.assert_array_equal(corrected[:, 0], ops.convert_to_numpy(orbitals))
    for first, second in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(corrected[:, first] - corrected[:, second]).max() > 0.1


def test_they_are_what_the_formula_says():
    orbitals, features, positions = arguments()
    layer = OrbitalCorrections(np.arange(3), sets=2, envelope=SmoothEnvelope(DOT))
    layer(orbitals, features, positions)
    random = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(random.normal(size=weight.shape))
    phi, h, r = (ops.convert_to_numpy(x) for x in (orbitals, features, positions))
    numbers = {w.path.rpartition("corrections")[2].split("/", 1)[1]: ops.convert_to_numpy(w) for w in layer.weights}
    rate = np.exp(numbers.pop(next(k for k in numbers if k.endswith("log_rate"))))
    chi = np.exp(-0.5 * rate * np.sum((r / DOT.length_scale) ** 2, axis=-1))
    f, g = (h @ numbers[f"{part}/kernel"] + numbers[f"{part}/bias"] for part in ("factor", "term"))
    for k in range(2):
        expected = phi * (1 + f[..., 3 * k : 3 * k + 3]) + g[..., 3 * k : 3 * k + 3] * chi[..., None]
        found = ops.convert_to_numpy(layer(orbitals, features, positions))[:, k]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_orbitals_of_one_multiplet_have_one_factor():
    orbitals, features, positions = arguments()
    layer = OrbitalCorrections(np.array([0, 1, 1]), sets=2)
    ratio = ops.convert_to_numpy(layer(orbitals, features, positions)) / ops.convert_to_numpy(orbitals)[:, None]
    np.testing.assert_allclose(ratio[..., 1], ratio[..., 2], rtol=1e-12)
    assert np.abs(ratio[:, 1, :, 0] - ratio[:, 1, :, 1]).max() > 0.1


def test_the_envelope_of_a_molecule_is_one_at_a_lone_nucleus_smooth_there_and_decays():
    helium = Molecule(atoms="He", basis="6-31g")
    x = np.zeros((1, 5, 3))
    x[0, :, 0] = [-1e-3, 0.0, 1e-3, 5.0, 10.0]
    chi = ops.convert_to_numpy(SmoothEnvelope(helium)(ops.convert_to_tensor(x)))[0, :, 0]
    assert chi[1] == 1.0
    assert abs(chi[2] - 2 * chi[1] + chi[0]) < 3e-6  # a cusp would leave 4e-3
    assert 0.9 < -np.log(chi[4] / chi[3]) / 5.0 < 1.0
