"""One run in its folder: train, measure, keep everything on disk.

The folder holds ``config.yaml``, ``train.jsonl``, ``checkpoints/``, ``blocks.npz``, ``energy.svg`` and ``record.json``.
The record is there from the start and is replaced at every change of state.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console

from harness import backend, checkpoint, files, outcome, training_log, transfer
from harness.calculation import create_calculation
from harness.config import CONFIG_FILE, RunConfig
from harness.evaluation import Evaluation
from harness.figures import energy_figure, read_training_log
from harness.interruption import Interrupted, Interruption
from harness.progress import Progress
from harness.provenance import compute, provenance
from harness.record import RECORD, Event, Model, Pretraining, ProtocolName, RunRecord, write_record
from harness.record import System as SystemRecord
from harness.settings import PROTOCOLS, PretrainSettings
from harness.together import Word
from harness.vmc import Diverged
from zoo import registry
from zoo.errors import Failure, ZooError

FIGURE = "energy.svg"
RESERVE, RESERVED = ".reserve", 64 * 2**10
"""A file that a run gives up when the disk is full, and its size in bytes: the record still has to say so."""


class Run:
    """One run: its configuration, its folder, and the Monte Carlo calculation that fills it."""

    def __init__(self, config: RunConfig, folder: Path, word: Word | None = None):
        self.config, self.folder = config, folder
        self.word = word or Word()
        self.word.goes_on()
        self.vmc = create_calculation(config)
        self.model, self.system = self.vmc.model, self.vmc.system
        self.interruption = Interruption()
        self.console = Console(stderr=True, highlight=False)
        self.noted_before: list[Event] = []
        self.record: RunRecord

    def begin(self, command: str) -> None:
        """Write the configuration and a record with status ``running``."""
        files.replace_content(self.folder / CONFIG_FILE, self.config.to_yaml())
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
        files.replace_content(self.folder / RESERVE, os.urandom(RESERVED))
        with Interruption() as self.interruption:
            try:
                self._train()
                evaluation = self.measure(self.config.evaluate.draws, self.config.evaluate.walkers)
                self._finish(evaluation)
            except (Interrupted, KeyboardInterrupt) as stop:  # the second one is that of a second Ctrl-C
                self._save(status="interrupted", message=str(stop) or "stopped by a second SIGINT")
                if isinstance(stop, KeyboardInterrupt):
                    raise
            except Diverged as failure:
                self.save_checkpoint()
                self._save(status="diverged", message=str(failure))
            except OSError as error:
                told = self._failure(error)
                self._note_failure(str(told))
                raise told from error
            except ZooError as error:
                self._note_failure(str(error))
                raise
            except BaseException as error:
                self._note_failure(f"{type(error).__name__}: {error}")
                raise
        if self.record.status == "interrupted" and self.interruption.signal == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        return self.record

    def _failure(self, error: OSError) -> Failure:
        """What happened to a file, and what is left to go on from."""
        good = checkpoint.last_good(self.folder / checkpoint.FOLDER, self.config.sha256)
        return Failure(f"{error.filename or self.folder}: {files.reason(error)}; {good}")

    def _note_failure(self, message: str) -> None:
        """Have the record tell, also where the disk is full."""
        (self.folder / RESERVE).unlink(missing_ok=True)
        try:
            self._save(status="failed", message=message[:2000])
        except OSError as error:
            self.console.print(f"{self.folder / RECORD} cannot say so: {files.reason(error)}", soft_wrap=True)

    def _train(self) -> None:
        if not self._restore():
            if self.config.init_from:
                self._take_over(self.config.init_from)
            elif self.config.pretrain is not None and self.config.pretrain.steps:
                self._pretrain(self.config.pretrain)
        self.check()
        self.vmc.share_state()
        settings = self.config.train
        title = f"{self.config.model_name} on {self.config.system_name}"
        reference = self.system.references().best
        with Progress(settings.steps, title, reference.energy if reference else None, self.console) as progress:
            keeper = training_log.Keeper(self, progress)
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
        self.check()

    def check(self) -> None:
        """Raise `Interrupted` if a signal has come, in all processes of the run at the same point."""
        if not self.word.goes_on(self.interruption.signal is not None):
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
        step = saved.step if saved is not None else 0
        self.noted_before = [event for event in self.record.events if event.step >= step]
        if saved is not None:
            for message in saved.skipped:
                self.note(saved.step, "checkpoint_skipped", message)
            step, arrays = checkpoint.load(saved)
            self.vmc.load_arrays(arrays)
        training_log.cut(self.folder / training_log.FILE, step)
        return saved is not None

    def measure(self, draws: int, walkers: int, observables: Sequence[str] = (), thin: int = 0) -> Evaluation:
        """Measure with the present parameters, showing progress; `Interrupted` if a signal comes."""
        with Progress(draws, "measuring", None, self.console, unit="draw") as progress:

            def show(number: int, values: dict[str, float]) -> None:
                energy, stderr, variance, acceptance = (values[name] for name in training_log.SHOWN)
                progress.update(number, energy, stderr, variance, acceptance)
                self.check()

            evaluation = self.vmc.evaluate(draws, walkers, self.config.evaluate.equilibration, show, observables, thin)
        self.take_events()
        return evaluation

    def measured(self, evaluation: Evaluation) -> dict[str, Any]:
        """The fields of the record that an evaluation fills."""
        cost = {"evaluate_seconds": evaluation.seconds, "peak_memory_bytes": backend.peak_memory_bytes()}
        return {
            **outcome.measured(evaluation, self.system),
            "compute": self.record.compute.model_copy(update=cost),
        }

    def _finish(self, evaluation: Evaluation) -> None:
        outcome.save_blocks(self.folder, evaluation)
        names = [CONFIG_FILE, outcome.BLOCKS]
        if self.config.train.steps:
            self._draw(evaluation)
            names += [training_log.FILE, FIGURE]
        weights = checkpoint.latest(self.folder / checkpoint.FOLDER, self.config.sha256)
        if weights is not None:
            names.append(str(weights.weights.relative_to(self.folder)))
        (self.folder / RESERVE).unlink(missing_ok=True)
        self._save(
            status="completed",
            artifacts=[outcome.artifact(self.folder, name) for name in names],
            **self.measured(evaluation),
        )

    def _draw(self, evaluation: Evaluation) -> None:
        log, best = read_training_log(self.folder / training_log.FILE), self.system.references().best
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
        """Keep an event in the record; one that a killed process noted after its last checkpoint is kept once."""
        event = Event(step=step, kind=kind, message=message)
        if event in self.noted_before:
            self.noted_before.remove(event)
        else:
            self._save(events=[*self.record.events, event])

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
            "devices": backend.device_count(),
        }
        self.record = self.record.updated(compute=self.record.compute.model_copy(update=changes))

    def _save(self, **changes: Any) -> None:
        if changes:
            self.record = self.record.updated(**changes)
        write_record(self.folder / RECORD, self.record)
