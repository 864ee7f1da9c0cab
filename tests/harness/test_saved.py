"""Trained weights of runs and of results on a leaderboard."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness import saved
from harness.figures import Request
from harness.figures.trained import load_all
from harness.transfer import from_run, name_of
from zoo.errors import ZooError
from zoo.registry import create_model, create_system

RESULTS = Path(__file__).parents[2] / "leaderboards" / "results"


def result_of(system, model):
    return max(RESULTS.glob(f"{system}-*/{model}/*-s0"))


@pytest.fixture
def result(tmp_path):
    """A copy of a committed result."""
    return Path(shutil.copytree(result_of("helium", "slater_jastrow"), tmp_path / "result"))


def test_of_a_run_the_checkpoint_is_taken(make_run):
    found = saved.find(make_run("model=slater_jastrow", "system=quantum_dot_n2"))
    assert found.step == 7 and found.state is not None and found.weights == found.state.weights


def test_of_a_result_the_weights_in_its_record_are_taken(result):
    found = saved.find(result)
    record = json.loads((result / "record.json").read_text())
    assert found.state is None
    assert found.step == record["compute"]["train_steps"]
    assert found.weights.relative_to(result).as_posix() in [a["path"] for a in record["artifacts"]]
    assert found.load_model().count_params() >= record["model"]["parameters"]


def test_changed_weights_are_refused(result):
    """A byte of a number that HDF5 does not check."""
    file = saved.find(result).weights
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ZooError, match="expected the file with the SHA-256 in the record, this one has changed"):
        saved.find(result)


def test_files_that_are_no_weights_are_refused(result):
    saved.find(result).weights.write_bytes(b"weights")
    with pytest.raises(ZooError, match="not an HDF5 file"):
        saved.find(result)


def test_weights_of_another_model_are_refused(result):
    found = saved.find(result)
    other = create_model("slater_jastrow_backflow", create_system("helium"))
    with pytest.raises(ZooError, match="these are not weights of slater_jastrow_backflow"):
        saved.load_weights(other, found.weights, "slater_jastrow_backflow")


def test_a_run_can_begin_with_the_weights_of_a_result(result):
    """Of the rung above, which shares the Jastrow factor."""
    model = create_model("slater_jastrow_backflow", create_system("helium"))
    found = from_run(model, result)
    trained = {name_of(v): np.array(v) for v in saved.find(result).load_model().trainable_variables}
    assert set(found.taken) == set(trained) and found.kept
    for variable, value in zip(model.trainable_variables, found.parameters, strict=True):
        np.testing.assert_array_equal(value, trained.get(name_of(variable), np.array(variable)))


def test_configurations_of_a_result_are_drawn_from_its_wavefunction(result):
    """The mean of r over |Psi|^2 of helium is 0.9295 bohr (G. W. F. Drake, Springer Handbook of Atomic Physics)."""
    request = Request.of([result], "nodes", result.parent / "nodes.svg")
    first, second = (load_all(request)[0].walkers for _ in range(2))
    np.testing.assert_array_equal(first, second)
    distances = np.linalg.norm(first, axis=-1).mean(axis=1)
    error = distances.std() / np.sqrt(len(distances))
    assert first.shape == (request.saved[0].config.train.walkers, 2, 3) and first.dtype == np.float64
    assert abs(distances.mean() - 0.9295) < 5 * error
