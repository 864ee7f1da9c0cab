"""Whatever is typed: a run that makes a step with a finite energy, or one line that says why not. Never a traceback.

Cases are drawn by hypothesis from the schemas of all models, systems and optimisers, the same ones every time.
"""

import contextlib
import io
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from keras import ops

from harness import VMC
from harness.config import compose
from zoo import registry
from zoo.cli import main
from zoo.errors import ZooError

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import configurations, keys_and_values

pytestmark = pytest.mark.slow


def cases(count: int):
    """The same ones in every run of the tests, and no time limit for any: the first of a kind compiles."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@cases(350)
@given(st.lists(keys_and_values(), min_size=1, max_size=2))
def test_no_argument_gives_a_traceback(arguments):
    said, shown = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
        code = main(["run", "--dry-run", "--", "model=slater_jastrow", "system=quantum_dot_n2", *arguments])
    assert code in (0, 2)
    if code == 2:
        assert said.getvalue().startswith("zoo: ") and said.getvalue().count("\n") == 1
    else:
        assert "quantum_dot_n2" in shown.getvalue()


@cases(150)
@given(configurations())
def test_configurations_are_accepted_or_refused_in_words(arguments):
    with contextlib.suppress(ZooError):
        config = compose(arguments)
        assert config.create_system().sha256
        assert config.from_dict(config.to_dict()) == config


@pytest.fixture
def uncompiled():
    """Functions run as they are written: with a single step each, compiling would take most of the time."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("steps without compiling: on TensorFlow")
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def assert_a_step_is_made(arguments: list[str]) -> None:
    """One optimisation step from first walkers, whose values must be finite, unless the input is refused."""
    said = ""
    try:
        config = compose(arguments)
        system = config.create_system()
        system.validate()
        model = registry.create_model(config.model_name, system, **config.model)
        vmc = VMC(model, system, seed=1).compile(config.optimizer, 4, config.train.clip, config.sampler)
    except ZooError as refusal:
        said = str(refusal)
    if said:
        assert "\n" not in said
        return
    state, metrics = vmc.steps.step(vmc.state)
    assert np.isfinite(ops.convert_to_numpy(metrics["energy"]))
    if ops.convert_to_numpy(metrics["finite"]):
        assert all(np.isfinite(ops.convert_to_numpy(value)).all() for value in state["parameters"])


@cases(20)
@given(configurations(changes=2))
def test_what_is_accepted_makes_a_step_with_a_finite_energy(uncompiled, arguments):
    assert_a_step_is_made(arguments)


@cases(300)
@given(configurations())
def test_more_of_what_is_accepted_makes_a_step(uncompiled, arguments):
    assert_a_step_is_made(arguments)
