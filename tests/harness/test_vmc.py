import csv
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from harness import VMC, backend
from harness.steps import clip_energies
from harness.vmc import Diverged
from zoo import create_model, create_system
from zoo.errors import ZooError
from zoo.systems.hubbard import Hubbard
from zoo.systems.quantum_dot import QuantumDot

RING = Hubbard(extent=(4,), boundary="A", u=4.0, n_up=2, n_down=2)


def compiled(seed: int = 0, optimizer="spring", walkers: int = 32) -> VMC:
    return VMC(create_model("slater_jastrow", RING), seed=seed).compile(optimizer=optimizer, walkers=walkers)


def assert_equal(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def trained() -> VMC:
    vmc = compiled()
    vmc.fit(steps=6, read_every=3, equilibration=3)
    return vmc


# Reproducibility -----------------------------------------------------------------------------------------------------


def test_one_seed_gives_one_run(trained):
    again, other = compiled(), compiled(seed=1)
    for vmc in (again, other):
        vmc.fit(steps=6, read_every=3, equilibration=3)
    assert_equal(again.arrays(), trained.arrays())
    assert np.any(other.arrays()["walkers"] != trained.arrays()["walkers"])
    assert other.arrays()["parameters.0000"].shape == trained.arrays()["parameters.0000"].shape


def test_how_often_the_host_reads_changes_nothing(trained):
    vmc = compiled()
    vmc.fit(steps=6, read_every=4, equilibration=3)
    assert_equal(vmc.arrays(), trained.arrays())


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["spring", "adam"])
def test_training_is_the_same_in_a_trap_of_any_frequency(optimizer):
    """Without repulsion frequencies differ in the units of length and energy alone."""
    energies = []
    for omega in (1.0, 0.01):
        model = create_model("slater_jastrow", QuantumDot(omega=omega, n_up=3, n_down=1, coulomb=False))
        model.orbitals.mixing.assign(0.1 * np.random.default_rng(0).normal(size=model.orbitals.mixing.shape))
        vmc = VMC(model).compile(optimizer=optimizer, walkers=32)
        history = vmc.fit(steps=4, read_every=1, equilibration=2).history
        energies.append(np.array(history["energy"]) / omega)
    np.testing.assert_allclose(*energies, rtol=1e-9)
    assert np.ptp(energies[0]) > 1e-3


@pytest.mark.parametrize("optimizer", ["spring", "adam"])
def test_a_step_leaves_the_state_it_starts_from_alone(optimizer):
    vmc = compiled(optimizer=optimizer)
    start, before = vmc.state, vmc.arrays()
    first, metrics = vmc._step(start)
    vmc._step(first)  # something else in between
    second, again = vmc._step(start)
    assert_equal(vmc.arrays(), before)
    states = []
    for vmc.state in (first, second):
        states.append(vmc.arrays())
    assert states[0]["step"] == 1
    assert_equal(*states)
    assert float(ops.convert_to_numpy(metrics["energy"])) == float(ops.convert_to_numpy(again["energy"]))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["spring", "adam"])
