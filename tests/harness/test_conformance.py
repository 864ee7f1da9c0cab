"""Registered models pass every check, and a model with one fault fails the check for it."""

import contextlib
import importlib.util
import io
import math

import numpy as np
import pytest
from keras import ops
from rich.console import Console

import harness.start
import zoo
from harness import conformance
from harness.conformance import CHECKS, Report, Result, Subject, check_model, run_check
from harness.conformance.subject import working_precision
from zoo import cli, registry
from zoo.layers.pairs import electron_nucleus_distances, pair_distances
from zoo.models.slater_jastrow import continuum, lattice
from zoo.systems.electron_gas import ElectronGas
from zoo.systems.hubbard import Hubbard
from zoo.systems.molecule import Molecule
from zoo.systems.quantum_dot import QuantumDot

DOT = QuantumDot(dim=2, n_up=2, n_down=2)
CHAIN = Hubbard(extent=(4,), boundary="A", n_up=2, n_down=1)
HELIUM = Molecule("He", basis="cc-pVDZ")
SYSTEMS = {"continuum": DOT, "lattice": CHAIN}
MORE = {
    "continuum": [
        QuantumDot(n_up=1, n_down=0),
        QuantumDot(n_up=2, n_down=0),
        QuantumDot(n_up=2, n_down=1, coulomb=False),
        QuantumDot(dim=3, n_up=2, n_down=1, omega=0.5),
        QuantumDot(n_up=6, n_down=6),
        HELIUM,
        Molecule("Li 0 0 0; H 0 0 3.015"),
        Molecule("B", spin=1),
        ElectronGas(n_up=7, n_down=7),
        ElectronGas(rs=10.0, n_up=1, n_down=1),
        ElectronGas(dim=2, rs=2.0, n_up=5, n_down=4),
        ElectronGas(n_up=7, n_down=0),
    ],
    "lattice": [
        Hubbard(extent=(6,), n_up=3, n_down=3),
        Hubbard(extent=(4,), boundary="O", u=-2.0, n_up=1, n_down=2),
        Hubbard(lattice="rectangle", extent=(2, 3), boundary="PA", n_up=2, n_down=3),
        Hubbard(lattice="rectangle", extent=(4, 4), boundary="PP", u=8.0, t_prime=-0.3, n_up=5, n_down=5),
    ],
}


def models_with(space: str) -> list[str]:
    return [name for name in registry.list_models() if space in registry.model_spec(name).targets]


def check_named(name: str):
    return next(check for check in CHECKS if check.__name__ == name)


def result_of(check: str, kind, system) -> Result:
    with working_precision("float64"):
        result = run_check(check_named(check), Subject(lambda: kind(system), system))
    assert result is not None
    return result


def takes_long(name: str, space: str) -> bool:
    """Models beside the ladder, and rungs that share most of their parts with those that are left."""
    rung = registry.model_spec(name).rung
    return rung is None or rung not in {"continuum": (2,), "lattice": (1, 2, 3)}[space]


@pytest.mark.parametrize(
    ("name", "space"),
    [
        pytest.param(name, space, marks=pytest.mark.slow if takes_long(name, space) else ())
        for space in registry.SPACES
        for name in models_with(space)
    ],
)
def test_every_registered_model_conforms(name, space):
    report = check_model(name, SYSTEMS[space])
    assert report.passed, str(report)
    assert [r.name for r in report.results if r.verdict == "skipped" and r.name != "other backend"] == []


@pytest.mark.parametrize("name", models_with("continuum"))
def test_every_registered_model_has_nuclear_cusps(name):
    """All but those that learn it and say so; a cusp that comes out right by chance would be a claim worth making."""
    result = result_of("nuclear_cusp", lambda system: zoo.create_model(name, system), HELIUM)
    if "nucleus" in zoo.create_model(name, HELIUM).exact_cusps:
        assert result.passed, result
    else:
        assert (result.verdict, result.limit) == ("not claimed", None)
        assert result.measured > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "system"),
    [(name, system) for space in registry.SPACES for name in models_with(space) for system in MORE[space]],
    ids=str,
)
def test_every_registered_model_conforms_on_more_systems(name, system):
    report = check_model(name, system)
    assert report.passed, str(report)


