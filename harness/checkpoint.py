"""Checkpoints that survive a kill at any moment, a full disk and a damaged file.

A checkpoint of step 123 is three files in one folder: ``step-000123.npz`` (the state, flat names to arrays),
``step-000123.weights.h5`` (the model's weights in Keras's format, for people; the state holds them too) and the
manifest ``step-000123.json`` with the size and SHA-256 of both. Each is written under a temporary name, flushed to the
disk and renamed; the manifest comes last, so a checkpoint without one does not exist. A step that is saved twice
gets a second name (``step-000123-1``): nothing that could be resumed from is ever overwritten.

The newest checkpoint, the newest intact one before it and the best one are kept. No backend is imported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from harness import files, untrusted
from zoo.errors import Failure, ZooError

SCHEMA_VERSION = 1
FOLDER = "checkpoints"
"""Where a run keeps them, in its folder."""
HDF5_OVERHEAD = 1 << 20
"""Space, in bytes, that a weights file may need beyond that of the state, which holds the same weights."""
_MANIFEST = re.compile(r"step-(\d{6,})(?:-(\d+))?\.json")
_OURS = re.compile(r"(?P<stem>step-\d{6,}(?:-\d+)?)(?P<temporary>\.tmp)?\.(?:npz|json|weights\.h5)")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """An intact checkpoint: the files were there and had their SHA-256 when it was found.

    Attributes:
        step: Optimisation steps done.
        state: The ``.npz`` file of the state; `load` reads it.
        weights: The ``.weights.h5`` file, for ``keras.Model.load_weights``.
        best: Whether it was saved as the best so far.
        skipped: One message for each newer checkpoint that is damaged or of another configuration.
    """

    step: int
    state: Path
    weights: Path
    best: bool
    skipped: tuple[str, ...] = ()


def save(
    folder: str | os.PathLike,
    step: int,
    arrays: Mapping[str, np.ndarray],
    save_weights: Callable[[str], object],
    config_sha256: str,
    best: bool = False,
) -> Checkpoint:
    """Write a checkpoint; once this returns, it survives a kill and a power cut.

    Args:
        folder: The run's ``checkpoints`` folder, created if missing.
        step: Optimisation steps done.
        arrays: The full state; numbers, booleans or strings, no objects.
        save_weights: Writes the weights to the path it is given, as ``model.save_weights`` does.
        config_sha256: Hash of the run's configuration; `latest` accepts no other.
        best: Keep it until the next best one, however many follow.

    Raises:
        ZooError: A file cannot be written; names it, the reason and the last good checkpoint, which stays. Or the
            folder holds the checkpoints of another configuration.
    """
    folder = Path(folder)
    arrays = {name: _storable(name, array) for name, array in arrays.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_other_configuration(folder, config_sha256)
        _remove_unfinished(folder)
        stem = _free_stem(folder, step)
        state, weights = folder / f"{stem}.npz", folder / f"{stem}.weights.h5"
        files.replace(state, lambda path: _write_arrays(path, arrays))
        files.require_space(weights, state.stat().st_size + HDF5_OVERHEAD)
        files.replace(weights, save_weights)
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "step": step,
            "config_sha256": config_sha256,
            "best": best,
            "files": {path.name: files.fingerprint(path) for path in (state, weights)},
        }
        text = json.dumps(manifest, indent=1) + "\n"
        files.replace(folder / f"{stem}.json", lambda path: Path(path).write_text(text, encoding="utf-8"))
        checkpoint = Checkpoint(step, state, weights, best)
        _prune(folder, checkpoint, config_sha256)
    except OSError as error:
        with contextlib.suppress(OSError):  # give back the space; the error itself is raised below
            _remove_unfinished(folder)
        problem = f"{error.filename or folder}: cannot save step {step}: {files.reason(error)}"
        raise Failure(f"{problem}; {last_good(folder, config_sha256)}") from error
    return checkpoint


def latest(folder: str | os.PathLike, config_sha256: str) -> Checkpoint | None:
    """The newest intact checkpoint, or None where none was ever finished. Deletes and changes nothing.

    Args:
        folder: The run's ``checkpoints`` folder.
        config_sha256: Hash of the configuration of the run that wants to go on.

    Raises:
        ZooError: There are checkpoints, but all are damaged or belong to another configuration.
    """
    return _first_intact(_manifests(Path(folder)), config_sha256)


def of_run(run: Path, config_sha256: str) -> Checkpoint:
    """The newest intact checkpoint of the run in that folder.

    Raises:
        ZooError: It has none, or none of this configuration.
    """
    saved = latest(run / FOLDER, config_sha256)
    if saved is None:
        raise none_yet(run)
    return saved


def none_yet(run: Path) -> ZooError:
    """What to raise of a run that has no checkpoint."""
    return ZooError(f"{run}: expected a run with a checkpoint, this one has none yet")


def best(folder: str | os.PathLike, config_sha256: str) -> Checkpoint | None:
    """The newest intact checkpoint among those saved as the best, or None; raises as `latest` does."""
    flagged = [path for path in _manifests(Path(folder)) if _is_flagged_best(path)]
    return _first_intact(flagged, config_sha256)


def load(checkpoint: Checkpoint) -> tuple[int, dict[str, np.ndarray]]:
    """Step and state of a checkpoint that `latest` or `best` found."""
    return checkpoint.step, untrusted.read_arrays(checkpoint.state)


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "biufcUS":
        # Objects would need pickle, and NumPy stores types that it does not know (bfloat16) as raw bytes.
        raise ZooError(f"state {name!r} is of type {array.dtype}: expected numbers, booleans or strings")
    return array


def _write_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """As `numpy.savez`, with any name allowed and the same bytes for the same state (no time stamps)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _free_stem(folder: Path, step: int) -> str:
    stem, take = f"step-{step:06d}", 0
    while (folder / f"{stem}.json").exists():
        take += 1
        stem = f"step-{step:06d}-{take}"
    return stem