def test_a_reloaded_run_continues_bit_for_bit(optimizer):
    """2k steps are k steps, the state in NumPy, a new VMC, and k steps more."""
    whole, first, second = (compiled(optimizer=optimizer) for _ in range(3))
    whole.fit(steps=6, read_every=3, equilibration=2)
    first.fit(steps=3, read_every=3, equilibration=2)
    saved = first.arrays()
    second.load_arrays(saved)
    assert_equal(second.arrays(), saved)
    assert second.current_step == 3
    second.fit(steps=6, read_every=3, equilibration=2)
    assert_equal(second.arrays(), whole.arrays())
    for found, expected in zip(second.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_state_of_another_kind_is_refused_and_nothing_changes(trained):
    vmc = compiled()
    before = vmc.arrays()
    for saved in (compiled(optimizer="adam").arrays(), {**trained.arrays(), "optimizer.direction": np.zeros(2)}):
        with pytest.raises(ZooError, match=r"optimizer\."):
            vmc.load_arrays(saved)
        assert_equal(vmc.arrays(), before)


def test_a_state_without_damping_is_one_of_an_older_version(trained):
    vmc, saved = compiled(), trained.arrays()
    damping = saved.pop("optimizer.damping")
    vmc.load_arrays(saved)
    assert_equal(vmc.arrays(), {**saved, "optimizer.damping": np.full_like(damping, vmc.optimizer.settings.damping)})


def test_fit_makes_the_rest_of_the_steps_only(trained):
    history = trained.fit(steps=6)
    assert history.epoch == []
    assert trained.current_step == 6


# Results -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_training_lowers_the_energy_towards_the_exact_one():
    from zoo.systems import exact

    vmc = compiled(walkers=256)
    history = vmc.fit(steps=60, equilibration=3)
    energies, energy = history.history["energy"], exact.ground_state(RING).energy
    result = vmc.evaluate(draws=40)
    assert result.energy.mean < energies[0] - 4 * history.history["stderr"][0]
    assert result.energy.mean > energy - 4 * result.energy.stderr
    assert result.energy.mean < 0.97 * energy  # within 3 per cent
    assert result.v_score == pytest.approx(4 * result.energy.variance / (result.energy.mean - 4.0) ** 2)
    double = exact.ground_state(RING).double_occupancy / 4
    assert result.observables["double_occupancy"].mean == pytest.approx(double, abs=0.03)
    assert result.equilibrated
    assert 0.1 < result.acceptance < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slater_jastrow", "slater_jastrow_backflow"])
def test_no_energy_of_the_dot_of_two_lies_below_the_exact_one(name):
    """E = 3 is exact: a wavefunction can be above it, or below by what its statistics allow."""
    vmc = VMC(create_model(name, create_system("quantum_dot_n2"))).compile(walkers=256)
    vmc.fit(steps=30)
    result = vmc.evaluate(draws=30)
    assert 3.0 - 4 * result.energy.stderr < result.energy.mean < 3.01
    assert result.v_score is None


def test_evaluation_leaves_the_training_state_alone(trained):
    before = trained.arrays()
    seen = []
    result = trained.evaluate(draws=20, walkers=48, equilibration=2, on_round=lambda *call: seen.append(call))
    assert_equal(trained.arrays(), before)
    assert result.blocks.shape == (20, 48)
    assert result.energy.mean == pytest.approx(result.blocks.mean())
    assert [number for number, _ in seen] == [20]
    assert seen[0][1]["energy"] == pytest.approx(result.energy.mean)
    assert_equal({"blocks": trained.evaluate(draws=20, walkers=48, equilibration=2).blocks}, {"blocks": result.blocks})


def test_what_comes_before_compile_is_refused():
    vmc = VMC(create_model("slater_jastrow", RING))
    for call in (lambda: vmc.fit(3), vmc.evaluate):
        with pytest.raises(ZooError, match=r"compile\(\)"):
            call()


def test_clipping_is_around_the_median_by_the_mean_absolute_deviation():
    energies = np.array([0.0, 1.0, 2.0, 3.0, 94.0])  # median 2, mean absolute deviation 19.2
    clipped = ops.convert_to_numpy(clip_energies(ops.convert_to_tensor(energies), 0.1))
    np.testing.assert_allclose(clipped, [0.08, 1.0, 2.0, 3.0, 3.92], rtol=1e-14)
    np.testing.assert_array_equal(ops.convert_to_numpy(clip_energies(ops.convert_to_tensor(energies), 0.0)), energies)


def test_statistics_of_a_step_are_those_of_its_local_energies_in_full_precision():
    """`keras.ops.mean` would round to float32 on JAX."""
    vmc = compiled()
    state, metrics = vmc._step(vmc.state)
    energies, _ = backend.jit(vmc.steps.local_energy)(vmc.state["parameters"], state["walkers"])
    energies = ops.convert_to_numpy(energies)
    expected = {"energy": energies.mean(), "variance": energies.var(), "stderr": energies.std() / 32**0.5}
    for name, value in expected.items():
        assert float(ops.convert_to_numpy(metrics[name])) == pytest.approx(value, rel=1e-12)


# Callbacks of Keras --------------------------------------------------------------------------------------------------


def test_keras_callbacks_work(tmp_path):
    """Those that log, save and stop, together in one run."""
    vmc = compiled()
    callbacks = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.weights.h5", monitor="energy", mode="min", save_best_only=True, save_weights_only=True
        ),
        keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
        keras.callbacks.EarlyStopping(monitor="energy", mode="min", patience=1, min_delta=1e9),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        history = vmc.fit(steps=50, callbacks=callbacks, read_every=2, equilibration=2)
    assert vmc.current_step == 4  # the first epoch is the best, the second one too many
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["step"]) for row in rows] == [2, 4]
    assert [float(row["energy"]) for row in rows] == history.history["energy"]
    assert {"energy", "stderr", "variance", "acceptance", "double_occupancy"} <= rows[0].keys()
    assert (tmp_path / "best.weights.h5").exists()
    copy = create_model("slater_jastrow", RING)
    copy.load_weights(tmp_path / "last.weights.h5")
    for found, expected in zip(copy.get_weights(), vmc.model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_callbacks_set_the_learning_rate_of_the_state():
    vmc, seen = compiled(optimizer="minsr"), []
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(vmc.model.optimizer.learning_rate)),
        keras.callbacks.ReduceLROnPlateau(monitor="energy", mode="min", patience=1, factor=0.1, min_delta=1e9),
    ]
    vmc.fit(steps=4, callbacks=callbacks, read_every=2, equilibration=2)
    assert seen == [0.025, 0.0125]
    assert vmc.arrays()["learning_rate"] == pytest.approx(0.00125)


