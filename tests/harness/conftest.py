"""What several tests of the harness share."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from harness import checkpoint
from harness.config import compose
from zoo import registry
from zoo.systems import exact

WALKERS = 16


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """A function from keys of a run to a folder like that of the run, with random weights in place of trained ones.

    ``shake`` is how far they are from the first ones.
    """
    root = tmp_path_factory.mktemp("runs")

    def make(*keys: str, shake: float = 0.2) -> Path:
        config = compose([*keys, f"train.walkers={WALKERS}", f"backend={keras.config.backend()}"])
        folder = root / f"run-{len(list(root.iterdir()))}"
        folder.mkdir()
        (folder / "config.yaml").write_text(config.to_yaml())
        model = registry.create_model(config.model_name, config.create_system(), **config.model)
        random = np.random.default_rng(5)
        for variable in model.trainable_variables:
            variable.assign(variable + shake * random.standard_normal(variable.shape))
        walkers = model.sample_configurations(WALKERS, seed=3)
        checkpoint.save(folder / "checkpoints", 7, {"walkers": walkers}, model.save_weights, config.sha256)
        return folder

    return make


@pytest.fixture(scope="session")
def lookup():
    """A function from a lattice and a vector over the basis of its exact diagonalisation to the wavefunction.

    The wavefunction maps occupations to ``(sign, log_abs)``.
    """

    def make(system, vector):
        digits = 2 ** np.arange(2 * system.n_sites).reshape(2, system.n_sites)
        amplitudes = np.zeros(4**system.n_sites, dtype=vector.dtype)
        amplitudes[np.sum(exact.basis(system) * digits, axis=(1, 2))] = vector
        with np.errstate(divide="ignore"):
            log_table, sign_table = np.log(np.abs(amplitudes)), np.sign(amplitudes)

        def log_psi(occupations):
            code = ops.sum(ops.cast(occupations, "int32") * ops.convert_to_tensor(digits, dtype="int32"), axis=(1, 2))
            return ops.take(ops.convert_to_tensor(sign_table), code), ops.take(ops.convert_to_tensor(log_table), code)

        return log_psi

    return make
