"""What the folder of a run or of a committed result must fulfil to stand on a board. Nothing is computed with a model.

Each problem is one line that names the field or the file, what it says and what was expected: the record must be sound
(`leaderboards.record_checks`), files must have the hashes that it gives them, and in a run the energy must be that of
the raw measurement. Whether weights give the energy only a new measurement can tell (`leaderboards.verification`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from harness import untrusted, weights
from harness.config import CONFIG_FILE
from harness.record import RECORD, Artifact, Energy, RunRecord, read_record
from harness.saved import WEIGHTS, weights_of
from harness.statistics import summarise
from leaderboards.curves import CURVE, LOG, of_run
from leaderboards.record_checks import differs, record_problems, unequal
from zoo.errors import ZooError

BLOCKS = "blocks.npz"


def place(record: RunRecord) -> Path:
    """Where a result lies among the committed ones: ``SYSTEM-HASH/MODEL/TIME-sSEED``.

    Raises:
        ZooError: A name in the record is none that a system or a model can have.
    """
    for field, name in (("system.name", record.system.name), ("model.name", record.model.name)):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):  # it becomes the name of a folder
            raise ZooError(f"{field} {name!r}: expected lower-case letters, digits and underscores")
    time = re.sub(r"[-:]|\.\d+", "", record.provenance.started_utc)
    system = f"{record.system.name}-{record.system.sha256[:8]}"
    return Path(system, record.model.name, f"{time}-s{record.provenance.seed}")


def run_problems(folder: Path) -> list[str]:
    """What keeps the run in that folder from being submitted.

    Raises:
        ZooError: The folder holds no record that can be read.
    """
    record = read_record(folder / RECORD)
    found = list(record_problems(record))
    if record.status == "completed":
        found += _files(folder, record, record.artifacts)
        found += _folder(folder, record)
        found += _measurement(folder / BLOCKS, record)
    return found


def result_problems(folder: Path, results: Path) -> list[str]:
    """What is wrong with a committed result.

    Args:
        folder: Its folder.
        results: The folder of all results, in which `place` says where it must lie.

    Raises:
        ZooError: The folder holds no record that can be read.
    """
    record = read_record(folder / RECORD)
    found = list(record_problems(record))
    if folder.resolve() != (results / place(record)).resolve():
        found.append(f"{folder.relative_to(results)}: by its record it belongs to {place(record)}")
    kept = [a for a in record.artifacts if a.path == CONFIG_FILE or a == weights_of(record)]
    found += _files(folder, record, kept)
    found += _folder(folder, record)
    expected = {RECORD, *(artifact.path for artifact in kept), *([CURVE] if record.compute.train_steps else [])}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    found += [f"{name}: expected no such file in a committed result" for name in sorted(present - expected)]
    found += [f"{name}: missing" for name in sorted({CURVE} & (expected - present))]
    return found


def all_problems(results: Path) -> list[str]:
    """What is wrong with any of the committed results, and with what lies among them."""
    folders = sorted(path.parent for path in results.rglob(RECORD))
    found = []
    for folder in folders:
        try:
            problems = result_problems(folder, results)
        except ZooError as error:
            problems = [str(error).removeprefix(f"{folder / RECORD}: ")]
        found += [f"{folder}: {problem}" for problem in problems]
    for path in sorted(results.rglob("*")):
        if not path.is_dir() and path.parent != results and not any(path.is_relative_to(folder) for folder in folders):
            found.append(f"{path}: expected no file outside the folder of a result")
    return found


def _files(folder: Path, record: RunRecord, expected: list[Artifact]) -> Iterator[str]:
    """Files that the record names are there, lie inside the folder, and have their hash."""
    for artifact in expected:
        path = folder / artifact.path
        inside = path.resolve().is_relative_to(folder.resolve())
        if path.is_symlink() or not inside or not path.is_file():
            yield f"{artifact.path}: expected a plain file in the folder of the run"
            continue
        if path.stat().st_size != artifact.bytes:
            yield f"{artifact.path}: {path.stat().st_size} bytes, the record says {artifact.bytes}"
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield from differs(f"{artifact.path}: SHA-256", digest, artifact.sha256, "the record says")
    if not any(artifact.path == CONFIG_FILE for artifact in expected):
        yield f"artifacts: expected {CONFIG_FILE} among them"
    trained = weights_of(record)
    if trained is None:
        yield "artifacts: expected checkpoints/step-N.weights.h5 among them"
    elif (folder / trained.path).is_file():
        yield from weights.problems(folder / trained.path)


def _folder(folder: Path, record: RunRecord) -> Iterator[str]:
    """The settings and the training curve in the folder are those of the record."""
    path = folder / CONFIG_FILE
    if path.is_file() and not path.is_symlink():
        try:
            written = untrusted.parse_yaml(untrusted.read_text(path))
        except ValueError as error:
            yield f"{CONFIG_FILE}: not readable as YAML: {error}"
        else:
            if written != record.config:
                yield f"{CONFIG_FILE}: expected the settings of the record"
    steps = record.compute.train_steps
    try:
        curve = of_run(folder)
    except ZooError as error:
        yield str(error)
        return
    if curve is None and steps:
        yield f"{LOG}: missing"
    if curve is not None and curve.steps and curve.steps[-1] > steps:
        yield f"{CURVE}: goes to step {curve.steps[-1]}, the record to {steps}"
    named = weights_of(record)
    match = WEIGHTS.fullmatch(named.path) if named else None
    if match and int(match[1]) != steps:
        yield f"{match[0]}: weights of step {int(match[1])}, the record has {steps}"


def _measurement(path: Path, record: RunRecord) -> Iterator[str]:
    """The energy is the mean of the raw energies that were measured."""
    try:
        arrays = untrusted.read_arrays(path)
        if "energies" not in arrays:
            raise ZooError(f"{path}: no array energies")
        summary = summarise(arrays["energies"])
    except ZooError as error:
        yield f"{BLOCKS}: {error}"
        return
    energy = record.energy
    assert energy is not None and record.variance is not None
    for field in dataclasses.fields(summary):
        value = getattr(summary, field.name)
        if field.name == "variance":
            yield from unequal("variance", record.variance, value, f"{BLOCKS} gives variance")
        elif field.name in Energy.model_fields:
            scale = max(1.0, abs(value)) if field.name == "drift_z" else None
            yield from unequal(
                f"energy.{field.name}", getattr(energy, field.name), value, f"{BLOCKS} gives {field.name}", scale
            )
