import pytest

from zoo import cli
from zoo.errors import ZooError
from zoo.systems import bethe, exact_command
from zoo.systems.hubbard import Hubbard


def test_the_command_prints_energy_double_occupancy_and_what_is_on_record(capsys):
    assert cli.main(["exact", "system=hubbard_chain_6", "system.u=8"]) == 0
    out = capsys.readouterr().out
    rows = {line[:16].strip(): line[16:].strip() for line in out.splitlines()}
    assert float(rows["energy"]) == pytest.approx(bethe.ground_state(Hubbard(u=8.0)).energy, abs=1e-9)
    assert float(rows["energy per site"]) == pytest.approx(float(rows["energy"]) / 6, abs=1e-9)
    assert rows["states"] == "400"
    assert "exact" in rows["on record"]


def test_large_rings_are_solved_by_the_bethe_ansatz(capsys):
    assert cli.main(["exact", "system=chain_50_P_25_4"]) == 0
    assert "Bethe ansatz" in capsys.readouterr().out


def test_methods_agree():
    system = Hubbard(extent=(8,), boundary="A", n_up=4, n_down=4)
    one, other = (exact_command.solve(system, method, lambda line: None) for method in ("bethe", "diagonalisation"))
    assert one.energy == pytest.approx(other.energy, abs=1e-10)
    assert one.double_occupancy == pytest.approx(other.double_occupancy, abs=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "system=NAME is missing: expected one of hubbard"),
        (["system=helium"], "system=helium: expected a lattice system"),
        (["system=hubbard_4x5"], "unknown system 'hubbard_4x5': did you mean 'hubbard_4x4"),
        (["system=hubbard", "system.uu=3"], "unknown key 'system.uu': did you mean 'system.u'"),
        (["system=hubbard", "u=3"], "unknown key 'u': did you mean 'system.u'"),
        (["system=hubbard", "system.u"], "expected KEY=VALUE"),
        (["system=hubbard", "system.extent=[6"], "expected a number, a text or a list"),
        (["system=hubbard", "method=beth"], "unknown method 'beth': did you mean 'bethe'"),
        (["system=hubbard_4x4", "method=bethe"], "method=bethe: expected a chain"),
        (["system=t_v", "method=bethe"], "method=bethe: expected a Hubbard model"),
    ],
)
def test_bad_input_gets_one_line(arguments, message):
    with pytest.raises(ZooError, match=message) as error:
        exact_command.answer(arguments, lambda line: None)
    assert "\n" not in str(error.value)
