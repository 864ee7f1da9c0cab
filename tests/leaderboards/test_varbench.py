"""Results as rows of VarBench's tables."""

import pytest

from harness.record import write_record
from leaderboards.varbench import tables
from zoo.cli import main
from zoo.errors import ZooError
from zoo.references import varbench


def test_runs_of_a_lattice_are_rows_of_its_table(run_on, run, tmp_path):
    high, low = (run_on("hubbard_4x4", "model_a", mean, 0.01, seed) for mean, seed in ((-19.1, 1), (-19.5, 2)))
    helium = run_on("helium", "model_a", -2.9, 0.001, 1)
    [table] = tables([high, low, helium, run()])  # the last one is on a lattice that does not exist
    assert table.file == "Hubbard/square_16_P_5_4.md"
    assert [(row.energy, row.sigma) for row in table.rows] == [(-19.5, 0.01), (-19.1, 0.01)]
    assert table.rows[1].variance == high.variance
    assert high.provenance.command in table.rows[1].data
    path = tmp_path / table.file
    path.parent.mkdir()
    path.write_text(table.to_markdown())
    assert varbench.read(path) == table


def test_nothing_to_export_is_said(run_on, failed):
    with pytest.raises(ZooError, match="no completed run of a lattice"):
        tables([run_on("helium", "model_a", -2.9, 0.001, 1), failed()])


def test_the_command(run_on, tmp_path, capsys):
    write_record(tmp_path / "a.json", run_on("hubbard_4x4", "model_a", -19.5, 0.01, 1))
    assert main(["leaderboard", "export", str(tmp_path)]) == 0
    assert "-19.5" in capsys.readouterr().out
    assert main(["leaderboard", "export", str(tmp_path), "--format", "csv"]) == 2