@pytest.mark.slow
def test_a_learning_rate_of_nearly_zero_holds_the_weights():
    vmc = compiled()
    before = vmc.model.get_weights()
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-30)
    vmc.fit(steps=2, callbacks=[schedule], read_every=1, equilibration=1)
    for found, expected in zip(vmc.model.get_weights(), before, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-20, rtol=0)


@pytest.mark.slow
def test_weights_that_a_callback_restores_are_those_that_are_measured():
    vmc, weights = compiled(), []
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(vmc.model.get_weights())),
        keras.callbacks.EarlyStopping(monitor="step", mode="min", patience=2, restore_best_weights=True),
    ]
    vmc.fit(steps=50, callbacks=callbacks, read_every=1, equilibration=1)
    assert len(weights) == 3  # the step only grows: the first epoch is the best
    for found, last, value in zip(weights[0], weights[-1], vmc.state["parameters"], strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(value), found)
        assert np.any(found != last)


def test_steps_and_epochs_of_the_callbacks():
    vmc, calls = compiled(), []
    vmc.fit(
        steps=5,
        read_every=2,
        equilibration=1,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: calls.append(("batch", logs["step"])),
                on_epoch_end=lambda epoch, logs: calls.append((epoch, logs["step"])),
            )
        ],
    )
    batches, epochs = [c for c in calls if c[0] == "batch"], [c for c in calls if c[0] != "batch"]
    assert batches == [("batch", n) for n in range(1, 6)]
    assert epochs == [(0, 2), (1, 4), (2, 5)]


# Values that are not finite ------------------------------------------------------------------------------------------


