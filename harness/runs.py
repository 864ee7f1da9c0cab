"""A run from its configuration to its record: train, measure, keep everything on disk.

A run folder holds ``config.yaml``, ``train.jsonl``, ``checkpoints/``, ``blocks.npz``, ``energy.svg`` and
``record.json``. The record is there from the start and is replaced at every change of state.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console

from harness import backend, checkpoint, transfer
from harness import random as random_state
from harness.clock import utc_now
from harness.config import CONFIG_FILE, RunConfig
from harness.evaluation import Evaluation
from harness.figures import energy_figure, read_training_log
from harness.figures.observables import observables_figure
from harness.interruption import Interrupted, Interruption
from harness.lock import exclusive
from harness.observables import FILE as OBSERVABLES
from harness.observables import ObservablesFile, choose
from harness.observables.profile import profile_record
from harness.progress import Progress
from harness.provenance import compute, provenance
from harness.record import (
    RECORD,
    Artifact,
    Energy,
    Error,
    Event,
    Model,
    Observable,
    Pretraining,
    ProtocolName,
    ReferenceEnergy,
    RunRecord,
    read_record,
    write_record,
)
from harness.record import System as SystemRecord
from harness.settings import PROTOCOLS, PretrainSettings
from harness.statistics import correlation_recovered
from harness.vmc import VMC, Diverged
from zoo import registry
from zoo.errors import ZooError

TRAINING_LOG, BLOCKS, FIGURE = "train.jsonl", "blocks.npz", "energy.svg"
OBSERVABLES_FIGURE = "observables.svg"
_SHOWN = ("energy", "stderr", "variance", "acceptance")
_SPACE_NEEDED = 64 * 2**20  # bytes, for the checkpoints and blocks of an ordinary run


def start(config: RunConfig, command: str) -> RunRecord:
    """Run that configuration in a new folder ``OUT/SYSTEM/MODEL/TIME-sSEED``.

    Args:
        config: As `harness.config.compose` gives it; `harness.start.prepare` must have been called with its backend.
        command: The command line, for the record.

    Returns:
        The record of the run: completed, diverged or interrupted.

    Raises:
        ZooError: The folder cannot be written, the system cannot be built, or ``init_from`` is no run that fits.
    """
    parent = Path(config.out) / config.system_name / config.model_name
    run = _about_to_begin(config, parent)
    run.folder = _new_folder(parent, config.seed)  # only now: what cannot begin leaves no folder of a run
    with exclusive(run.folder):
        run.begin(command)
        return run.execute()


def _about_to_begin(config: RunConfig, folder: Path) -> Run:
    """The run, with everything checked that can be before it takes time."""
    checkpoint.check_writable(folder, _SPACE_NEEDED)
    run = Run(config, folder)
    if config.init_from:
        transfer.from_run(run.model, config.init_from)
    return run


def start_or_resume(folder: str | Path, config: RunConfig, command: str) -> RunRecord:
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
    checkpoint.check_writable(folder)
    with exclusive(folder):
        run = _about_to_begin(config, folder)
        run.begin(command)
        return run.execute()


def resume(folder: str | Path) -> RunRecord:
    """Continue a run from its last good checkpoint; a completed run is returned as it is.

    Raises:
        ZooError: The folder is no run, what it holds is damaged, or another process works in it.
    """
    folder = Path(folder)
    config, record = RunConfig.read(folder), read_record(folder / RECORD)
    if record.status == "completed" and record.provenance.config_sha256 == config.sha256:
        return record
    with exclusive(folder):
        return _resume(folder, config)


def _resume(folder: Path, config: RunConfig) -> RunRecord:
    run = Run(config, folder)
    run.record = read_record(folder / RECORD)
    if run.record.provenance.config_sha256 != run.config.sha256:
        began = run.record.config and run.config.changed_keys(RunConfig.from_dict(run.record.config))
        expected = ", ".join(began) if began else "that of its record"
        raise ZooError(f"{folder / CONFIG_FILE} was changed since the run began: expected {expected}")
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
    target = folder / "evaluations" / f"{utc_now():%Y%m%dT%H%M%SZ}-s{seed}"
    target.mkdir(parents=True, exist_ok=True)
    with Interruption() as run.interruption:
        evaluation = run.measure(draws, walkers, choice.names, thin)
    _save_blocks(target / BLOCKS, evaluation)
    files = [BLOCKS]
    if evaluation.profiles:
        content = run.observables(evaluation)
        _write_text(target / OBSERVABLES, content.to_json())
        observables_figure(target / OBSERVABLES_FIGURE, [(config.model_name, content)], config)
        files += [OBSERVABLES, OBSERVABLES_FIGURE]
    record = run.record.updated(
        status="completed",
        message=None,
        artifacts=[_artifact(target, name) for name in files],
        **run.measured(evaluation),
    )
    write_record(target / "evaluation.json", record)
    return record


class Run:
    """One run: its configuration, its folder, and the Monte Carlo calculation that fills it."""

    def __init__(self, config: RunConfig, folder: Path):
        running = keras.config.backend(), keras.config.floatx()
        if running != (config.backend, config.precision):
            raise ZooError(
                f"backend={config.backend}, precision={config.precision}: this process runs {' in '.join(running)}; "
                "call harness.start.prepare first"
            )
        self.config, self.folder = config, folder
        self.system: Any = config.create_system()
        self.system.validate()
        # Keras's initialisers draw their seeds here; keras.utils.set_random_seed would load TensorFlow on JAX too.
        random.seed(config.seed)
        self.model = registry.create_model(config.model_name, self.system, **config.model)
        self.vmc = VMC(self.model, self.system, seed=config.seed).compile(
            optimizer=config.optimizer,
            walkers=config.train.walkers,
            clip=config.train.clip,
            sampler=config.sampler,
        )
        self.interruption = Interruption()
        self.console = Console(stderr=True, highlight=False)
        self.record: RunRecord

    def begin(self, command: str) -> None:
        """Write the configuration and a record with status ``running``."""
        _write_text(self.folder / CONFIG_FILE, self.config.to_yaml())
        spec, system_spec = registry.model_spec(self.config.model_name), registry.system_spec(self.config.system_name)
        protocol = PROTOCOLS.get(self.config.protocol)
        self.record = RunRecord(
            status="running",
            model=Model(
                name=spec.name,
                space=self.system.space,
                version=spec.version,
                distribution=spec.distribution,
                config=self.config.model,
                parameters=sum(int(np.prod(v.shape)) for v in self.model.trainable_variables),
            ),
            system=SystemRecord(
                name=system_spec.name,
                family=self.system.family,
                parameters=self.system.parameters(),
                n_up=self.system.n_up,
                n_down=self.system.n_down,
                sha256=self.system.sha256,
            ),
            protocol=ProtocolName(name=self.config.protocol, version=protocol.version if protocol else "1"),
            compute=compute(self.config),
            provenance=provenance(self.config, command),
            config=self.config.to_dict(),
        )
        self._save()

    def execute(self) -> RunRecord:
        """Train from wherever the folder stands, measure, and complete the record."""
        self.console.print(f"run folder: {self.folder}", soft_wrap=True)
        self._save(status="running", message=None)
        with Interruption() as self.interruption:
            try:
                self._train()
                evaluation = self.measure(self.config.evaluate.draws, self.config.evaluate.walkers)
                self._finish(evaluation)
            except Interrupted as stop:
                self._save(status="interrupted", message=str(stop))
            except Diverged as failure:
                self.save_checkpoint()
                self._save(status="diverged", message=str(failure))
            except BaseException as error:
                self._save(status="failed", message=f"{type(error).__name__}: {error}"[:2000])
                raise
        if self.interruption.signal == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        return self.record

    def _train(self) -> None:
        if not self._restore():
            if self.config.init_from:
                self._take_over(self.config.init_from)
            elif self.config.pretrain is not None and self.config.pretrain.steps:
                self._pretrain(self.config.pretrain)
        settings = self.config.train
        title = f"{self.config.model_name} on {self.config.system_name}"
        reference = self.system.references().best
        with Progress(settings.steps, title, reference.energy if reference else None, self.console) as progress:
            keeper = _Keeper(self, progress)
            try:
                self.vmc.fit(
                    settings.steps,
                    callbacks=[keeper],
                    read_every=settings.read_every,
                    equilibration=self.config.evaluate.equilibration,
                )
            finally:
                keeper.close()
        if settings.steps == 0:  # else the last epoch has saved one
            self.save_checkpoint()
        self.interruption.check()

    def _take_over(self, folder: str) -> None:
        """Begin with the weights of another run, kept as the checkpoint of step 0."""
        found = transfer.from_run(self.model, folder)
        parameters = [keras.ops.convert_to_tensor(value) for value in found.parameters]
        self.vmc.state = {**self.vmc.state, "parameters": parameters}
        self.vmc.sync_model()
        self.note(0, "init_from", f"{folder}: {found}")
        self.save_checkpoint()

    def _pretrain(self, settings: PretrainSettings) -> None:
        """Fit the orbitals, and keep them as the checkpoint of step 0: an interrupted fit begins anew."""
        with Progress(settings.steps, "pretraining", None, self.console) as progress:

            def show(step: int, loss: float) -> None:
                progress.show(step, [("loss", f"{loss:.3g}")])
                self.interruption.check()

            result = self.vmc.pretrain(settings, show)
        self._save(pretraining=Pretraining(steps=result.steps, loss=result.loss, seconds=result.seconds))
        self.save_checkpoint()

    def _restore(self) -> bool:
        """Take up the last good checkpoint, and cut the training log back to it; returns whether there was one."""
        saved = checkpoint.latest(self.folder / checkpoint.FOLDER, self.config.sha256)
        step = 0
        if saved is not None:
            for message in saved.skipped:
                self.note(saved.step, "checkpoint_skipped", message)
            step, arrays = checkpoint.load(saved)
            self.vmc.load_arrays(arrays)
        _cut_log(self.folder / TRAINING_LOG, step)
        return saved is not None

    def measure(self, draws: int, walkers: int, observables: Sequence[str] = (), thin: int = 0) -> Evaluation:
        """Measure with the present parameters, showing progress; `Interrupted` if a signal comes."""
        with Progress(draws, "measuring", None, self.console, unit="draw") as progress:

            def show(number: int, values: dict[str, float]) -> None:
                energy, stderr, variance, acceptance = (values[name] for name in _SHOWN)
                progress.update(number, energy, stderr, variance, acceptance)
                self.interruption.check()

            evaluation = self.vmc.evaluate(draws, walkers, self.config.evaluate.equilibration, show, observables, thin)
        self.take_events()
        return evaluation

    def measured(self, evaluation: Evaluation) -> dict[str, Any]:
        """The fields of the record that an evaluation fills."""
        energy, references = evaluation.energy, self.system.references()
        best, hartree_fock = references.best, references.hartree_fock
        particles = self.system.n_sites if self.system.space == "lattice" else self.system.n_electrons
        error = None
        if best is not None:
            recovered = None
            if hartree_fock is not None and hartree_fock.energy != best.energy:
                recovered = correlation_recovered(energy.mean, hartree_fock.energy, best.energy)
            absolute = energy.mean - best.energy
            relative = absolute / abs(best.energy) if best.energy else None
            error = Error(absolute=absolute, relative=relative, correlation_recovered=recovered)
        return {
            "energy": Energy(
                mean=energy.mean,
                stderr=energy.stderr,
                per_particle=energy.mean / particles,
                draws=energy.draws,
                walkers=energy.walkers,
                ess=energy.ess,
                tau=energy.tau,
                rhat=energy.rhat,
                acceptance=evaluation.acceptance,
                drift_z=energy.drift_z,
            ),
            "variance": energy.variance,
            "v_score": evaluation.v_score,
            "observables": {
                name: Observable(mean=value.mean, stderr=value.stderr) for name, value in evaluation.observables.items()
            },
            "reference": best
            and ReferenceEnergy(energy=best.energy, uncertainty=best.uncertainty, kind=best.kind, citation=best.source),
            "error": error,
            "compute": self.record.compute.model_copy(
                update={"evaluate_seconds": evaluation.seconds, "peak_memory_bytes": backend.peak_memory_bytes()}
            ),
        }

    def observables(self, evaluation: Evaluation) -> ObservablesFile:
        """What an evaluation keeps of its observables."""
        return ObservablesFile(
            model=self.record.model.name,
            system=self.record.system,
            step=self.vmc.current_step,
            draws=evaluation.measurements,
            walkers=evaluation.energy.walkers,
            thin=evaluation.thin,
            observables={name: profile_record(profile) for name, profile in evaluation.profiles.items()},
        )

    def _finish(self, evaluation: Evaluation) -> None:
        _save_blocks(self.folder / BLOCKS, evaluation)
        names = [CONFIG_FILE, BLOCKS]
        if self.config.train.steps:
            self._draw(evaluation)
            names += [TRAINING_LOG, FIGURE]
        weights = checkpoint.latest(self.folder / checkpoint.FOLDER, self.config.sha256)
        if weights is not None:
            names.append(str(weights.weights.relative_to(self.folder)))
        self._save(
            status="completed",
            artifacts=[_artifact(self.folder, name) for name in names],
            **self.measured(evaluation),
        )

    def _draw(self, evaluation: Evaluation) -> None:
        log, best = read_training_log(self.folder / TRAINING_LOG), self.system.references().best
        energy_figure(
            self.folder / FIGURE,
            log.steps,
            log.energies,
            log.stderrs,
            reference=best.energy if best else None,
            reference_label=f"{best.kind} reference" if best else "reference",
            final=(evaluation.energy.mean, evaluation.energy.stderr),
            title=f"{self.config.model_name} on {self.config.system_name}",
            unit=self.system.energy_unit,
        )

    def note(self, step: int, kind: str, message: str) -> None:
        """Keep an event in the record."""
        self._save(events=[*self.record.events, Event(step=step, kind=kind, message=message)])

    def take_events(self) -> list[str]:
        """Move what the Monte Carlo calculation reported into the record; returns the messages."""
        events, self.vmc.events = self.vmc.events, []
        for event in events:
            self.note(**event)
        return [event["message"] for event in events]

    def save_checkpoint(self, best: bool = False) -> None:
        checkpoint.save(
            self.folder / checkpoint.FOLDER,
            self.vmc.current_step,
            self.vmc.arrays(),
            self.model.save_weights,
            self.config.sha256,
            best=best,
        )

    def spent(self, step: int, seconds: float, cpu_seconds: float) -> None:
        """Note the cost of training so far; takes effect with the next save of the record."""
        changes = {
            "train_steps": step,
            "train_seconds": seconds,
            "train_cpu_seconds": cpu_seconds,
            "seconds_per_step": seconds / step if step else None,
            "peak_memory_bytes": backend.peak_memory_bytes(),
        }
        self.record = self.record.updated(compute=self.record.compute.model_copy(update=changes))

    def _save(self, **changes: Any) -> None:
        if changes:
            self.record = self.record.updated(**changes)
        write_record(self.folder / RECORD, self.record)


class _Keeper(keras.callbacks.Callback):
    """Writes the training log and the checkpoints, and shows progress."""

    def __init__(self, run: Run, progress: Progress):
        super().__init__()
        self.run, self.progress = run, progress
        path = run.folder / TRAINING_LOG
        rows = _log_rows(path)
        self.seconds_before = rows[-1]["seconds"] if rows else 0.0
        self.cpu_before = rows[-1].get("cpu_seconds", 0.0) if rows else 0.0
        self.best = min((row["energy"] for row in rows), default=np.inf)
        self.log = path.open("a", encoding="utf-8")
        self.started = self.saved = time.monotonic()
        self.cpu_started = time.process_time()

    def spent(self) -> dict[str, float]:
        """Cost of training so far, in earlier processes too."""
        return {
            "seconds": round(self.seconds_before + time.monotonic() - self.started, 3),
            "cpu_seconds": round(self.cpu_before + time.process_time() - self.cpu_started, 3),
        }

    def on_train_batch_end(self, batch, logs=None):
        self.log.write(json.dumps({**logs, **self.spent()}, allow_nan=False) + "\n")

    def on_epoch_end(self, epoch, logs=None):
        self.log.flush()
        now, step = time.monotonic(), int(logs["step"])
        self.run.spent(step, **self.spent())
        for message in self.run.take_events():
            self.progress.message(message)
        self.progress.update(step, *(logs[name] for name in _SHOWN))
        self.run.vmc.stop_requested = self.run.interruption.signal is not None
        last = step >= self.run.config.train.steps or self.run.vmc.stop_requested
        if last or now - self.saved >= self.run.config.train.checkpoint_every:
            os.fsync(self.log.fileno())
            self.run.save_checkpoint(best=logs["energy"] < self.best)
            self.best = min(self.best, logs["energy"])
            self.saved = time.monotonic()

    def close(self) -> None:
        self.log.close()
        for message in self.run.take_events():
            self.progress.message(message)


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


def _log_rows(path: Path) -> list[dict[str, Any]]:
    """The complete rows of a training log; a row that a kill has cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def _cut_log(path: Path, step: int) -> None:
    """Keep the rows up to that step: later ones will be made again."""
    if path.exists():
        rows = [row for row in _log_rows(path) if row["step"] <= step]
        _write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def _write_text(path: Path, text: str) -> None:
    _write(path, text.encode())


def _save_blocks(path: Path, evaluation: Evaluation) -> None:
    content = io.BytesIO()
    np.savez(content, energies=evaluation.blocks)
    _write(path, content.getvalue())


def _write(path: Path, content: bytes) -> None:
    """Replace a file in one go: a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _artifact(folder: Path, name: str) -> Artifact:
    content = (folder / name).read_bytes()
    return Artifact(path=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


__all__ = ["Run", "evaluate", "resume", "start"]
