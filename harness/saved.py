"""Trained weights in the folder of a run, also of one on a leaderboard, which keeps no more than its weights. Light."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness import checkpoint, files, weights
from harness.config import RunConfig
from harness.record import RECORD, Artifact, RunRecord, read_record
from zoo import registry
from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.wavefunction import Wavefunction

WEIGHTS = re.compile(r"checkpoints/step-(\d{6,})(?:-\d+)?\.weights\.h5")


@dataclasses.dataclass(frozen=True)
class Saved:
    """A trained wavefunction on disk.

    Attributes:
        config: Of the run.
        weights: The file, in Keras's format.
        step: Optimisation steps that they have seen.
        state: The checkpoint, with walkers and all else that the run went on from; None where only weights are kept.
    """

    config: RunConfig
    weights: Path
    step: int
    state: checkpoint.Checkpoint | None

    def load_model(self) -> Wavefunction:
        """The wavefunction. Loads Keras; raises `ZooError` if the weights do not fit it."""
        model = registry.create_model(self.config.model_name, self.config.create_system(), **self.config.model)
        load_weights(model, self.weights, self.config.model_name)
        return model


def find(folder: Path, config: RunConfig | None = None) -> Saved:
    """The weights of the newest intact checkpoint, or else those that the record in the folder names.

    Args:
        folder: Of a run, or of a result of a leaderboard.
        config: What is in the folder, if that has been read.

    Raises:
        ZooError: The folder is no run, it has no checkpoint and no record of weights, or they are damaged.
    """
    config = config or RunConfig.read(folder)
    state = checkpoint.latest(folder / checkpoint.FOLDER, config.sha256)
    if state is not None:
        return Saved(config, state.weights, state.step, state)
    artifact = weights_of(read_record(folder / RECORD)) if (folder / RECORD).is_file() else None
    if artifact is None:
        raise checkpoint.none_yet(folder)
    return _of_record(folder, config, artifact)


def weights_of(record: RunRecord) -> Artifact | None:
    """The weight file that a record names."""
    return next((a for a in record.artifacts if WEIGHTS.fullmatch(a.path)), None)


def load_weights(model: Wavefunction, file: Path, name: str) -> None:
    """Load a weight file into the model of that name; `ZooError` if it holds the weights of another."""
    try:
        model.load_weights(file)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ZooError(f"{file.name}: these are not weights of {name}: {reason}") from error


def _of_record(folder: Path, config: RunConfig, artifact: Artifact) -> Saved:
    file = folder / artifact.path
    if found := weights.problems(file):
        raise ZooError(f"{folder}: {'; '.join(found)}")
    if files.fingerprint(file)["sha256"] != artifact.sha256:
        raise ZooError(f"{file}: expected the file with the SHA-256 in the record, this one has changed")
    match = WEIGHTS.fullmatch(artifact.path)
    assert match is not None  # as `weights_of` has matched it
    return Saved(config, file, int(match[1]), None)


__all__ = ["WEIGHTS", "Saved", "find", "load_weights", "weights_of"]