# Models with one fault each. `change` and `factor` act on a small Slater-Jastrow wavefunction.


class Small(continuum.SlaterJastrow):
    def __init__(self, system, jastrow_order=1, three_body_order=0, name=None):
        super().__init__(system, jastrow_order, three_body_order, name)

    def call(self, positions):
        return self.change(positions, *super().call(positions))

    def change(self, positions, sign, log_abs):
        return sign, log_abs + self.factor(positions)

    def factor(self, positions):
        raise NotImplementedError


class WrongElectronCusp(Small):
    def factor(self, positions):
        return -0.05 * ops.sum(pair_distances(positions), axis=-1)


class WrongNuclearCusp(Small):
    def factor(self, positions):
        return 0.05 * ops.sum(electron_nucleus_distances(positions, self.system.nuclei), axis=(1, 2))


class LearnsElectronCusp(WrongElectronCusp):
    exact_cusps = frozenset({"same_spin", "nucleus"})


class ElectronsTellApart(Small):
    def factor(self, positions):
        return 0.1 * positions[:, 0, 0]


class SpinsTellApart(Small):
    def factor(self, positions):
        return -0.1 * ops.sum(ops.square(positions[:, : self.system.n_up]), axis=(1, 2))


class Bosons(Small):
    def change(self, positions, sign, log_abs):
        return ops.abs(sign), log_abs


class DoesNotVanish(Small):
    def change(self, positions, sign, log_abs):
        return sign, ops.log(ops.exp(log_abs) + 1e-3)


class UnusedWeight(Small):
    def add_backflow(self):
        self.further = self.add_weight(shape=(2,), initializer="ones", name="further")

    def factor(self, positions):
        return 0.0


class WeightThatOnlyNormalises(UnusedWeight):
    def factor(self, positions):
        return ops.sum(self.further)


class HalfTheWeightGradient(UnusedWeight):
    def factor(self, positions):
        square = ops.sum(ops.square(positions), axis=(1, 2))
        return -0.1 * square * self.further[0] * ops.stop_gradient(self.further[0])


class MixesSamples(Small):
    def change(self, positions, sign, log_abs):
        return sign, log_abs - ops.mean(log_abs)


class Float32Inside(Small):
    def change(self, positions, sign, log_abs):
        return sign, ops.cast(ops.cast(log_abs, "float32"), "float64")


class Float32Gradient(Small):
    """Exact values, but the derivative carries float32 noise."""

    def factor(self, positions):
        square = ops.sum(ops.square(positions), axis=(1, 2))
        rounded = ops.cast(ops.cast(ops.sin(square), "float32"), "float64")
        return 0.01 * (square - ops.stop_gradient(square)) * ops.stop_gradient(rounded)


class AlwaysFloat64(Small):
    def change(self, positions, sign, log_abs):
        return ops.cast(sign, "float64"), ops.cast(log_abs, "float64")


class CancelsInFloat32(Small):
    def factor(self, positions):
        square = ops.sum(ops.square(positions), axis=(1, 2))
        return ops.sqrt(ops.square(square + 1e5)) - 1e5


class RootAtZero(Small):
    def factor(self, positions):
        return ops.sum(ops.sqrt(positions - positions), axis=(1, 2))


class Detached(Small):
    def factor(self, positions):
        return -0.1 * ops.stop_gradient(ops.sum(ops.square(positions), axis=(1, 2)))


class NotANumberFarOut(Small):
    def factor(self, positions):
        return ops.log(1.5 - positions[:, 0, 0])


class NotANumberAtCoincidence(Small):
    def factor(self, positions):
        distances = pair_distances(positions)
        return ops.sum(distances / distances, axis=-1)