class Spoiled:
    """The compiled step, but with an energy that is not finite while the learning rate is above a limit."""

    def __init__(self, vmc: VMC, limit: float, at_step: int):
        self.step, self.limit, self.at_step = vmc._step, limit, at_step

    def __call__(self, state):
        state, metrics = self.step(state)
        rate, step = (float(ops.convert_to_numpy(state[name])) for name in ("learning_rate", "step"))
        if step == self.at_step and rate > self.limit:
            metrics = {**metrics, "energy": metrics["energy"] * np.nan, "finite": ops.convert_to_tensor(False)}
            state = {**state, "parameters": [p * np.nan for p in state["parameters"]]}
        return state, metrics


@pytest.mark.slow
def test_nan_goes_back_to_the_last_good_state_and_halves_the_step():
    vmc = compiled()
    vmc._step = Spoiled(vmc, limit=0.02, at_step=4)
    history = vmc.fit(steps=6, read_every=2, equilibration=20)
    assert vmc.arrays()["learning_rate"] == 0.05 / 4
    assert vmc.current_step == 6
    assert np.isfinite(history.history["energy"]).all()
    assert np.isfinite(vmc.arrays()["parameters.0000"]).all()
    events = [event for event in vmc.events if event["kind"] == "not_finite"]
    assert [event["step"] for event in events] == [4, 4]
    assert events[0]["message"] == "went back to step 2 and halved the step"


@pytest.mark.slow
def test_what_was_tried_in_vain_leaves_no_trace():
    """After the retry the state is that of a run that had the halved rate from there on."""
    spoiled, plain = compiled(), compiled()
    spoiled._step = Spoiled(spoiled, limit=0.03, at_step=4)
    spoiled.fit(steps=6, read_every=2, equilibration=1)

    def halve(epoch, rate):
        return rate / 2 if epoch == 1 else rate

    plain.fit(steps=6, read_every=2, equilibration=1, callbacks=[keras.callbacks.LearningRateScheduler(halve)])
    assert_equal(spoiled.arrays(), plain.arrays())


@pytest.mark.slow
def test_the_fourth_failure_ends_the_run_with_the_last_good_state():
    vmc, reference = compiled(), compiled()
    vmc._step = Spoiled(vmc, limit=0.0, at_step=4)
    with pytest.raises(Diverged, match="step 4, also with the step halved 3 times"):
        vmc.fit(steps=6, read_every=2, equilibration=1)
    reference.fit(steps=2, read_every=2, equilibration=1)
    found, expected = vmc.arrays(), reference.arrays()
    assert found.pop("learning_rate") == expected.pop("learning_rate") / 8
    assert_equal(found, expected)
    for value, weight in zip(vmc.state["parameters"], vmc.model.trainable_variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(value), ops.convert_to_numpy(weight.value))
    kinds = [event["kind"] for event in vmc.events if event["kind"] != "not_equilibrated"]
    assert kinds == ["not_finite"] * 3 + ["diverged"]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["spring", "adam"])
def test_nan_of_the_wavefunction_itself_is_found(optimizer):
    """A Jastrow factor whose logarithm turns NaN as soon as its weight has moved: no step can be made."""
    vmc = compiled(optimizer=optimizer)
    vmc.model.low_rank = None  # ratios that would not see what is broken here
    jastrow = vmc.model.jastrow
    plain = jastrow.call
    start = ops.convert_to_numpy(jastrow.gutzwiller.value)

    def broken(occupations):
        moved = ops.abs(jastrow.gutzwiller - start)
        return plain(occupations) + ops.where(moved > 1e-12, float("nan"), 0.0)

    jastrow.call = broken
    with pytest.raises(Diverged, match="step 2"):
        vmc.fit(steps=4, read_every=4, equilibration=1)
    assert vmc.current_step == 0
    np.testing.assert_array_equal(ops.convert_to_numpy(jastrow.gutzwiller.value), start)


def test_evaluation_of_a_broken_wavefunction_is_an_error():
    vmc = compiled()
    vmc.state = {**vmc.state, "parameters": [p * np.nan for p in vmc.state["parameters"]]}
    with pytest.raises(ZooError, match="not finite"):
        vmc.evaluate(draws=8, equilibration=1)
