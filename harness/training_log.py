"""The training log of a run, ``train.jsonl``: a JSON object for each step, and the Keras callback that writes it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from harness import files, untrusted
from harness.progress import Progress
from zoo.errors import ZooError

if TYPE_CHECKING:
    from harness.execution import Run

FILE = "train.jsonl"
SHOWN = ("energy", "stderr", "variance", "acceptance")
"""What progress shows of each step or draw."""


class Keeper(keras.callbacks.Callback):
    """Writes the training log and the checkpoints, and shows progress."""

    def __init__(self, run: Run, progress: Progress):
        super().__init__()
        self.run, self.progress = run, progress
        path = run.folder / FILE
        rows = read_rows(path)
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
        self.progress.update(step, *(logs[name] for name in SHOWN))
        stop = self.run.interruption.signal is not None
        last = step >= self.run.config.train.steps or stop
        if last or now - self.saved >= self.run.config.train.checkpoint_every:
            os.fsync(self.log.fileno())
            self.run.save_checkpoint(best=logs["energy"] < self.best)
            self.best = min(self.best, logs["energy"])
            self.saved = time.monotonic()
        self.run.vmc.stop_requested = not self.run.word.goes_on(stop)

    def close(self) -> None:
        self.log.close()
        for message in self.run.take_events():
            self.progress.message(message)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a training log up to the first that is not whole, as a kill or a power cut may leave the end."""
    rows: list[dict[str, Any]] = []
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    for line in lines:
        try:
            row = untrusted.parse_json(line.decode("utf-8"))
            whole = all(isinstance(row[name], int | float) for name in ("step", "seconds", *SHOWN))
        except (ValueError, TypeError, KeyError):
            break
        if not whole:
            break
        rows.append(row)
    return rows


def cut(path: Path, step: int) -> None:
    """Keep the rows up to that step: later ones will be made again.

    Raises:
        ZooError: A row up to that step is missing or damaged; nothing is changed.
    """
    rows = [row for row in read_rows(path) if row["step"] <= step]
    if [row["step"] for row in rows] != list(range(1, step + 1)):
        raise ZooError(f"{path}: line {len(rows) + 1} is damaged: expected a whole row for each step up to {step}")
    if path.exists():
        files.replace_content(path, "".join(json.dumps(row) + "\n" for row in rows))