class SignTooLarge(Small):
    def change(self, positions, sign, log_abs):
        return 2.0 * sign, log_abs


class ColumnVector(Small):
    def change(self, positions, sign, log_abs):
        return sign, log_abs[:, None]


class ForgetsHyperparameter(Small):
    def __init__(self, system, strength=0.2, **others):
        self.strength = strength
        super().__init__(system, **others)

    def factor(self, positions):
        return -self.strength * ops.sum(ops.square(positions), axis=(1, 2))


class HiddenState(Small):
    def add_backflow(self):
        self.random_number = float(np.random.default_rng().random())

    def factor(self, positions):
        return -self.random_number * ops.sum(ops.square(positions), axis=(1, 2))


class MixesLatticeSamples(lattice.SlaterJastrow):
    def call(self, occupations):
        sign, log_abs = super().call(occupations)
        return sign, log_abs - ops.mean(log_abs)


@pytest.mark.parametrize(
    ("kind", "check", "system"),
    [
        (ColumnVector, "shapes_and_types", DOT),
        (NotANumberFarOut, "finite_values", DOT),
        (SignTooLarge, "sign_values", DOT),
        (MixesSamples, "batch_independence", DOT),
        (MixesLatticeSamples, "batch_independence", CHAIN),
        (MixesLatticeSamples, "local_energy", CHAIN),
        (ElectronsTellApart, "antisymmetry", DOT),
        (Bosons, "antisymmetry", DOT),
        (SpinsTellApart, "spin_flip_symmetry", DOT),
        (DoesNotVanish, "coincident_electrons", DOT),
        (NotANumberAtCoincidence, "coincident_electrons", DOT),
        (WrongElectronCusp, "opposite_spin_cusp", DOT),
        (WrongElectronCusp, "same_spin_cusp", DOT),
        (WrongNuclearCusp, "nuclear_cusp", HELIUM),
        (UnusedWeight, "live_weights", DOT),
        (WeightThatOnlyNormalises, "live_weights", DOT),
        (HalfTheWeightGradient, "weight_derivatives", DOT),
        (RootAtZero, "position_gradient", DOT),
        (RootAtZero, "position_curvature", DOT),
        (RootAtZero, "local_energy", DOT),
        (Detached, "position_gradient", DOT),
        (Detached, "position_curvature", DOT),
        (Float32Inside, "float64_values", DOT),
        (Float32Gradient, "float64_derivatives", DOT),
        (AlwaysFloat64, "float32_values", DOT),
        (CancelsInFloat32, "float32_values", DOT),
        (HiddenState, "saved_weights", DOT),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value if isinstance(value, str) else value.family,
)
def test_fault_is_caught(kind, check, system):
    result = result_of(check, kind, system)
    assert result.passed is False
    assert result.name == check.replace("_", " ") and result.advice
    assert "Error" not in result.advice  # the figure decided, not a crash


def test_hyperparameter_left_out_of_the_configuration_is_caught():
    result = result_of("saved_config", lambda system: ForgetsHyperparameter(system, strength=0.5), DOT)
    assert result.passed is False and result.measured > 0.01


def test_without_interaction_a_cusp_is_a_fault():
    free = QuantumDot(dim=2, n_up=2, n_down=1, coulomb=False)
    for check in ("opposite_spin_cusp", "same_spin_cusp"):
        assert result_of(check, continuum.SlaterJastrow, free).passed
        result = result_of(check, WrongElectronCusp, free)
        assert result.measured == pytest.approx(0.05, abs=1e-3)


def test_backend_dependence_is_caught(tmp_path, monkeypatch, backend_name):
    """The model lives in a module of its own, since the other process has to import it."""
    other = {"tensorflow": "jax", "jax": "tensorflow"}[backend_name]
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    (tmp_path / "backend_dependent.py").write_text(
        "import keras\n"
        "from zoo.models.slater_jastrow.continuum import SlaterJastrow\n"
        "class Model(SlaterJastrow):\n"
        "    def call(self, positions):\n"
        "        sign, log_abs = super().call(positions)\n"
        f"        return sign, log_abs + (1e-7 if keras.config.backend() == '{other}' else 0.0)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import backend_dependent

    result = result_of("other_backend", backend_dependent.Model, QuantumDot())
    assert result.passed is False
    assert result.measured == pytest.approx(1e-7, rel=1e-3)


def test_a_cusp_that_is_not_claimed_is_measured_and_not_judged():
    result = result_of("opposite_spin_cusp", LearnsElectronCusp, DOT)
    assert (result.passed, result.verdict) == (None, "not claimed")
    assert result.measured == result_of("opposite_spin_cusp", WrongElectronCusp, DOT).measured > 1e-3
    report = Report("title", (result, Result(True, 0.0, 1.0, "")))
    assert report.passed
    assert "not claimed: the model learns this cusp" in " ".join(str(report).split())
    assert "1 passed, 1 not claimed" in str(report)


def test_missing_backend_is_shown_as_skipped(monkeypatch, backend_name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    other = {"tensorflow": "jax", "jax": "tensorflow"}[backend_name]
    result = result_of("other_backend", Bosons, DOT)
    assert result.passed is None and result.advice == f"{other} is not installed"
    report = Report("a model", (result,))
    assert report.passed and f"other backend skipped: {other} is not installed" in str(report)


def test_error_in_a_model_fails_the_check_and_is_shown():
    class NoConfiguration(Bosons):
        def get_config(self):
            raise NotImplementedError("no configuration")

    result = result_of("saved_config", NoConfiguration, DOT)
    assert result.passed is False and result.advice == "NotImplementedError: no configuration"


def test_nan_fails_and_limits_have_a_direction():
    from harness.conformance.report import at_least, at_most

    assert at_most(math.nan, 1.0, "").passed is False and at_least(math.nan, 1.0, "").passed is False
    assert at_most(2.0, 1.0, "").passed is False and at_least(2.0, 1.0, "").passed is True


def report_with(*verdicts) -> Report:
    return Report("m on s", tuple(Result(v, 1.0, 2.0, "what to do " * 12, name=f"check {v}") for v in verdicts))


def test_report_fits_80_columns_and_a_pipe():
    pipe = io.StringIO()
    Console(file=pipe, width=80).print(report_with(True, False, None))
    lines = pipe.getvalue().splitlines()
    assert "\x1b" not in pipe.getvalue() and max(map(len, lines)) <= 80
    rows = {" ".join(line.split()[:2]): line.split()[2:] for line in lines[2:5]}
    expected = {"check True": "passed", "check False": "FAILED", "check None": "skipped"}
    assert {name: row[0] for name, row in rows.items()} == expected
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"


@pytest.mark.parametrize(("verdicts", "code"), [((True, None), 0), ((True, False), 1)])
def test_command_prints_the_report_and_its_verdict_is_the_exit_code(verdicts, code, monkeypatch, capsys):
    asked = []

    def answer(name, system, **hyperparameters):
        asked.append((name, system.space, hyperparameters))
        return report_with(*verdicts)

    monkeypatch.setattr(conformance, "check_model", answer)
    monkeypatch.setattr(harness.start, "prepare", lambda *arguments: None)
    assert cli.main(["check", "sj", "system=hubbard_chain_6", "model.orbitals=free"]) == code
    assert [(name, space) for name, space, _ in asked] == [("slater_jastrow", "lattice")]
    assert asked[0][2]["orbitals"] == "free"
    assert "check True" in capsys.readouterr().out


def test_precision_is_restored():
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy().name
    with contextlib.suppress(ZeroDivisionError), working_precision("float32"):
        assert keras.config.dtype_policy().name == "float32"
        raise ZeroDivisionError
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
