"""The V-score is that of VarBench, whose rows hold energy, variance, degrees of freedom and energy at infinite
temperature (github.com/varbench/varbench, files of these names; D. Wu et al., Science 386, 296 (2024))."""

import pytest

from harness.statistics import v_score
from zoo.registry import create_system

ROWS = [
    # name, energy, variance, DOF, Einf
    ("Hubbard/chain_14_P_4_1", -12.76281, 4.643e-6, 8, 1.142857142857143),
    ("Hubbard/square_16_P_5_10", -16.90183, 0.047, 10, 15.625),
    ("Hubbard/square_16_P_5_10", -16.903559816, 5.71e-6, 10, 15.625),
    ("Hubbard/rectangular-4x8_32_P_14_8", -24.426, 0.021, 28, 49),
    ("Hubbard/square_64_P_28_8", -47.501, 6.62, 56, 98),
    ("tV/chain_32_P_16_1", -15.946206847643403, 1.01e-3, 16, 7.741935483870968),
    ("tV/square_16_P_5_0.1", -11.80261164187960432, 6.811143292244463681e-06, 5, 0.2666666666666667),
    ("tV/square_16_P_5_10", -3.778445404182138478, 4.192350206704687388, 5, 26.66666666666667),
    ("tV/square_36_P_13_1", -22.07494390276825413, 1.782584753629542704e-02, 13, 8.914285714285715),
    ("tV/square_64_P_32_2", -18.71359791545498, 9.32e-2, 32, 62.98412698412698),
]


@pytest.mark.parametrize(("name", "energy", "variance", "degrees_of_freedom", "energy_at_infinity"), ROWS)
def test_scores_are_those_of_varbench(name, energy, variance, degrees_of_freedom, energy_at_infinity):
    system = create_system(name)
    assert system.n_electrons == degrees_of_freedom
    assert system.infinite_temperature_energy == pytest.approx(energy_at_infinity, rel=1e-12)
    score = v_score(variance, energy, system.n_electrons, system.infinite_temperature_energy)
    assert score == pytest.approx(degrees_of_freedom * variance / (energy - energy_at_infinity) ** 2, rel=1e-12)


def test_rows_are_those_on_record():
    for name, energy, *_ in ROWS:
        known = [record.energy for record in create_system(name).references().records]
        assert any(energy == pytest.approx(value, rel=1e-12) for value in known), name
