"""The `zoo` command: what it prints, and its exit codes."""

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import harness
import harness.start
import zoo
from harness.config import RunConfig
from harness.record import RunRecord
from zoo import cli, registry

ROOT = Path(__file__).parents[2]
DOT = ["model=slater_jastrow", "system=quantum_dot_n2"]


def zoo_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "zoo.cli", *arguments],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, encoding="utf-8",
    )  # fmt: skip


def record(model: str = "slater_jastrow", mean: float = 3.1, stderr: float = 0.003, status="completed") -> RunRecord:
    """A record of a run on two electrons in a dot."""
    system = registry.create_system("quantum_dot_n2")
    return RunRecord.model_validate({
        "status": status, "message": None if status == "completed" else "it broke",
        "model": {"name": model, "space": "continuum", "version": "1", "distribution": "backflow-zoo", "config": {},
                  "parameters": 12},
        "system": {"name": "quantum_dot_n2", "family": system.family, "parameters": system.parameters(),
                   "n_up": 1, "n_down": 1, "sha256": system.sha256},
        "protocol": {"name": "smoke", "version": "1"},
        "energy": {"mean": mean, "stderr": stderr, "per_particle": mean / 2, "draws": 50, "walkers": 256,
                   "ess": 5000.0, "tau": 1.5, "rhat": 1.001, "acceptance": 0.5, "drift_z": -0.4},
        "variance": 0.02,
        "reference": {"energy": 3.0, "uncertainty": 0.0, "kind": "exact", "citation": "Taut 1994"},
        "error": {"absolute": mean - 3.0, "relative": (mean - 3.0) / 3, "correlation_recovered": 0.5},
        "compute": {"backend": "tensorflow", "device": "cpu", "precision": "float64", "train_steps": 20,
                    "train_seconds": 3.0, "evaluate_seconds": 1.0, "seconds_per_step": 0.15,
                    "peak_memory_bytes": None},
        "provenance": {"zoo_version": "1", "git_commit": None, "dirty": None, "python": "3", "keras": "3",
                       "tensorflow": "2", "jax": None, "command": "zoo run", "config_sha256": "0" * 64, "seed": 0,
                       "started_utc": "2026-01-01T00:00:00Z"},
    })  # fmt: skip


@pytest.fixture
def fake_runs(monkeypatch, tmp_path):
    """`harness.runs` with functions that return ready-made records and note how they were called.

    In a folder of its own, as `zoo run` creates the folder of `out=` before a run starts.
    """
    monkeypatch.chdir(tmp_path)
    fake = types.ModuleType("harness.runs")
    fake.calls, fake.records = [], []

    def answer(name):
        def call(*arguments, **keywords):
            fake.calls.append((name, arguments, keywords))
            return fake.records.pop(0)

        return call

    for name in ("start", "resume", "evaluate"):
        setattr(fake, name, answer(name))
    monkeypatch.setitem(sys.modules, "harness.runs", fake)
    monkeypatch.setattr(harness, "runs", fake, raising=False)
    prepared = []
    monkeypatch.setattr(harness.start, "prepare", lambda *arguments: prepared.append(arguments))
    fake.prepared = prepared
    return fake


@pytest.fixture
def run_folder(tmp_path):
    config = RunConfig.from_dict({"model": {"name": "sj"}, "system": {"name": "quantum_dot_n2"}, "protocol": "open"})
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    return tmp_path


@pytest.mark.parametrize("arguments", [["list"], ["list", "models"], ["list", "systems"]], ids=" ".join)
def test_list_names_everything_registered(arguments, capsys):
    assert cli.main(arguments) == 0
    first_words = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    expected = set()
    if arguments[-1] != "systems":
        expected |= set(registry.list_models())
    if arguments[-1] != "models":
        expected |= set(registry.list_systems())
    assert first_words - {"model", "system"} == expected


def test_list_takes_a_pattern(capsys):
    assert cli.main(["list", "systems", "*chain*"]) == 0
    out = capsys.readouterr().out
    assert "hubbard_chain_6" in out and "hubbard_4x4" not in out


def test_show_model_lists_every_hyperparameter(capsys):
    assert cli.main(["show", "sjb"]) == 0
    out = capsys.readouterr().out
    for name in registry.hyperparameters("sjb", "continuum"):
        assert f"model.{name}" in out
    assert "Feynman" in out


def test_show_system_lists_parameters_and_references_with_sources(capsys):
    assert cli.main(["show", "hubbard_4x4"]) == 0
    out = capsys.readouterr().out
    assert "system.extent" in out and "[4,4]" in out
    assert "-19.5809375" in out and "Lanczos" in out


