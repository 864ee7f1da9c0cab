"""Runs as commands make them: start one in a new folder, go on with one, measure one again."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

import keras

import zoo
from harness import backend, checkpoint, outcome, transfer
from harness import random as random_state
from harness.clock import utc_now
from harness.config import CONFIG_FILE, RunConfig
from harness.execution import Run
from harness.figures.observables import observables_figure
from harness.files import check_writable, replace_content
from harness.interruption import Interrupted, Interruption
from harness.lock import exclusive
from harness.observables import FILE as OBSERVABLES
from harness.observables import choose
from harness.record import RECORD, RunRecord, read_record, write_record
from harness.together import Word, follow, leading
from zoo.errors import ZooError

OBSERVABLES_FIGURE = "observables.svg"
_SPACE_NEEDED = 64 * 2**20  # bytes, for the checkpoints and blocks of an ordinary run


def start(config: RunConfig, command: str) -> RunRecord | None:
    """Run that configuration in a new folder ``OUT/SYSTEM/MODEL/TIME-sSEED``.

    Args:
        config: As `harness.config.compose` gives it; `harness.start.prepare` must have been called with its backend.
        command: The command line, for the record.

    Returns:
        The record of the run: completed, diverged or interrupted. None in a process that is not the first one of
        several (`harness.start.prepare`), which only computes.

    Raises:
        ZooError: The folder cannot be written, the system cannot be built, or ``init_from`` is no run that fits.
    """
    if backend.process_number():
        follow(config)
        return None
    parent = Path(config.out) / config.system_name / config.model_name
    with leading() as word:
        run = _about_to_begin(config, parent, word)
        run.folder = _new_folder(parent, config.seed)  # only now: what cannot begin leaves no folder of a run
        with exclusive(run.folder):
            run.begin(command)
            return run.execute()


def _about_to_begin(config: RunConfig, folder: Path, word: Word) -> Run:
    """The run, with everything checked that can be before it takes time."""
    check_writable(folder, _SPACE_NEEDED)
    run = Run(config, folder, word)
    if config.init_from:
        transfer.from_run(run.model, config.init_from)
    return run


def start_or_resume(folder: str | Path, config: RunConfig, command: str) -> RunRecord | None:
    """Run that configuration in that folder: begin there, or go on with the run that has begun there.

    Args:
        folder: Of the run itself; ``out`` has no part in it.
        config, command: As in `start`.

    Raises:
        ZooError: As in `start`, or the run in the folder has another configuration; names the keys.
    """
    folder = Path(folder)
    if (folder / RECORD).exists():
        changed = config.changed_keys(RunConfig.read(folder))
        if changed:
            raise ZooError(f"{folder}: the run there has {', '.join(changed)}: expected the same, or another folder")
        return resume(folder)
    if backend.process_number():
        follow(config)
        return None
    with leading() as word:
        check_writable(folder)
        with exclusive(folder):
            run = _about_to_begin(config, folder, word)
            run.begin(command)
            return run.execute()


def resume(folder: str | Path) -> RunRecord | None:
    """Continue a run from its last good checkpoint; a completed run is returned as it is.

    Raises:
        ZooError: The folder is no run, what it holds is damaged, or another process works in it.
    """
    folder = Path(folder)
    config = RunConfig.read(folder)
    if not (folder / RECORD).exists():  # killed between the two files that a run begins with
        return start_or_resume(folder, config, shlex.join(["zoo", "run", "--resume", str(folder)]))
    record = read_record(folder / RECORD)
    if record.status == "completed" and record.provenance.config_sha256 == config.sha256:
        return record
    if backend.process_number():
        follow(config)
        return None
    with leading() as word, exclusive(folder):
        return _resume(folder, config, word)


def _resume(folder: Path, config: RunConfig, word: Word) -> RunRecord:
    record = read_record(folder / RECORD)
    if record.provenance.config_sha256 != config.sha256:
        began = record.config and config.changed_keys(RunConfig.from_dict(record.config))
        expected = ", ".join(began) if began else "that of its record"
        raise ZooError(f"{folder / CONFIG_FILE} was changed since the run began: expected {expected}")
    began_with = record.provenance.zoo_version
    if began_with != zoo.__version__:
        raise ZooError(
            f"{folder}: began with version {began_with}, and this one, {zoo.__version__}, may make other steps: "
            f"to go on, expected {began_with}. A new run with init_from={folder} takes up its weights, and "
            "`zoo evaluate` measures them"
        )
    run = Run(config, folder, word)
    run.record = record
    return run.execute()


def evaluate(
    folder: str | Path, draws: int, walkers: int, seed: int, observables: str | Sequence[str] = (), thin: int = 0
) -> RunRecord:
    """Measure a trained run again with fresh samples; the run's own record stays as it is.

    The result is kept as ``evaluations/TIME-sSEED/`` with its raw blocks, in the run's folder. Observables are kept
    beside it as ``observables.json`` (`harness.observables.profile.ObservablesFile`) and ``observables.svg``.

    Args:
        folder: The run.
        draws, walkers: Local energies of each walker, and Markov chains.
        seed: Of the random numbers.
        observables, thin: See `harness.vmc.VMC.evaluate`.
    """
    folder = Path(folder)
    config = RunConfig.read(folder)
    choice = choose(observables, config.create_system())
    run = Run(config, folder)
    run.record = read_record(folder / RECORD)
    run.vmc.load_arrays(checkpoint.load(checkpoint.of_run(folder, config.sha256))[1])
    for name, reason in choice.left_out.items():
        run.console.print(f"{name} left out: {reason}", soft_wrap=True)
    fresh = random_state.initial_state(_evaluation_seed(seed))
    run.vmc.state = {**run.vmc.state, "seed": keras.ops.convert_to_tensor(fresh)}
    check_writable(folder)
    with Interruption() as run.interruption:
        try:
            evaluation = run.measure(draws, walkers, choice.names, thin)
        except Interrupted as stop:
            run.console.print(f"{stop}; nothing is kept of this evaluation", soft_wrap=True)
            raise SystemExit(128 + (run.interruption.signal or 0)) from None
    target = folder / "evaluations" / f"{utc_now():%Y%m%dT%H%M%SZ}-s{seed}"
    target.mkdir(parents=True, exist_ok=True)
    outcome.save_blocks(target, evaluation)
    names = [outcome.BLOCKS]
    if evaluation.profiles:
        content = outcome.observables_file(evaluation, run.record, run.vmc.current_step)
        replace_content(target / OBSERVABLES, content.to_json())
        observables_figure(target / OBSERVABLES_FIGURE, [(config.model_name, content)], config)
        names += [OBSERVABLES, OBSERVABLES_FIGURE]
    record = run.record.updated(
        status="completed",
        message=None,
        artifacts=[outcome.artifact(target, name) for name in names],
        **run.measured(evaluation),
    )
    write_record(target / "evaluation.json", record)
    return record


def _new_folder(parent: Path, seed: int) -> Path:
    name = f"{utc_now():%Y%m%dT%H%M%SZ}-s{seed}"
    for attempt in range(1000):
        folder = parent / (name if attempt == 0 else f"{name}-{attempt}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise ZooError(f"{parent / name}: a thousand runs began in this second: expected another out=DIR")


def _evaluation_seed(seed: int) -> int:
    """A stream of random numbers that no training with any ordinary seed uses."""
    return int.from_bytes(hashlib.sha256(f"evaluation {seed}".encode()).digest()[:4], "little")


__all__ = ["Run", "evaluate", "resume", "start", "start_or_resume"]
