"""Projection onto symmetry sectors, against the projector of exact diagonalisation."""

import keras
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.registry import create_model, create_system
from zoo.systems import exact

CASES = {
    "ring": ({"extent": [6], "n_up": 3, "n_down": 3}, {"momentum": [0], "spin_flip": -1}),
    "ring at pi": ({"extent": [6], "n_up": 2, "n_down": 1}, {"momentum": [3]}),
    "antiperiodic": ({"extent": [4], "boundary": "A", "n_up": 2, "n_down": 2}, {"momentum": [0], "spin_flip": 1}),
    "open": ({"extent": [5], "boundary": "O", "n_up": 2, "n_down": 2}, {"point_group": [1, -1]}),
    "ladder": (
        {"lattice": "rectangle", "extent": [3, 2], "boundary": "PP", "n_up": 2, "n_down": 2},
        {"momentum": [0, 1], "point_group": "trivial", "spin_flip": 1},
    ),
}


def projected(parameters, choice, base="neural_backflow"):
    system = create_system("hubbard", **parameters)
    model = create_model("projected", system, base=base, options={"hidden": 4}, **choice)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + 0.3 * random.normal(size=variable.shape))
    return system, model


def amplitudes(model, occupations):
    sign, log_abs = (keras.ops.convert_to_numpy(x) for x in model(occupations))
    return sign * np.exp(log_abs)


@pytest.mark.parametrize("case", CASES)
def test_equals_the_sum_over_the_group(case):
    parameters, choice = CASES[case]
    system, model = projected(parameters, choice)
    basis = exact.basis(system)
    vector = amplitudes(model.base, basis)
    for kind, characters in reversed(_characters(system, choice)):
        total = np.zeros_like(vector)
        for element, character in zip(system.symmetries(kind), characters, strict=True):
            image, sign = element.apply(basis)
            total += character * sign * vector[exact.index(system, image)]
        vector = total
    np.testing.assert_allclose(amplitudes(model, basis), vector, rtol=1e-9, atol=1e-9 * np.abs(vector).max())


@pytest.mark.parametrize("case", CASES)
def test_lies_in_its_sector(case):
    parameters, choice = CASES[case]
    system, model = projected(parameters, choice)
    basis = exact.basis(system)
    vector = amplitudes(model, basis)
    assert np.abs(vector).max() > 0
    for kind, characters in _characters(system, choice):
        for element, character in zip(system.symmetries(kind), characters, strict=True):
            image, sign = element.apply(basis)
            moved = sign * vector[exact.index(system, image)]
            np.testing.assert_allclose(moved, character * vector, atol=1e-9 * np.abs(vector).max())


def test_the_exact_ground_state_of_a_ring_is_in_the_sector_of_the_card():
    """Six electrons on six sites: momentum 0, and the character (-1)^3 of a singlet."""
    system = create_system("hubbard", extent=[6], n_up=3, n_down=3)
    state = exact.ground_state(system)
    image, sign = system.symmetries("spin_flip")[1].apply(state.occupations)
    np.testing.assert_allclose(sign * state.vector[exact.index(system, image)], -state.vector, atol=1e-9)
    for element in system.symmetries("translations"):
        image, sign = element.apply(state.occupations)
        np.testing.assert_allclose(sign * state.vector[exact.index(system, image)], state.vector, atol=1e-9)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"momentum": [1]}, "model.momentum=\\[1\\]: expected 0 or 3 along 6 sites"),
        ({"momentum": [0, 0]}, "expected a number for each of the 1 axes"),
        ({"point_group": "trival"}, "model.point_group=trival: expected none, trivial or 2 characters"),
        ({"point_group": 0}, r"model.point_group=0: expected text or a list of integers such as \[1,1\]"),
        ({"point_group": [1]}, "expected 2 numbers, each 1 or -1"),
        ({"spin_flip": 2}, "model.spin_flip=2: expected 1, -1 or 0"),
        ({"base": "projected"}, "model.base=projected: expected another model"),
        ({"base": "slater_jastro"}, "did you mean 'slater_jastrow'"),
    ],
)
def test_bad_choices_get_one_line(choice, message):
    with pytest.raises(ZooError, match=message):
        create_model("projected", create_system("hubbard", extent=[6]), **choice)


def _characters(system, choice):
    found = []
    if "momentum" in choice:
        cells = np.array(list(np.ndindex(*system.extent)))
        phases = 2 * (cells * np.array(choice["momentum"]) / np.array(system.extent)).sum(axis=1)
        found.append(("translations", np.where(np.round(phases).astype(int) % 2, -1, 1)))
    if "point_group" in choice:
        count = len(system.symmetries("point_group"))
        found.append(("point_group", [1] * count if choice["point_group"] == "trivial" else choice["point_group"]))
    if "spin_flip" in choice:
        found.append(("spin_flip", [1, choice["spin_flip"]]))
    return found
