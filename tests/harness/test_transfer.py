"""A run that begins with the weights of another."""

import subprocess
import sys

import numpy as np
import pytest

from harness import runs, transfer
from harness.config import RunConfig, compose
from zoo.errors import ZooError
from zoo.registry import create_model, create_system

BUDGET = ["train.walkers=32", "evaluate.walkers=32", "evaluate.draws=8", "evaluate.equilibration=20"]


def run(tmp_path, *keys):
    return runs.start(compose([*keys, *BUDGET, f"out={tmp_path}"]), "zoo run")


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    """A short run of the first rung."""
    folder = tmp_path_factory.mktemp("below")
    run(folder, "model=slater_jastrow", "system=hubbard_chain_6", "train.steps=20")
    (path,) = folder.glob("*/*/*")
    return path


@pytest.mark.slow
def test_a_rung_continues_from_the_one_below(tmp_path, below):
    keys = ["model=slater_jastrow_backflow", "system=hubbard_chain_6", "train.steps=0", f"init_from={below}"]
    record = run(tmp_path, *keys)
    lower = runs.read_record(below / "record.json")
    assert record.protocol.name == "open"
    assert [event.kind for event in record.events] == ["init_from"]
    assert abs(record.energy.mean - lower.energy.mean) < 6 * (record.energy.stderr + lower.energy.stderr)


def test_equal_names_and_shapes_are_taken_over(below):
    system = create_system("hubbard", extent=[6], n_up=3, n_down=3)
    first = create_model("slater_jastrow", system)
    found = transfer.from_run(create_model("slater_jastrow_backflow", system), below)
    assert found.taken == [transfer.name_of(v) for v in first.trainable_variables]
    assert found.kept and all(name.startswith("backflow") for name in found.kept)
    trained = found.parameters[found.taken.index("jastrow/gutzwiller")]
    assert np.abs(trained) > 0.01


def test_a_run_without_anything_in_common_is_refused(below):
    system = create_system("quantum_dot", n_up=1, n_down=1)
    with pytest.raises(ZooError, match="no weight of slater_jastrow there has a name and shape of this model"):
        transfer.from_run(create_model("slater_jastrow", system), below)


def test_no_run_is_refused(tmp_path):
    with pytest.raises(ZooError, match=str(tmp_path)):
        transfer.from_run(create_model("slater_jastrow", create_system("hubbard")), tmp_path)


@pytest.mark.parametrize(
    ("system", "folder", "message"),
    [
        ("hubbard_chain_6", "nowhere", "init_from=.*nowhere: expected the folder of a run"),
        ("quantum_dot_n2", "below", "no weight of slater_jastrow there has a name and shape of this model"),
    ],
)
def test_a_run_that_cannot_begin_with_them_leaves_no_folder(tmp_path, below, system, folder, message):
    init_from = below if folder == "below" else tmp_path / folder
    with pytest.raises(ZooError, match=message) as error:
        run(tmp_path, "model=slater_jastrow", f"system={system}", f"init_from={init_from}")
    assert "\n" not in str(error.value)
    assert not [path for path in tmp_path.rglob("*") if path.parent.name == "slater_jastrow"]


def test_the_command_line_refuses_what_is_no_run_before_it_loads_a_backend(tmp_path):
    keys = ["run", "model=sj", "system=hubbard_chain_6", f"out={tmp_path / 'runs'}", f"init_from={tmp_path}"]
    code = "import sys; from zoo import cli; code = cli.main(sys.argv[1:]); exit(code + 100 * ('keras' in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code, *keys], capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        f"zoo: init_from={tmp_path}: expected the folder of a run, which holds config.yaml"
    ]
    assert not (tmp_path / "runs").exists()


def test_the_hash_of_other_runs_does_not_know_of_it(below):
    config = RunConfig.read(below)
    assert "init_from" not in config.to_dict()
    assert "init_from" in compose([*BUDGET, "model=sj", "system=hubbard_chain_6", "init_from=x"]).to_dict()
