"""Records made up for the boards: on systems that exist, so that references are found, and on one that does not."""

import math

import pytest

from harness.record import RunRecord, write_record
from leaderboards.board import Result
from leaderboards.curves import CURVE, Curve
from zoo import registry

EXACT = {
    "energy": -2.0,
    "uncertainty": 1e-10,
    "kind": "exact",
    "citation": "someone | PRL <1>; code: https://example.org/x",
}


def make_run(
    model="model_a", mean=-1.9, stderr=0.001, *, system="lattice_x", sha256="a" * 64, seed=1, arguments="", **changes
) -> RunRecord:
    """A completed run on a made-up lattice; ``changes`` replace top-level fields, ``energy`` and such are merged."""
    record = {
        "status": "completed",
        "model": {
            "name": model,
            "space": "lattice",
            "version": "1",
            "distribution": "backflow-zoo",
            "config": {},
            "parameters": 1234,
        },
        "system": {
            "name": system,
            "family": "made_up",
            "parameters": {"lattice": "chain", "extent": [4], "u": 4.0},
            "n_up": 1,
            "n_down": 1,
            "sha256": sha256,
        },
        "protocol": {"name": "open", "version": "1"},
        "energy": {
            "mean": mean,
            "stderr": stderr,
            "per_particle": mean / 4,
            "draws": 200,
            "walkers": 64,
            "ess": 5000.0,
            "tau": 2.0,
            "rhat": 1.001,
            "acceptance": 0.5,
            "drift_z": 0.3,
        },
        "variance": 0.1,
        "v_score": 0.0123,
        "reference": EXACT,
        "error": {"absolute": mean + 2.0, "relative": (mean + 2.0) / 2.0, "correlation_recovered": 0.9},
        "compute": {
            "backend": "tensorflow",
            "device": "cpu",
            "precision": "float64",
            "train_steps": 300,
            "train_seconds": 1000.0,
            "evaluate_seconds": 234.0,
            "seconds_per_step": 3.0,
            "peak_memory_bytes": None,
            "train_cpu_seconds": 1900.0,
        },
        "provenance": {
            "zoo_version": "0.1.0",
            "git_commit": "c" * 40,
            "dirty": False,
            "python": "3.11",
            "keras": "3",
            "tensorflow": "2.21",
            "jax": None,
            "command": f"zoo run model={model} system={system} {arguments} seed={seed} out=somewhere".replace(
                "  ", " "
            ),
            "config_sha256": "b" * 64,
            "seed": seed,
            "started_utc": "2025-01-01T00:00:00Z",
        },
    }
    for key, value in changes.items():
        key = key.removesuffix("_changes")
        mergeable = key in ("energy", "model", "compute", "provenance") and value is not None
        record[key] = {**record[key], **value} if mergeable else value
    return RunRecord(**record)


def make_failed(status="diverged", message="energy is NaN after step 3", **changes) -> RunRecord:
    """A run that did not get as far as an energy."""
    nothing = dict.fromkeys(("energy", "variance", "v_score", "reference", "error"))
    return make_run(**{**nothing, "status": status, "message": message, **changes})


def make_on(name, model, mean, stderr, seed, **changes) -> RunRecord:
    """A run under ``laptop`` on a system of the registry."""
    system = registry.create_system(name)
    best = system.references().best
    record = make_run(
        model,
        mean,
        stderr,
        system=name,
        sha256=system.sha256,
        seed=seed,
        **{"protocol": {"name": "laptop", "version": "2"}, "error": None, **changes},
    )
    return record.updated(
        model={**dict(record.model), "space": system.space},
        system={
            **dict(record.system),
            "family": system.family,
            "parameters": system.parameters(),
            "n_up": system.n_up,
            "n_down": system.n_down,
        },
        reference={"energy": best.energy, "uncertainty": best.uncertainty, "kind": best.kind, "citation": best.source},
        v_score=record.v_score if system.space == "lattice" else None,
    )


