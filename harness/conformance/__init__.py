"""What every wavefunction of the zoo must be: `check_model` runs all checks that are due for a model on a system.

Each check is a function of a `Subject` that returns a `Result`, or None where it is not due. The tolerances are those
of float64, in which everything is checked whatever the precision of the process.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

import keras

from harness.conformance import cusps, derivatives, precision, storage, symmetry, values
from harness.conformance.report import Report, Result
from harness.conformance.subject import Subject, quiet_compilation, working_precision
from zoo import registry
from zoo.systems.base import System
from zoo.wavefunction import Wavefunction

__all__ = ["CHECKS", "Report", "Result", "Subject", "check_model", "run_check"]

Check = Callable[[Subject], Result | None]

CHECKS: tuple[Check, ...] = (
    values.shapes_and_types,
    values.finite_values,
    values.sign_values,
    values.batch_independence,
    symmetry.antisymmetry,
    symmetry.spin_flip_symmetry,
    symmetry.coincident_electrons,
    cusps.opposite_spin_cusp,
    cusps.same_spin_cusp,
    cusps.nuclear_cusp,
    derivatives.live_weights,
    derivatives.weight_derivatives,
    derivatives.phase_derivatives,
    derivatives.position_gradient,
    derivatives.position_curvature,
    values.local_energy,
    precision.float64_values,
    precision.float64_derivatives,
    precision.float32_values,
    storage.saved_weights,
    storage.saved_config,
    storage.other_backend,
)


def check_model(model: str | Callable[..., Wavefunction], system: str | System, /, **hyperparameters) -> Report:
    """Check that a model is what a wavefunction must be.

    Args:
        model: Name of a registered model, or what makes one: a class called as ``Class(system, **hyperparameters)``.
        system: A system or its name.
        hyperparameters: Of the model.

    Returns:
        A report; print it with rich, or with `print`. ``report.passed`` says whether all is well.

    Raises:
        ZooError: No such model or system, or the model cannot be made with these hyperparameters.
    """
    if isinstance(system, str):
        system = registry.create_system(system)
    fixed: System = system

    def create() -> Wavefunction:
        if isinstance(model, str):
            return registry.create_model(model, fixed, **hyperparameters)
        return model(fixed, **hyperparameters)

    with working_precision("float64"), quiet_compilation():
        random.seed(0)  # from which Keras's initialisers draw theirs: a check finds the same each time
        subject = Subject(create, fixed)
        results = [run_check(check, subject) for check in CHECKS]
    name = model if isinstance(model, str) else type(subject.model).__name__
    parameters = " ".join(f"{key}={value}" for key, value in fixed.parameters().items())
    title = f"{name} on {fixed.family} {parameters} [{keras.config.backend()}]"
    return Report(title, tuple(result for result in results if result is not None))


def run_check(check: Check, subject: Subject) -> Result | None:
    """One check, with its name; a model that raises an error fails it."""
    name = check.__name__.replace("_", " ")
    try:
        result = check(subject)
    except Exception as error:  # whatever a contributed model raises is a finding, and the report shows it
        message = " ".join(str(error).split())[:200]
        result = Result(False, None, None, f"{type(error).__name__}: {message}")
    return None if result is None else dataclasses.replace(result, name=name)
