"""Figures of observables that were measured: curves of wave vectors and distances, and maps of the Brillouin zone.

Drawn from ``observables.json`` alone: no backend is loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from harness.config import RunConfig
from harness.figures.observables_drawing import Measured, draw
from harness.figures.style import file_format
from harness.files import check_writable
from harness.observables import FILE, ObservablesFile, read_observables
from zoo.errors import ZooError
from zoo.systems.base import LatticeSystem

EVALUATIONS = "evaluations"


def observables_figure(path: str | Path, measured: Sequence[tuple[str, ObservablesFile]], config: RunConfig) -> None:
    """Draw every observable of the first file, and beside it that of the others.

    Args:
        path: The file to write, SVG or PNG.
        measured: A name and what was measured, for each run on one system.
        config: Configuration of a run on that system.
    """
    system = config.create_system()
    assert isinstance(system, LatticeSystem)
    title = f"{measured[0][0] if len(measured) == 1 else 'Observables'} on {config.system_name}"
    draw(Path(path), title, system.geometry, [Measured.of(label, content) for label, content in measured])


def plot_observables(folders: Sequence[str | Path], output: str | Path | None = None) -> Path:
    """Draw the newest measured observables of runs on one system.

    Args:
        folders: Folders of runs, or of single evaluations of runs.
        output: The file to write; by default ``observables.svg`` in the first folder.

    Returns:
        The file.

    Raises:
        ZooError: A folder is no run, holds no observables, the systems differ, or the file cannot be written.
    """
    found = [_Source.of(Path(folder)) for folder in folders]
    first = found[0]
    for source in found:
        if source.content.system.sha256 != first.content.system.sha256:
            raise ZooError(
                f"{source.folder}: is a run on {source.config.system_name} of other parameters than {first.folder}: "
                "expected runs on one system"
            )
    path = Path(output) if output is not None else Path(folders[0]) / "observables.svg"
    file_format(path)
    check_writable(path.parent)
    names = [source.content.model for source in found]
    labels = [
        f"{name} {source.folder.resolve().name}" if names.count(name) > 1 else name
        for name, source in zip(names, found, strict=True)
    ]
    observables_figure(path, list(zip(labels, (s.content for s in found), strict=True)), first.config)
    return path


@dataclasses.dataclass(frozen=True)
class _Source:
    """A folder, the run that it belongs to, and what was measured."""

    folder: Path
    config: RunConfig
    content: ObservablesFile

    @classmethod
    def of(cls, folder: Path) -> _Source:
        if (folder / FILE).is_file():  # a single evaluation
            return cls(folder, RunConfig.read(folder.parent.parent), read_observables(folder / FILE))
        config = RunConfig.read(folder)
        return cls(folder, config, read_observables(newest(folder)))


def newest(folder: str | Path) -> Path:
    """The file of the observables that were measured last in a run; `ZooError` if there is none."""
    files = sorted((Path(folder) / EVALUATIONS).glob(f"*/{FILE}"))
    if not files:
        raise ZooError(f"{folder}: no observables were measured: expected `zoo evaluate {folder} observables=all`")
    return files[-1]
