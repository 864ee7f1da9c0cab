"""Standard sets of runs: which they are, and that what has been run of them is found."""

import itertools

import pytest

import harness.suite.definition as definition
import zoo
from harness.config import compose
from harness.record import RunRecord, write_record
from harness.settings import PROTOCOLS
from harness.suite import Suite, load, progress
from harness.suite.definition import Member
from zoo import registry
from zoo.cli import main

TINY = """
summary = "Two models on a small ring"
keys = ["train.steps=2", "train.walkers=16", "train.read_every=1", "evaluate.draws=8", "evaluate.walkers=16"]
models = ["slater_jastrow", "neural_backflow"]
seeds = [0, 1]
[[systems]]
keys = ["system=hubbard_chain_6", "system.u=2"]
seconds = [5, 7]
[[systems]]
keys = ["system=quantum_dot_n2"]
seconds = [6, 8]
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A suite of eight short runs, in a folder of its own."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.setattr(definition, "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    return load("tiny")


def keep(folder, made, status="completed", version=None, protocol_version=None, zoo_version=zoo.__version__, **changes):
    """Write a made-up record of a run of that configuration."""
    system, spec = made.create_system(), registry.model_spec(made.model_name)
    protocol = PROTOCOLS.get(made.protocol)
    energy = {"mean": -3.0, "stderr": 0.01, "per_particle": -0.5, "draws": 8, "walkers": 16, "ess": 50.0}
    record = {
        "status": status,
        "model": {
            "name": made.model_name,
            "space": system.space,
            "version": version or spec.version,
            "distribution": "backflow-zoo",
            "config": made.model,
            "parameters": 3,
        },
        "system": {
            "name": made.system_name,
            "family": system.family,
            "parameters": system.parameters(),
            "n_up": system.n_up,
            "n_down": system.n_down,
            "sha256": system.sha256,
        },
        "protocol": {
            "name": made.protocol,
            "version": protocol_version or (protocol.version if protocol else "1"),
        },
        "energy": {**energy, "tau": 1.0, "rhat": 1.0, "acceptance": 0.5, "drift_z": 0.0},
        "variance": 0.1,
        "compute": {
            "backend": "tensorflow",
            "device": "cpu",
            "precision": "float64",
            "train_steps": 2,
            "train_seconds": 1.0,
            "evaluate_seconds": 1.0,
            "seconds_per_step": 0.5,
            "peak_memory_bytes": None,
        },
        "provenance": {
            "zoo_version": zoo_version,
            "git_commit": None,
            "dirty": None,
            "python": "3.11",
            "keras": "3",
            "tensorflow": "2",
            "jax": None,
            "command": "zoo run",
            "config_sha256": made.sha256,
            "seed": made.seed,
            "started_utc": "2025-01-01T00:00:00Z",
        },
        "config": made.to_dict(),
    }
    folder.mkdir(parents=True)
    write_record(folder / "record.json", RunRecord.model_validate({**record, **changes}))


def test_the_suite_of_the_official_boards():
    runs = load("laptop").runs()
    systems = {
        *(("quantum_dot_n2", 1.0), ("quantum_dot_n6", 1.0), ("quantum_dot_n6", 0.28)),
        *(("helium", None), ("beryllium", None), ("lithium_hydride", None), ("electron_gas_n14", 1.0)),
        *(("hubbard_chain_10", 4.0), ("hubbard_4x4", 4.0), ("hubbard_4x4", 8.0), ("hubbard_4x4_half", 8.0)),
    }
    rungs = [name for name in registry.list_models() if registry.model_spec(name).rung is not None]

    def strength(config):
        return next((config.system[key] for key in ("omega", "rs", "u") if key in config.system), None)

    found = [(r.config.system_name, strength(r.config), r.config.model_name, r.config.seed) for r in runs]
    assert sorted(found, key=str) == sorted([(*s, m, n) for s in systems for m in rungs for n in (0, 1)], key=str)
    assert {run.config.protocol for run in runs} == {"laptop"}
    assert all(first.seconds <= second.seconds for first, second in itertools.pairwise(runs))
    for run in runs[::11]:  # what the process of a run will make of its arguments
        assert run.config == compose(run.overrides)


def test_finished_runs_are_found_wherever_they_lie(tiny, tmp_path):
    first, *_, last = tiny.runs()
    keep(tmp_path / "runs/sweeps/of mine/3-x", first.config)
    keep(tmp_path / "runs/hubbard_chain_6/slater_jastrow/t-s1", last.config)
    state = progress(tiny)
    assert (state.completed, len(state.sweep.jobs), state.left) == (2, 8, 2 * (5 + 7 + 6 + 8) - 5 - 8)
    assert state.sweep.jobs[0].folder == tmp_path.joinpath("runs/sweeps/of mine/3-x").relative_to(tmp_path)
    assert state.sweep.jobs[0] not in state.sweep.unfinished
    assert str(state) == "tiny: 2 of 8 runs completed, about 1 min left on two CPU cores"
    assert progress(tiny, ["out=elsewhere"]).completed == 0
    assert progress(tiny, ["optimizer.damping=0.01"]).completed == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "running", "energy": None, "variance": None},
        {"version": "0.9"},
        {"zoo_version": "0.1.0"},
        {"config": None},
    ],
    ids=["not completed", "another version of the model", "another version of the harness", "no configuration"],
)
def test_what_does_not_count(tiny, tmp_path, changes):
    keep(tmp_path / "runs/a", tiny.runs()[0].config, **changes)
    assert progress(tiny).completed == 0


def test_a_run_under_an_older_protocol_does_not_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = Suite("one", "One run", ("protocol=laptop",), ("slater_jastrow",), (0,), (Member(("system=helium",), (1,)),))
    [run] = one.runs()
    keep(tmp_path / "runs/a", run.config, protocol_version="1")
    assert progress(one).completed == 0
    keep(tmp_path / "runs/b", run.config)
    assert progress(one).completed == 1


def test_a_damaged_record_is_named_and_stops_nothing(tiny, tmp_path):
    keep(tmp_path / "runs/a", tiny.runs()[0].config)
    (tmp_path / "runs/b").mkdir()
    (tmp_path / "runs/b/record.json").write_text('{"schema_version": 1}')
    state = progress(tiny)
    assert state.completed == 1
    assert ["runs/b/record.json" in message for message in state.unreadable] == [True]


def test_folders_of_other_settings_differ(tiny):
    folders = [job.folder.name for job in progress(tiny).sweep.jobs]
    others = [job.folder.name for job in progress(tiny, ["optimizer.damping=0.01"]).sweep.jobs]
    assert len({*folders, *others}) == 16
    assert folders[0].startswith("hubbard_chain_6-u2-slater_jastrow-s0-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lapto"], "unknown suite 'lapto': did you mean 'laptop'?"),
        (["laptop", "seed=3"], "seed=3: the suite laptop sets this"),
        (["laptop", "model.jastrow=3"], "model.jastrow=3: the suite laptop sets this"),
        (["laptop", "jobs=0"], "jobs=0: expected 1 or more"),
        (["laptop", "backnd=jax"], "unknown key 'backnd': did you mean 'backend'?"),
    ],
)
def test_a_suite_that_cannot_be_run(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["suite", "run", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_suite_runs_and_goes_on(tiny, tmp_path, capsys):
    """A run that fails stops no other, and one that an ordinary sweep made is not made again."""
    keys = [key for key in tiny.keys if not key.startswith("seed")]
    made = ["sweep", "model=sj", "system=quantum_dot_n2", "seed=0", "--name", "mine", *keys]
    assert main(made) == 0
    blocked = progress(tiny).sweep.jobs[0].folder
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")
    capsys.readouterr()
    assert main(["suite", "run", "tiny"]) == 1
    shown = capsys.readouterr().out
    assert "tiny: 1 of 8 runs completed" in shown and shown.count("started") == 7
    blocked.unlink()
    assert main(["suite", "run", "tiny", "jobs=2"]) == 0
    shown = capsys.readouterr().out
    assert "tiny: 7 of 8 runs completed" in shown and shown.count("started") == 1
    assert main(["suite", "show", "tiny"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("tiny: 8 of 8 runs completed")
    assert main(["leaderboard", "build", "runs", "--site", "site"]) == 0
