"""What a step costs, and what is said about it."""

import keras
import pytest
from rich.console import Console

from harness import advice, memory
from harness.config import compose
from harness.profiling import Costs, Phase, measure, timed

LATTICE = ["model=sj", "system=hubbard_chain_6"]
BUDGET = ["train.walkers=16", "evaluate.walkers=16"]


def costs(gram: float | None = None, reading: float = 0.001, **seconds: float) -> Costs:
    phases = [Phase(name.replace("_", " "), value, compile_seconds=2.0) for name, value in seconds.items()]
    step = Phase("whole step", sum(seconds.values()), compile_seconds=5.0)
    of_it = None if gram is None else Phase("of it Gram matrix", gram)
    return Costs((*phases, Phase("reading metrics", reading)), of_it, step, parameters=5000)


def lines(of: Costs, *keys: str) -> list[str]:
    return list(advice.advice(of, compose([*LATTICE, *keys])))


def test_the_phase_that_dominates_is_named_with_what_shortens_it():
    first = lines(costs(sampling=0.8, local_energy=0.1, update=0.1))[0]
    assert first.startswith("sampling is 80 % of a step: sampler.moves=6 halves it")  # 2 for each of 6 electrons
    assert "sampler.moves=20 " in lines(costs(sampling=0.8, local_energy=0.1, update=0.1), "sampler.moves=40")[0]
    assert lines(costs(sampling=0.1, local_energy=0.8, update=0.1))[0].startswith("local energy is 80 % of a step")
    assert lines(costs(sampling=0.3, local_energy=0.4, update=0.3))[0].startswith("no phase takes half of a step")


def test_an_update_is_of_the_gram_matrix_or_of_the_solve():
    of = {"sampling": 0.1, "local_energy": 0.1, "update": 0.8}
    first = lines(costs(gram=0.6, **of), "train.walkers=512")[0]
    assert "the Gram matrix of 512 walkers" in first and "train.walkers=256 takes about a quarter" in first
    assert "solves 512 equations" in lines(costs(gram=0.1, **of), "train.walkers=512")[0]
    assert "5,000 parameters" in lines(costs(**of), "optimizer=adam")[0]


def test_reading_metrics_too_often():
    of = {"sampling": 0.3, "local_energy": 0.3, "update": 0.3}
    assert not any("train.read_every" in line for line in lines(costs(**of)))
    [line] = [line for line in lines(costs(reading=0.1, **of)) if "train.read_every" in line]
    assert line == "reading metrics is 10 % of a step: train.read_every=100 reads them less often"


def test_how_long_the_run_takes():
    """300 steps of 1 s; 200 draws of 0.5 s with twice the walkers; compiling 5 + 2 * 2 + 2 s."""
    of = costs(sampling=0.25, local_energy=0.25, update=0.5)
    last = lines(of, "train.walkers=512", "evaluate.walkers=1024")[-1]
    assert last == ("the run takes about 9 min and its equilibration: 300 steps 5 min, 200 draws 3 min, compiling 11 s")
    short = lines(of, "train.steps=1", "evaluate.draws=8")[-1]
    assert short.endswith("compiling 11 s, which is paid once however long the run is")


def test_other_devices(monkeypatch):
    monkeypatch.setattr(advice.processors, "count", lambda: 4)
    of = costs(sampling=0.3, local_energy=0.3, update=0.3)
    assert any("devices=all" in line for line in lines(of, "backend=jax"))
    assert not any("devices=all" in line for line in lines(of))
    monkeypatch.setattr(advice.backend, "device_name", lambda: "A GPU")
    found = lines(of, "train.walkers=64")
    assert any(line.startswith("64 walkers a device") for line in found)
    assert any(line.startswith("precision=float32") for line in found)


def test_memory_of_a_call():
    import numpy as np

    total, peak = memory.peak_of(lambda: float(np.ones(4_000_000).sum()))
    assert total == 4e6
    assert peak is None or 3e7 < peak < 2e8  # 32 MB, and what the system adds
    assert memory.peak_bytes() > 1e7


def test_the_first_call_is_not_among_those_that_are_timed():
    calls = []
    phase = timed("adding", lambda x: calls.append(1) or x + 1.0, keras.ops.ones((3,)))
    assert phase.name == "adding" and 0 < phase.seconds < 1
    assert 5 <= len(calls) <= 12


@pytest.mark.slow
@pytest.mark.parametrize(
    "keys",
    [
        LATTICE,
        ["model=neural_backflow", "system=quantum_dot_n2", "optimizer=adam"],
        ["model=transformer_backflow", "system=hubbard_chain_6"],
    ],
    ids=" ".join,
)
def test_costs_of_a_step(keys):
    config = compose([*keys, *BUDGET, f"backend={keras.config.backend()}"])
    found = measure(config)
    assert [phase.name for phase in found.phases] == ["sampling", "local energy", "update", "reading metrics"]
    assert all(phase.seconds > 0 for phase in (*found.phases, found.step))
    assert found.step.compile_seconds > found.step.seconds
    assert (found.gram is None) == (config.optimizer.name == "adam")
    console = Console(width=160)
    with console.capture() as capture:
        console.print(advice.report(found, config))
    shown = capture.get()
    assert "whole step" in shown and "16 walkers" in shown and "* the run takes about" in shown
    assert ("Gram matrix" in shown) == (found.gram is not None)