def _manifests(folder: Path) -> list[Path]:
    """Manifests, newest first."""
    found = []
    if folder.is_dir():
        for path in folder.iterdir():
            if match := _MANIFEST.fullmatch(path.name):
                found.append((int(match[1]), int(match[2] or 0), path))
    return [path for *_, path in sorted(found, reverse=True)]


def _read_manifest(path: Path) -> dict:
    """The manifest, or a ZooError that says why it cannot be one."""
    step = int(path.stem.split("-")[1])
    try:
        manifest = untrusted.parse_json(untrusted.read_text(path))
        written, version = manifest["step"], manifest["schema_version"]
        expected = {f"{path.stem}.npz", f"{path.stem}.weights.h5"}
        complete = set(manifest["files"]) == expected and {"config_sha256", "best"} <= set(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{path}: not a readable manifest ({type(error).__name__}: {error})") from error
    if version != SCHEMA_VERSION:
        raise ZooError(f"{path}: schema version {version}: expected {SCHEMA_VERSION}")
    if written != step or not complete:
        raise ZooError(f"{path}: is the manifest of step {written}: expected that of step {step} and its two files")
    return manifest


def _is_flagged_best(path: Path) -> bool:
    """Whether a manifest says so; one that cannot be read says nothing."""
    try:
        return bool(_read_manifest(path)["best"])
    except ZooError:
        return False


def _verified(path: Path, config_sha256: str) -> Checkpoint:
    """The checkpoint of a manifest, or a ZooError that says what is wrong with it."""
    manifest = _read_manifest(path)
    if manifest["config_sha256"] != config_sha256:
        found = str(manifest["config_sha256"])
        raise ZooError(f"{path}: belongs to configuration {found[:12]}: expected {config_sha256[:12]}")
    for name, expected in manifest["files"].items():
        try:
            actual = files.fingerprint(path.with_name(name))
        except OSError as error:
            raise ZooError(f"{path.with_name(name)}: {error.strerror}") from error
        if actual != expected:
            raise ZooError(f"{path.with_name(name)}: damaged: its size or SHA-256 is not that of its manifest")
    state, weights = path.with_name(f"{path.stem}.npz"), path.with_name(f"{path.stem}.weights.h5")
    return Checkpoint(manifest["step"], state, weights, manifest["best"])


def _first_intact(manifests: list[Path], config_sha256: str) -> Checkpoint | None:
    skipped: list[str] = []
    for path in manifests:
        try:
            return dataclasses.replace(_verified(path, config_sha256), skipped=tuple(skipped))
        except ZooError as error:
            skipped.append(str(error))
    if skipped:
        raise ZooError("no intact checkpoint: " + "; ".join(skipped))
    return None


def _refuse_other_configuration(folder: Path, config_sha256: str) -> None:
    """Never prune the checkpoints of another run. A damaged manifest among good ones is no other run."""
    others = []
    for path in _manifests(folder):
        try:
            found = str(_read_manifest(path)["config_sha256"])
        except ZooError:
            continue  # `latest` reports it; here only a readable one can belong to another run
        if found == config_sha256:
            return
        others.append(found)
    if others:
        raise ZooError(f"{folder}: belongs to configuration {others[0][:12]}: expected {config_sha256[:12]}")


def _remove_unfinished(folder: Path) -> None:
    """Delete what a killed save left: our temporary files, and files of a checkpoint without a manifest."""
    finished = {path.stem for path in _manifests(folder)}
    for path in list(folder.iterdir()):
        match = _OURS.fullmatch(path.name)
        if match and (match["temporary"] or match["stem"] not in finished):
            path.unlink()


def _prune(folder: Path, newest: Checkpoint, config_sha256: str) -> None:
    """Keep the newest checkpoint, the newest intact one before it, and the best; manifests go first."""
    others = [path for path in _manifests(folder) if path.stem != newest.state.stem]
    before = _intact_or_none(others, config_sha256)
    keep = {before.state.with_suffix(".json")} if before else set()
    if not newest.best:
        keep.update([path for path in others if _is_flagged_best(path)][:1])
    for path in others:
        if path not in keep:
            path.unlink()
    _remove_unfinished(folder)


def _intact_or_none(manifests: list[Path], config_sha256: str) -> Checkpoint | None:
    try:
        return _first_intact(manifests, config_sha256)
    except ZooError:
        return None


def last_good(folder: Path, config_sha256: str) -> str:
    """What a failed save leaves to go on from, in words."""
    checkpoint = _intact_or_none(_manifests(folder), config_sha256)
    return f"step {checkpoint.step} is still there to resume from" if checkpoint else "no checkpoint is there yet"
