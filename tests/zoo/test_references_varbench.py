"""Reference energies as tables of VarBench: out, in, and what is refused."""

import dataclasses
import json

import pytest

from zoo import references
from zoo.cli import main
from zoo.errors import ZooError
from zoo.references import command, varbench

TABLE = """\
| Energy | Sigma | Energy Variance | DOF | Einf | Method | Data Repository |
|---|---|---|---|---|---|---|
| -19.5632 | 0.0011 | 0.11 | 10 | 6.25 | VMC a \\| b | [code](https://example.org) |
| -19.58093752541912 |       |                 | 10  | 6.25 | Exact diagonalization | |
| -19.57 | | | 10 | 6.25 | DMRG (bond dimension 20) | |
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Hubbard" / "square_16_P_5_4.md"
    path.parent.mkdir()
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("hubbard/4x4/PP/5-5/U4", "square_16_P_5_4"),
        ("hubbard/8x8/PA/32-32/U6", "square_64_PA_32_6"),
        ("hubbard/16x4/OP/26-26/U8", "rectangular-4x16_64_PO_26_8"),
        ("hubbard/14x1/P/4-4/U1.66810054", "chain_14_P_4_1.66810054"),
        ("tv/chain_32_P/16/1", "tV/chain_32_P_16_1"),
        ("hubbard/10x1/P/5-4/U2", None),
        ("hubbard/2d-infinite/half/U2", None),
        ("atom/Be", None),
    ],
)
def test_names(key, name):
    assert varbench.name_of(key) == name


def test_every_key_with_a_name_is_read_back_from_it():
    keys = {r.key for r in references.load() if varbench.name_of(r.key)}
    assert len(keys) > 300
    for key in sorted(keys)[::7]:
        assert varbench.table(varbench.name_of(key), []).system.reference_key == key


def test_the_energy_at_infinite_temperature_is_that_of_varbench():
    """84.5 and 52 particles stand in its table of the 4x16 lattice."""
    system = varbench.table("rectangular-4x16_64_PO_26_8", []).system
    assert (system.infinite_temperature_energy, system.n_electrons) == (84.5, 52)


def test_tables_read_back(tmp_path):
    tables = varbench.tables(references.load())
    assert len(tables) > 300
    command.written(tables[::9], tmp_path)
    for table in tables[::9]:
        assert varbench.read(tmp_path / table.file) == table


def test_rows_become_records_and_rows_again(file):
    table = varbench.read(file)
    records = varbench.references(table)
    assert [(r.kind, r.uncertainty, r.variance) for r in records] == [
        ("variational", 0.0011, 0.11),
        ("exact", pytest.approx(2e-9, rel=0.1), None),
        ("variational", None, None),
    ]
    assert {r.key for r in records} == {"hubbard/4x4/PP/5-5/U4"}
    assert {r.hamiltonian for r in records} == {references.find("hubbard/4x4/PP/5-5/U4").best.hamiltonian}
    assert references.validate(records).problems == ()
    [again] = varbench.tables(records)
    assert again == table
    assert (table.rows[0].method, table.rows[0].data) == ("VMC a | b", "[code](https://example.org)")


def test_doubted_rows_are_not_exported():
    doubted = [r for r in references.load() if not r.trusted and varbench.name_of(r.key)]
    assert doubted
    exported = {(t.name, row.energy) for t in varbench.tables(references.load()) for row in t.rows}
    assert not exported & {(varbench.name_of(r.key), r.energy) for r in doubted}


def test_importing_prints_what_is_new_and_writes_it_in_order(file, tmp_path):
    text, problems = command.take_in([file], write=False)
    assert problems == []
    new = [json.loads(line) for line in text.splitlines()]
    assert [r["energy"] for r in new] == [-19.5632, -19.57]  # the exact one is on record
    path = tmp_path / "references.jsonl"
    assert command.take_in([file], write=True, path=path) == ("2 new records in references.jsonl\n", [])
    lines = path.read_text().splitlines()
    old = references.records.PATH.read_text().splitlines()
    assert [line for line in lines if line in set(old)] == old
    assert len(lines) == len(old) + 2


def test_an_import_that_contradicts_what_is_known_is_refused(file, tmp_path):
    file.write_text(TABLE.replace("-19.5632", "-19.6"))
    path = tmp_path / "references.jsonl"
    _, problems = command.take_in([file], write=True, path=path)
    assert len(problems) >= 1 and all("lies below the exact" in problem for problem in problems)
    assert not path.exists()
    file.write_text(TABLE.replace("0.0011", ""))
    assert "sampled and has no error" in command.take_in([file], write=True, path=path)[1][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| 10 | 6.25 | VMC", "| 12 | 6.25 | VMC", "line 3: DOF 12: the name of the file says 10"),
        ("| 10 | 6.25 | VMC", "| 10 | 6.5 | VMC", "line 3: Einf 6.5: the name of the file gives 6.25"),
        ("-19.5632", "nineteen", "line 3: Energy nineteen: expected a number"),
        ("-19.5632", "nan", "line 3: Energy nan: expected a finite number"),
        ("-19.5632", "", "line 3: no energy"),
        ("0.0011", "-1", "line 3: Sigma -1: expected 0 or more"),
        ("| Sigma |", "| Sgma |", "'Sgma': did you mean 'Sigma'"),
        ("| -19.57 |", "|", "line 5: 6 cells: expected 7"),
        (TABLE, "nothing", "expected a Markdown table"),
    ],
)
def test_tables_that_cannot_be_read(file, old, new, message):
    file.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(ZooError, match=message):
        varbench.read(file)


def test_a_file_with_another_name_is_refused(file):
    with pytest.raises(ZooError, match="square: expected a name such as"):
        varbench.read(file.rename(file.with_name("square.md")))
    with pytest.raises(ZooError, match="cannot be read"):
        varbench.read(file)


# The command ---------------------------------------------------------------------------------------------------------


def test_what_is_known_is_shown_with_sources_and_doubts(capsys):
    assert main(["references", "quantum_dot_n6"]) == 0
    shown = capsys.readouterr().out
    assert "20.15932(8)" in shown and "doubts: low trust" in shown and "Hoegberget" in shown
    assert "Runs are compared with 20.15932(8), projected: DMC." in shown
    assert main(["references", "hubbard_4x4", "system.u=8"]) == 0
    assert "Runs are compared with -17.51036669, exact" in capsys.readouterr().out
    assert main(["references", "electron_gas_2d_n10"]) == 0
    assert "mean_field" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["helum"], "unknown system 'helum': did you mean 'helium'"),
        (["hubbard_4x4", "system.uu=8"], "unknown key 'system.uu': did you mean 'system.u'?"),
        (["export", "helium"], "helium: expected a lattice that VarBench has a name for"),
        (["export", "--format", "csv"], "unknown format 'csv': expected one of varbench"),
        (["import", "gone.md"], "gone"),
    ],
)
def test_commands_that_cannot_be(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["references", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_export_and_import_by_command(tmp_path, monkeypatch, capsys, file):
    monkeypatch.chdir(tmp_path)
    assert main(["references", "export", "hubbard_4x4", "--output", "tables"]) == 0
    assert capsys.readouterr().out == "tables: 1 tables with 5 rows\n"
    assert main(["references", "import", "tables/Hubbard/square_16_P_5_4.md"]) == 0
    assert capsys.readouterr().out == ""  # nothing new
    assert main(["references", "import", str(file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_variances_are_kept_in_the_file():
    record = dataclasses.replace(references.load("tv")[0], variance=0.5)
    assert json.loads(record.to_json())["variance"] == 0.5
    assert "variance" not in json.loads(references.load("tv")[0].to_json())
