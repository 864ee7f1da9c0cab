"""What goes wrong in numbers: each fault is caused, mended, and told as an event."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import VMC, rescue, runs
from harness.config import compose
from harness.optimizers import NaturalGradientOptimizer
from harness.record import read_record
from harness.settings import MinSRSettings, SamplerSettings
from harness.vmc import Diverged
from zoo import create_model, create_system

FAR = 50.0


def compiled(**options) -> VMC:
    """Two electrons in a trap, whose wavefunction is NaN where an electron is far away: who is there is stuck."""
    vmc = VMC(create_model("slater_jastrow", create_system("quantum_dot_n2")), seed=1)
    plain = vmc.model.jastrow.call

    def broken(positions):
        value = plain(positions)
        return ops.where(ops.any(ops.abs(positions) > FAR, axis=(1, 2)), ops.full_like(value, float("nan")), value)

    vmc.model.jastrow.call = broken
    return vmc.compile(walkers=64, **options)


def put(vmc: VMC, **changes) -> None:
    """Change arrays of the state by functions of them."""
    arrays = vmc.arrays()
    vmc.load_arrays({**arrays, **{name: change(arrays[name]) for name, change in changes.items()}})


def fit(vmc: VMC, steps: int = 4) -> list[dict]:
    """Train from where the state is put, without equilibration, and give the events."""
    put(vmc, step=lambda step: step + 2)
    vmc.fit(steps=steps + 2, read_every=2)
    assert vmc.current_step == steps + 2
    assert all(np.isfinite(array).all() for array in vmc.arrays().values())
    return vmc.events


@pytest.mark.slow
def test_walkers_stuck_where_psi_is_no_number_give_their_places_to_others():
    vmc = compiled()

    def away(walkers):
        walkers = np.array(walkers)
        walkers[[3, 17]] = 2 * FAR
        return walkers

    put(vmc, walkers=away)
    (event,) = fit(vmc)
    assert event == {
        "step": 3,
        "kind": "walkers_replaced",
        "message": "went back to step 2: 2 of 64 walkers had no finite energy: others took their places",
    }
    assert np.abs(vmc.arrays()["walkers"]).max() < FAR
    assert vmc.arrays()["learning_rate"] == vmc.optimizer.learning_rate  # the step was not at fault


@pytest.mark.slow
@pytest.mark.parametrize("width", [1e12, np.nan], ids=["too wide", "no number"])
def test_a_collapsed_acceptance_is_mended_by_first_walkers_and_widths(width):
    vmc = compiled()
    put(vmc, width=lambda old: np.full_like(old, width))
    (event,) = fit(vmc)
    assert (event["step"], event["kind"]) == (2, "acceptance_collapsed")
    assert "walkers were drawn anew" in event["message"]
    vmc.events.clear()
    result = vmc.evaluate(draws=20)
    assert 0.2 < result.acceptance < 0.9 and vmc.events == []


@pytest.mark.slow
def test_an_acceptance_that_stays_collapsed_ends_the_run(monkeypatch):
    vmc = compiled()
    monkeypatch.setattr(vmc.sampler, "initial_width", 1e12)
    monkeypatch.setattr(vmc, "equilibrate", lambda rounds: None)
    put(vmc, width=lambda old: np.full_like(old, 1e12))
    with pytest.raises(Diverged, match="fewer than 1 in 1000 moves were accepted after step 2, also with"):
        fit(vmc)
    assert [event["kind"] for event in vmc.events] == ["acceptance_collapsed"] * 3 + ["diverged"]


def test_few_proposals_and_accepted_ones_are_no_collapse():
    assert rescue.collapsed(0.0, 1000) and rescue.collapsed(np.nan, 1000)
    assert not rescue.collapsed(0.0, 999) and not rescue.collapsed(0.01, 10**6)


def test_lost_walkers_are_followed_by_others_in_turn():
    lost = np.array([False, True, False, True, True])
    np.testing.assert_array_equal(rescue.in_place_of(lost), [0, 0, 2, 2, 0])
    assert not rescue.is_mendable(lost) and rescue.is_mendable(lost & [1, 1, 1, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("factor", [np.inf, 1e200], ids=str)
def test_an_infinite_energy_or_variance_halves_the_step(factor, monkeypatch):
    """1e200 is a number, its square is none."""
    vmc = compiled(optimizer=MinSRSettings(learning_rate=0.04), sampler=SamplerSettings(moves=2))
    plain = vmc.steps.local_energy

    def broken(parameters, walkers):
        energies, others = plain(parameters, walkers)
        return ops.where(rate[0] > 0.02, energies * factor, energies), others

    rate = [None]
    step = vmc.steps.step

    def with_rate(state):
        rate[0] = state["learning_rate"]
        return step(state)

    monkeypatch.setattr(vmc.steps, "local_energy", broken)
    monkeypatch.setattr(vmc.steps, "step", with_rate)
    vmc._compile_functions()
    vmc._measure = lambda state: (state, {"energy": np.full(64, np.inf)})  # none of the walkers is at fault
    (event,) = fit(vmc)
    assert (event["step"], event["kind"]) == (3, "not_finite")
    assert vmc.arrays()["learning_rate"] == 0.02


@pytest.mark.slow
def test_a_gram_matrix_that_is_not_positive_is_mended(monkeypatch):
    """One whose least eigenvalue is below zero by more than rounding is likely to do, and less than it can do."""
    plain = NaturalGradientOptimizer._solve

    def indefinite(self, gram, target, rounding, damping):
        return plain(self, gram - ops.diag(1.5 * rounding + damping), target, rounding, damping)

    monkeypatch.setattr(NaturalGradientOptimizer, "_solve", indefinite)
    vmc = VMC(create_model("slater_jastrow", create_system("quantum_dot_n2"))).compile(MinSRSettings(damping=1e-20), 8)
    events = fit(vmc)
    assert [(event["step"], event["kind"]) for event in events] == [(3, "gram_not_positive"), (5, "gram_not_positive")]
    assert events[0]["message"] == "the Gram matrix of 2 of 2 steps was not positive: more was added to its diagonal"


@pytest.mark.slow
def test_the_record_tells(tmp_path, monkeypatch):
    """A run all of whose Gram matrices are mended is completed, and every epoch has its event."""
    plain = NaturalGradientOptimizer._solve

    def indefinite(self, gram, target, rounding, damping):
        return plain(self, gram - ops.diag(1.5 * rounding + damping), target, rounding, damping)

    monkeypatch.setattr(NaturalGradientOptimizer, "_solve", indefinite)
    keys = ["train.steps=4", "train.walkers=8", "train.read_every=2", "evaluate.draws=8", "evaluate.walkers=8"]
    keys += [f"backend={keras.config.backend()}", f"out={tmp_path}"]
    config = compose(["model=slater_jastrow", "system=quantum_dot_n2", *keys])
    record = runs.start(config, "zoo run")
    (folder,) = tmp_path.glob("*/*/*-s0")
    assert record.status == "completed" and record == read_record(folder / "record.json")
    mended = [event for event in record.events if event.kind == "gram_not_positive"]
    assert [event.step for event in mended] == [1, 3]
