"""`zoo compare`: what it runs, what it takes as it is, and what it shows."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import zoo
from harness.config import compose
from harness.record import read_record, write_record
from harness.sweep import comparison
from leaderboards.compare import Comparison
from zoo import cli, registry

ENERGIES = {
    "slater_jastrow": (20.1761, 20.1769, 20.1750),
    "slater_jastrow_backflow": (20.1585, 20.1588, 20.1590),
    "neural_backflow": (20.1553, 20.1556, 20.1551),
}
DOT = "system=quantum_dot_n6"


@pytest.fixture
def fake(monkeypatch, tmp_path, run_on):
    """Runs that take no time: records with the energies above. ``after`` of them end before a signal comes."""
    monkeypatch.chdir(tmp_path)

    class Fake:
        started: list[str] = []
        after = 1000
        statuses: dict[str, str] = {}

    def run_here(jobs, at_once, on_change):
        for job in jobs:
            if len(Fake.started) >= Fake.after:
                return False
            config = compose(job.overrides)
            Fake.started.append(f"{config.model_name} {config.seed}")
            on_change(job, "started")
            status = Fake.statuses.get(Fake.started[-1], "completed")
            nothing = {} if status == "completed" else dict.fromkeys(("energy", "variance", "v_score"))
            energy = {"draws": 200, "walkers": 512}
            record = run_on(
                "quantum_dot_n6",
                config.model_name,
                ENERGIES[config.model_name][config.seed],
                0.0005,
                config.seed,
                **{"energy": energy, "config": config.to_dict(), "status": status, **nothing},
                model_changes={"version": registry.model_spec(config.model_name).version},
                provenance={"zoo_version": zoo.__version__},
            )
            job.folder.mkdir(parents=True, exist_ok=True)
            write_record(job.folder / "record.json", record)
            on_change(job, status)
        return True

    monkeypatch.setattr(comparison, "run_here", run_here)
    Fake.started, Fake.statuses, Fake.after = [], {}, 1000
    return Fake


def rows(out: str) -> dict[str, list[str]]:
    """Cells of the table that was printed, by model."""
    found = [re.split(r"\s{2,}", line.strip()) for line in out.splitlines()]
    return {cells[0]: cells[1:] for cells in found if cells[0] in ENERGIES}


# What is run ---------------------------------------------------------------------------------------------------------


def test_every_model_has_the_same_seeds_and_the_first_seed_of_all_comes_first(fake, capsys):
    assert cli.main(["compare", "sj", "sjb", DOT, "seeds=2"]) == 0
    assert fake.started == [
        "slater_jastrow 0",
        "slater_jastrow_backflow 0",
        "slater_jastrow 1",
        "slater_jastrow_backflow 1",
    ]
    assert "0 of 4 runs are there" in capsys.readouterr().out


def test_what_is_there_is_not_run_again(fake, capsys):
    assert cli.main(["compare", "sj", "sjb", DOT]) == 0
    assert cli.main(["compare", "sjb", "nb", DOT, "seeds=2"]) == 0
    assert fake.started[2:] == ["neural_backflow 0", "slater_jastrow_backflow 1", "neural_backflow 1"]
    assert "1 of 4 runs are there" in capsys.readouterr().out


def test_other_settings_are_other_runs(fake):
    assert cli.main(["compare", "sj", DOT]) == 0
    assert cli.main(["compare", "sj", DOT, "train.steps=7"]) == 0
    assert fake.started == ["slater_jastrow 0"] * 2


def test_interrupted_and_continued_by_the_same_command(fake, capsys):
    command = ["compare", "sj", "sjb", DOT, "seeds=2"]
    fake.after = 3
    assert cli.main(command) == 130
    out = capsys.readouterr().out
    assert f"stopped; zoo {' '.join(command)} goes on" in out and rows(out)["slater_jastrow"][0] == "2"
    fake.after = 1000
    assert cli.main(command) == 0
    assert len(fake.started) == 4


def test_a_run_that_was_interrupted_goes_on_where_it_lies(fake, tmp_path):
    fake.statuses = {"slater_jastrow 0": "interrupted"}
    assert cli.main(["compare", "sj", DOT]) == 1
    [folder] = [path.parent for path in (tmp_path / "runs").rglob("record.json")]
    elsewhere = tmp_path / "runs" / "quantum_dot_n6" / "slater_jastrow" / "20250101T000000Z-s0"
    elsewhere.parent.mkdir(parents=True)
    folder.rename(elsewhere)
    fake.statuses = {}
    assert cli.main(["compare", "sj", DOT]) == 0
    assert [path.parent for path in (tmp_path / "runs").rglob("record.json")] == [elsewhere]
    assert read_record(elsewhere / "record.json").status == "completed"


def test_a_diverged_run_is_a_result(fake, capsys):
    fake.statuses = {"slater_jastrow_backflow 0": "diverged"}
    command = ["compare", "sj", "sjb", DOT]
    assert cli.main(command) == 1
    assert cli.main(command) == 1
    assert len(fake.started) == 2 and rows(capsys.readouterr().out)["slater_jastrow_backflow"][0] == "diverged"


def test_a_damaged_record_stops_nothing_and_is_named(fake, tmp_path, capsys):
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "record.json").write_text("{")
    assert cli.main(["compare", "sj", DOT]) == 0
    assert "left out: runs/broken/record.json: not a JSON record" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sj", "ferminet", "system=hubbard_4x4"], "model=ferminet covers continuum systems"),
        (["sj", "slater_jastrow", DOT], "the same run as model=sj"),
        (["sj", "sjb", "system=helium,beryllium"], "2 systems: expected one"),
        (["sj", DOT, "seeds=0"], "seeds=0: expected how many"),
        (["sj", DOT, "seeds=two"], "seeds=two: expected how many"),
        (["sj", DOT, "seed=range(0,3)", "seeds=2"], "expected the first seed"),
        (["sj", DOT, "launcher=slurm"], "launcher=slurm: expected none"),
        (["sj", DOT, "jobs=0"], "jobs=0: expected 1 or more"),
        (["sj", "system=helium", "system.basis=cc-pvxz"], "unknown basis set"),
    ],
)
def test_what_cannot_be_compared(arguments, message, fake, capsys):
    assert cli.main(["compare", *arguments]) == 2
    assert fake.started == [] and message in capsys.readouterr().err


def test_seeds_are_counted_from_the_one_that_is_given():
    found = comparison.runs(["sj", "sjb", DOT, "seed=5", "seeds=2"])
    assert [(config.model_name, config.seed) for _, config in found] == [
        ("slater_jastrow", 5),
        ("slater_jastrow", 6),
        ("slater_jastrow_backflow", 5),
        ("slater_jastrow_backflow", 6),
    ]


def test_values_of_a_hyperparameter_are_compared_too():
    found = comparison.runs(["sj", "nb", DOT, "seeds=2", "train.steps=5,7"])
    assert [(c.model_name, c.train.steps, c.seed) for _, c in found] == [
        (model, steps, seed) for model in ("slater_jastrow", "neural_backflow") for steps in (5, 7) for seed in (0, 1)
    ]


# What is shown -------------------------------------------------------------------------------------------------------


def test_differences_from_the_first_have_their_errors(fake, capsys):
    assert cli.main(["compare", "sj", "sjb", DOT]) == 0
    out = capsys.readouterr().out
    cells = rows(out)
    assert cells["slater_jastrow"] == ["20.1761(5)", "+0.0168(5)", "97.0 %", "1900"]
    assert cells["slater_jastrow_backflow"] == ["20.1585(5)", "-0.0176(7)", "-0.0008(5)", "100.1 %", "1900"]
    assert max(len(line.rstrip()) for line in out.splitlines() if line.startswith("slater")) <= 80


def test_the_page_has_every_difference_and_the_ladder(fake, tmp_path, capsys):
    assert cli.main(["compare", "sj", "sjb", "nb", DOT, "seeds=3"]) == 0
    path = tmp_path / capsys.readouterr().out.rpartition("page: ")[2].strip()
    text = path.read_text()
    matrix = text[text.index('id="differences"') : text.index("</table>", text.index('id="differences"'))]
    cells = re.findall(r"<td[^>]*>([^<]*)", matrix)
    assert len(cells) == 9 and cells[0] == cells[4] == cells[8] == ""
    assert cells[1].replace("−", "-") == cells[3].replace("−", "+")  # antisymmetric
    assert "Correlation, and the ladder" not in text
    assert "What each rung recovers" in text and "zoo compare sj sjb nb system=quantum_dot_n6 seeds=3" in text
    assert "zoo sweep model=neural_backflow" in text
    assert not re.search(r"<(link|img|iframe)|src=", text)
    again = path.read_bytes()
    assert cli.main(["compare", "sj", "sjb", "nb", DOT, "seeds=3"]) == 0
    assert path.read_bytes() == again


def test_runs_that_a_board_would_not_rank_are_compared_and_the_reason_is_shown(tmp_path, run_on, save):
    few = {"draws": 50, "walkers": 256, "ess": 700.0}
    protocol = {"name": "smoke", "version": "1"}
    save(tmp_path, *(run_on("quantum_dot_n6", m, 20.2, 0.01, 0, energy=few, protocol=protocol) for m in "ab"))
    found = Comparison.of([path.parent for path in sorted(tmp_path.rglob("record.json"))])
    assert len(found.measured) == 2
    page = found.page("zoo compare a b")
    assert page.count("seed 0: ") >= 2 and "ESS 700, needs &gt;= 1000" in page


def test_what_lacks_for_the_share_of_the_correlation_energy_is_said(tmp_path, run_on, save):
    save(tmp_path, *(run_on("hubbard_4x4_n14", model, -15.7, 0.01, 0) for model in "ab"))
    found = Comparison.of([path.parent for path in sorted(tmp_path.rglob("record.json"))])
    assert str(found.table().caption).endswith("correlation: no Hartree-Fock energy is known")
    page = found.page("zoo compare a b")
    assert "Correlation, and the ladder: no Hartree-Fock energy is known." in page
    assert "What each rung recovers" not in page


def test_nothing_is_shown_where_nothing_has_begun(tmp_path):
    assert Comparison.of([tmp_path / "nothing"]) is None


# With runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_runs_interrupted_by_a_signal_and_continued(tmp_path):
    command = [sys.executable, "-m", "zoo.cli", "compare", "sj", "sjb", "system=quantum_dot_n2", "seeds=2"]
    command += ["train.steps=6", "train.walkers=16", "train.read_every=2", "evaluate.draws=8", "evaluate.walkers=16"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not any(
        json.loads(path.read_text())["status"] == "completed" for path in (tmp_path / "runs").rglob("record.json")
    ):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "goes on" in out
    started = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("config.yaml")}
    assert 1 <= len(started) < 4
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    records = [read_record(path) for path in (tmp_path / "runs").rglob("record.json")]
    assert [record.status for record in records] == ["completed"] * 4
    assert all(path.stat().st_mtime_ns == then for path, then in started.items())
    assert (tmp_path / done.stdout.rpartition("page: ")[2].strip()).is_file()
