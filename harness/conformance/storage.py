"""Checks that a model can be stored and made again: weights, configuration, and on the other backend."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness.conformance.report import Result, at_most, skipped
from harness.conformance.subject import Subject, Weights, difference, model_outputs, weights_of
from harness.settings import BACKENDS
from zoo.wavefunction import Wavefunction


def saved_weights(subject: Subject) -> Result:
    """A new model gives the same values after `load_weights` of what `save_weights` wrote."""
    for variable, weight in zip(subject.model.trainable_variables, subject.perturbed, strict=True):
        variable.assign(weight)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        subject.model.save_weights(path)
        other = subject.create()
        other.load_weights(path)
    return at_most(
        _model_difference(subject, other, weights_of(other)), 1e-12, "values change through save_weights and "
        "load_weights: create every weight with add_weight, or in a layer that is an attribute of the model"
    )  # fmt: skip


def saved_config(subject: Subject) -> Result:
    """``from_config`` of ``get_config``, by way of JSON, gives the same values with the same weights."""
    model = subject.model
    other = type(model).from_config(json.loads(json.dumps(model.get_config())))
    advice = "get_config must hold every hyperparameter of the constructor: pass them to super().__init__"
    shapes = [tuple(variable.shape) for variable in other.trainable_variables]
    if shapes != [weight.shape for weight in subject.perturbed]:
        return at_most(np.inf, 1e-12, f"the model made from its configuration has other weights: {advice}")
    measured = _model_difference(subject, other, subject.perturbed)
    return at_most(measured, 1e-12, f"values change through the configuration: {advice}")


def other_backend(subject: Subject) -> Result:
    """Values of the same weights and configurations on the other backend, in a process of its own."""
    (backend,) = set(BACKENDS) - {keras.config.backend()}
    if importlib.util.find_spec(backend) is None:
        return skipped(f"{backend} is not installed")
    kind = type(subject.model)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        return skipped(f"{kind.__qualname__} cannot be imported by another process: define it in a module")
    with tempfile.TemporaryDirectory() as folder:
        model = {"module": kind.__module__, "class": kind.__qualname__, "config": subject.model.get_config()}
        Path(folder, "model.json").write_text(json.dumps(model))
        arrays: dict[str, Any] = {f"weight_{index:04d}": weight for index, weight in enumerate(subject.perturbed)}
        np.savez(Path(folder, "inputs.npz"), configurations=subject.configurations, **arrays)
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        environment.pop("JAX_PLATFORMS", None)
        done = subprocess.run(
            [sys.executable, "-m", "harness.conformance.other_backend", backend, folder],
            env=environment, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            return at_most(np.nan, 1e-10, f"on {backend}: {last}")
        with np.load(Path(folder, "outputs.npz")) as outputs:
            sign, log_abs = outputs["sign"], outputs["log_abs"]
    expected_sign, expected = subject.values(subject.perturbed, subject.configurations)
    measured = difference(log_abs, expected) if np.allclose(sign, expected_sign, rtol=0, atol=1e-10) else np.inf
    return at_most(
        measured, 1e-10, f"values on {backend} differ: use keras.ops only, and no operation whose precision or meaning "
        "depends on the backend"
    )  # fmt: skip


def _model_difference(subject: Subject, other: Wavefunction, weights: Weights) -> float:
    x = subject.configurations
    sign, log_abs = model_outputs(other, weights, x)
    expected_sign, expected = subject.values(subject.perturbed, x)
    return difference(log_abs, expected) if np.allclose(sign, expected_sign, rtol=0, atol=1e-10) else np.inf