def make_curve(energy: float, height: float, stderr: float) -> Curve:
    """A training that falls to an energy from above."""
    steps = tuple(range(3, 301, 3))
    fall = [height * math.exp(-step / 60) + stderr * math.sin(7 * step) for step in steps]
    energies = tuple(round(energy + value, 6) for value in fall)
    return Curve(steps, energies, (stderr,) * len(steps), tuple(0.1 + value**2 for value in fall))


LADDERS = {
    "hubbard_chain_6": (
        ("slater_jastrow", (-3.6030, -3.6012), 0.0012, 0.12, 21, 25),
        ("slater_jastrow_backflow", (-3.6411, -3.6402), 0.0006, 0.031, 40, 28),
        ("neural_backflow", (-3.66844, -3.6682), 0.0002, 0.004, 1300, 60),
        ("transformer_backflow", (-3.66848, -3.6682), 0.0002, 0.0035, 9000, 240),
    ),
    "quantum_dot_n6": (
        ("slater_jastrow", (20.1761, 20.1769), 0.0013, 0.11, 20, 31),
        ("slater_jastrow_backflow", (20.1585, 20.1588), 0.0005, 0.019, 52, 39),
        ("neural_backflow", (20.1553, 20.1556), 0.0003, 0.0072, 4100, 297),
        ("transformer_backflow", (20.1544, 20.1549), 0.0002, 0.0041, 22000, 314),
    ),
    "helium": (
        ("slater_jastrow", (-2.90363, -2.90328), 0.00019, 0.0033, 32, 25),
        ("neural_backflow", (-2.90368, -2.90371), 0.00011, 0.00099, 4100, 88),
    ),
}
"""Of each system: model, energies of two seeds, their error, variance, parameters, seconds."""


def make_standard() -> list[Result]:
    """A small board of everything: ladders with two seeds, published values, and what went wrong."""
    enough = {"draws": 200, "walkers": 512}
    results = []
    for system, rows in LADDERS.items():
        for model, energies, stderr, variance, parameters, seconds in rows:
            for seed, energy in enumerate(energies):
                record = make_on(
                    system,
                    model,
                    energy,
                    stderr,
                    seed,
                    energy=enough,
                    variance=round(variance * (1 + 0.1 * seed), 6),
                    model_changes={"parameters": parameters},
                    compute={"train_cpu_seconds": 1.9 * seconds, "train_seconds": float(seconds)},
                )
                results.append(Result(record, make_curve(energy, 20 * stderr, stderr)))
    wide = make_on(
        "helium",
        "neural_backflow",
        -2.9037,
        0.0001,
        0,
        energy=enough,
        arguments="model.width=64",
        model_changes={"config": {"width": 64}},
    )
    gated = make_on("helium", "slater_jastrow_backflow", -2.9036, 0.0002, 0, energy={**enough, "ess": 900.0})
    nothing = dict.fromkeys(("energy", "variance", "v_score"))
    diverged = make_on("quantum_dot_n6", "ferminet", 0.0, 0.0, 0, **nothing, status="diverged", message="NaN at 12")
    memory = make_on(
        "helium", "psiformer", 0.0, 0.0, 0, **nothing, status="failed", message="ResourceExhaustedError: 3 GB"
    )
    seed = make_on("quantum_dot_n6", "slater_jastrow", 0, 0, 2, **nothing, status="interrupted", message="SIGTERM")
    return [*results, *map(Result, (wide, gated, diverged, memory, seed, make_run(), make_run("model_b", -1.95)))]


def save_results(folder, *results) -> None:
    """Each as a run, with its curve beside it; a bare record is a result without one."""
    for number, result in enumerate(results):
        result = result if isinstance(result, Result) else Result(result)
        path = folder / "system" / "model" / f"run-{number}"
        path.mkdir(parents=True)
        write_record(path / "record.json", result.record)
        if result.curve is not None:
            (path / CURVE).write_text(result.curve.to_jsonl())


@pytest.fixture(scope="session")
def run():
    return make_run


@pytest.fixture(scope="session")
def failed():
    return make_failed


@pytest.fixture(scope="session")
def run_on():
    return make_on


@pytest.fixture(scope="session")
def save():
    return save_results


@pytest.fixture(scope="session")
def standard():
    return make_standard()
