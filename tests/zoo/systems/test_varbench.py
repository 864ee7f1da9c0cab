import pytest

from zoo import cli
from zoo.errors import UnknownNameError, ZooError
from zoo.registry import create_system
from zoo.systems import varbench
from zoo.systems.hubbard import Hubbard
from zoo.systems.t_v import TV


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("square_16_P_5_4", Hubbard("square", (4, 4), "PP", u=4.0, n_up=5, n_down=5)),
        ("square_16_p_5_4", Hubbard("square", (4, 4), "PP", u=4.0, n_up=5, n_down=5)),
        ("Hubbard/square_64_PA_32_8", Hubbard("square", (8, 8), "PA", u=8.0, n_up=32, n_down=32)),
        ("square_64_P_25_-4", Hubbard("square", (8, 8), "PP", u=-4.0, n_up=25, n_down=25)),
        ("chain_14_P_4_4.64158882", Hubbard("chain", (14,), "P", u=4.64158882, n_up=4, n_down=4)),
        ("rectangular-4x16_64_PO_26_2", Hubbard("rectangle", (4, 16), "PO", u=2.0, n_up=26, n_down=26)),
        ("honeycomb_18_P_9_4", Hubbard("honeycomb", (3, 3), "PP", u=4.0, n_up=9, n_down=9)),
        ("tV/square_36_P_13_0.1", TV("square", (6, 6), "PP", v=0.1, n_up=13)),
        ("tv_chain_32_p_16_1", TV("chain", (32,), "P", v=1.0, n_up=16)),
    ],
)
def test_names_stand_for_systems(name, system):
    family, parameters = varbench.parse(name)
    assert family(**parameters) == system
    if system.lattice != "honeycomb":
        assert system.references().best is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sqare_16_P_5_4", "unknown lattice 'sqare': did you mean 'square'"),
        ("square_50_P_21_8", "50 sites: a square of 7x7 has 49"),
        ("square_16_P_5_4.4.4", "4.4.4 is no number"),
        ("hubbard_4x4", "expected a name such as square_16_P_5_4"),
    ],
)
def test_other_names_are_refused_in_one_line(name, message):
    with pytest.raises(ZooError, match=message) as error:
        varbench.parse(name)
    assert "\n" not in str(error.value)


def test_arguments_are_expanded_and_keys_beside_the_name_win():
    expanded = varbench.expand(["model=sj", "system=square_16_P_5_4", "system.u=8"])
    assert expanded == [
        *("model=sj", "system=hubbard", "system.lattice=square", "system.extent=[4,4]", "system.boundary=PP"),
        *("system.n_up=5", "system.n_down=5", "system.u=8"),
    ]
    assert varbench.expand(["system=hubbard_4x4"]) == ["system=hubbard_4x4"]


def test_names_make_systems_from_python():
    assert create_system("square_16_P_5_4") == Hubbard("square", (4, 4), "PP", u=4.0, n_up=5, n_down=5)
    assert create_system("square_16_P_5_4", u=8.0).u == 8.0
    assert create_system("tV/chain_32_P_16_1") == TV("chain", (32,), "P", v=1.0, n_up=16)
    with pytest.raises(ZooError, match="unknown lattice 'sqare'"):
        create_system("sqare_16_P_5_4")
    with pytest.raises(UnknownNameError, match="unknown system 'hubbard_5x5'"):
        create_system("hubbard_5x5")


def test_names_can_be_shown(capsys):
    assert cli.main(["show", "tV/square_16_P_5_10"]) == 0
    shown = capsys.readouterr().out
    assert "tV/square_16_P_5_10" in shown and "5 up, 0 down" in shown and "-4.05" in shown