def test_show_system_with_other_parameters(capsys):
    assert cli.main(["show", "electron_gas_n14", "system.rs=5", "system.n_up=19"]) == 0
    out = capsys.readouterr().out
    assert "19 up, 7 down" in out and "value" in out and "default" not in out
    assert re.search(r"system\.rs +5\.0", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "model=NAME is missing"),
        (["run", "model=slater_jastrow"], "system=NAME is missing"),
        (["run", "model=slatter_jastrow", "system=helium"], "did you mean 'slater_jastrow'"),
        (["run", *DOT, "system.omega=-1"], "system.omega=-1.0: expected"),
        (["run", *DOT, "optimizer.learning_rat=1"], "did you mean 'optimizer.learning_rate'"),
        (["run", "model=sj", "system=hubbard_4x4", "system.n_up=17"], "system.n_up=17: expected"),
        (["run", "--resume", "no/such/run"], "expected the folder of a run"),
        (["run", "--resume", "no/such/run", "seed=1"], "expected no keys"),
        (["run", "--dryrun", *DOT], "--dryrun"),
        (["evaluate"], "RUN"),
        (["evaluate", str(Path(__file__))], "expected the folder of a run"),
        (["compare", "system=helium"], "MODEL is missing"),
        (["compare", "sj", "sjbb", "system=helium"], "unknown model 'sjbb'"),
        (["show", "hubard_4x4"], "unknown model or system 'hubard_4x4': did you mean 'hubbard_4x4'"),
        (["show", "sjb", "model.range=2"], "model.range=2: expected no keys with sjb, a model"),
        (["show", "hubbard_4x4", "system.extnt=8"], "did you mean 'system.extent'"),
        (["list", "model"], "did you mean 'models'"),
        (["list", "models", "x*"], "no model matches 'x*'"),
        (["check", "slater"], "unknown model 'slater'"),
        (["check", "sj", "system=heliun"], "unknown system 'heliun'"),
        (["leaderboard", "build", "no/such/folder"], "no/such/folder"),
        (["leaderboard", "check", "--site", "no/such/folder"], "no/such/folder: expected a folder of pages"),
        (["plot", "backflow", "no/such/run"], "expected the folder of a run"),
        (["plot", "nodes"], "RUN"),
        (["plot", "node"], "node"),
        (["rum"], "rum"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("zoo: ") and err.count("\n") == 1
    assert message in err


def test_exit_code_reaches_the_shell():
    done = zoo_process("run", "model=nothing", "system=helium")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("zoo: unknown model 'nothing'") and "Traceback" not in done.stderr


def test_dry_run_prints_a_configuration_that_reads_back(capsys):
    arguments = ["run", "model=sj", "system=molecule", "system.atoms=Li 0 0 0; H 0 0 3", "seed=7", "--dry-run"]
    assert cli.main(arguments) == 0
    values = OmegaConf.to_container(OmegaConf.create(capsys.readouterr().out))
    config = RunConfig.from_dict(values)
    assert (config.model_name, config.seed) == ("slater_jastrow", 7)
    assert config.create_system().symbols == ("Li", "H")


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"zoo {zoo.__version__}\n"


def test_without_arguments_it_explains_itself(capsys):
    assert cli.main([]) == 0
    assert "leaderboard" in capsys.readouterr().out


COMMANDS = [[], ["run"], ["evaluate"], ["compare"], ["list"], ["show"], ["check"], ["leaderboard", "build"]]
COMMANDS += [["leaderboard", "check"]]
COMMANDS += [["plot", "backflow"], ["plot", "nodes"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command, capsys):
    assert cli.main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example" in out and " ".join(["zoo", *command]) in out.partition("Example")[2]


@pytest.mark.parametrize(
    "arguments", [["list"], ["show", "hubbard_4x4"], ["show", "sj"], ["run", "--help"]], ids=" ".join
)
def test_pipe_gets_plain_text(arguments):
    done = zoo_process(*arguments)
    assert done.returncode == 0 and "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("diverged", 1), ("failed", 1), ("interrupted", 130)])
def test_run_starts_and_its_status_gives_the_exit_code(status, code, fake_runs, capsys):
    fake_runs.records = [record(status=status)]
    assert cli.main(["run", *DOT, "backend=jax", "precision=float32", "out=my runs"]) == code
    [(name, (config, command), _)] = fake_runs.calls
    assert (name, config.out) == ("start", "my runs")
    assert command == "zoo run model=slater_jastrow system=quantum_dot_n2 backend=jax precision=float32 'out=my runs'"
    assert fake_runs.prepared == [("jax", "auto", "float32", 1, None)]
    out = capsys.readouterr().out
    assert "3.100(3)" in out and "+0.100(3)" in out and "Taut 1994" in out and status in out


def test_unknown_basis_set_is_found_before_a_backend_is_loaded(fake_runs, capsys):
    assert cli.main(["run", "model=sj", "system=helium", "system.basis=cc-pvxz"]) == 2
    assert fake_runs.prepared == [] and "system.basis='cc-pvxz': unknown basis set" in capsys.readouterr().err


def test_resume_continues_on_the_backend_of_the_run(fake_runs, run_folder):
    fake_runs.records = [record()]
    assert cli.main(["run", "--resume", str(run_folder)]) == 0
    assert fake_runs.calls == [("resume", (run_folder,), {})]
    assert fake_runs.prepared == [("tensorflow", "auto", "float64", 1, None)]


def test_evaluate_passes_its_budget_on(fake_runs, run_folder):
    fake_runs.records = [record()]
    assert cli.main(["evaluate", str(run_folder), "draws=64", "seed=2"]) == 0
    walkers = RunConfig.read(run_folder).evaluate.walkers
    budget = {"draws": 64, "walkers": walkers, "seed": 2, "thin": 0, "observables": ()}
    assert fake_runs.calls == [("evaluate", (run_folder,), budget)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nodes", "--electron", "2"], "--electron 2: expected 0 to 1"),
        (["backflow", "--walker", "9999"], "--walker 9999: expected 0 to"),
        (["backflow", "--plane", "xz"], "--plane xz: expected none"),
        (["nodes", "--output", "picture.pdf"], "picture.pdf: expected a file that ends in .svg or .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_figure_that_cannot_be_drawn_is_refused_before_a_backend_is_loaded(
    arguments, message, fake_runs, run_folder, capsys
):
    name, *options = arguments
    assert cli.main(["plot", name, str(run_folder), *options]) == 2
    assert fake_runs.prepared == []
    assert message in capsys.readouterr().err


def test_figures_of_a_run(tmp_path, capsys, backend_name):
    budget = ["train.steps=0", "train.walkers=16", "evaluate.walkers=16", "evaluate.draws=8"]
    assert cli.main(["run", "model=sjb", DOT[1], *budget, f"backend={backend_name}", f"out={tmp_path}"]) == 0
    [folder] = tmp_path.glob("quantum_dot_n2/slater_jastrow_backflow/*")
    capsys.readouterr()
    assert cli.main(["plot", "backflow", str(folder), "--walker", "3"]) == 0
    assert capsys.readouterr().out == f"{folder / 'backflow.svg'}\n"
    picture = tmp_path / "further" / "nodes.png"
    assert cli.main(["plot", "nodes", str(folder), str(folder), "--electron", "1", "--output", str(picture)]) == 0
    assert capsys.readouterr().out == f"{picture}\n"
    assert (folder / "backflow.svg").stat().st_size > 1000 and picture.read_bytes().startswith(b"\x89PNG")


def test_warning_about_a_plug_in_is_one_line(monkeypatch, capsys):
    def broken():
        raise ImportError("no module named x")

    entry = types.SimpleNamespace(name="broken", dist=types.SimpleNamespace(name="bad-models"), load=broken)
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [entry] if group == "zoo.models" else [])
    monkeypatch.setattr(registry._MODELS, "_by_name", None)
    assert cli.main(["list", "models"]) == 0
    out, err = capsys.readouterr()
    assert "slater_jastrow" in out
    assert err == "zoo: warning: model plug-in 'broken' of bad-models left out: ImportError: no module named x\n"


def test_leaderboard_of_recorded_runs(tmp_path, capsys):
    (tmp_path / "mine.json").write_text(record().to_json())
    assert cli.main(["leaderboard", "build", str(tmp_path / "mine.json"), "--site", str(tmp_path / "site")]) == 0
    pages = [Path(line) for line in capsys.readouterr().out.split()]
    assert all(page.is_file() for page in pages)
    assert any("quantum_dot_n2" in page.name and page.suffix == ".html" for page in pages)


def test_leaderboard_check_names_the_pages_that_differ(tmp_path, capsys):
    (tmp_path / "mine.json").write_text(record().to_json())
    arguments = [str(tmp_path / "mine.json"), "--site", str(tmp_path / "site")]
    assert cli.main(["leaderboard", "build", *arguments]) == 0
    assert cli.main(["leaderboard", "check", *arguments]) == 0
    page = tmp_path / "site" / "index.html"
    page.write_text(page.read_text() + "typed by hand")
    capsys.readouterr()
    assert cli.main(["leaderboard", "check", *arguments]) == 1
    out = capsys.readouterr().out
    assert f"{page}: line" in out and out.count("differs") == 1
    assert f"zoo leaderboard build {arguments[0]} --site {arguments[2]}" in out


def test_committed_pages_are_those_of_the_committed_results(monkeypatch, capsys):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert cli.main(["leaderboard", "check"]) == 0, capsys.readouterr().out
