"""The committed weights give the committed energies: one result of each model, measured again."""

import pytest

from harness.record import read_record
from leaderboards.board import RESULTS
from leaderboards.verification import verify


def one_of_each_model():
    """The folder with the fewest electrons, then the fewest parameters, of each model in each space."""
    found = {}
    for path in sorted(RESULTS.rglob("record.json")):
        record = read_record(path)
        size = (record.system.n_up + record.system.n_down, record.model.parameters)
        key = (record.model.name, record.model.space)
        if key not in found or size < found[key][0]:
            found[key] = (size, path.parent)
    return {key: folder for key, (_, folder) in found.items()}


CHOSEN = one_of_each_model()


@pytest.mark.slow
@pytest.mark.parametrize("key", CHOSEN, ids="-".join)
def test_weights_give_the_energy_of_their_record(key):
    verdict = verify(CHOSEN[key], ["draws=40"], lambda config: None)  # on the backend of the tests
    assert verdict.confirmed, verdict.problems
    assert verdict.measured is not None
