"""The program that `harness.conformance.storage.other_backend` runs: values of a model on this backend.

``python -m harness.conformance.other_backend BACKEND FOLDER`` reads ``model.json`` (module, class and configuration)
and ``inputs.npz`` (configurations and weights) from the folder and writes ``outputs.npz`` (sign and log_abs) there.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path

import numpy as np

from harness.start import prepare


def main(backend: str, folder: str) -> None:
    prepare(backend, "cpu", "float64")
    from harness.conformance.subject import model_outputs

    description = json.loads(Path(folder, "model.json").read_text())
    module = importlib.import_module(description["module"])
    model = functools.reduce(getattr, description["class"].split("."), module).from_config(description["config"])
    with np.load(Path(folder, "inputs.npz")) as inputs:
        weights = [inputs[name] for name in sorted(set(inputs.files) - {"configurations"})]
        sign, log_abs = model_outputs(model, weights, inputs["configurations"])
    np.savez(Path(folder, "outputs.npz"), sign=sign, log_abs=log_abs)


if __name__ == "__main__":
    main(*sys.argv[1:])
