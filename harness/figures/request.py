"""What is to be drawn of which runs, checked before anything heavy is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.config import RunConfig
from harness.figures.style import file_format
from harness.files import check_writable
from harness.saved import Saved, find
from zoo.errors import ZooError, suggestion
from zoo.systems.base import ContinuumSystem

PLANES = ("xy", "xz", "yz")


@dataclasses.dataclass(frozen=True)
class Request:
    """A figure of runs on one system in continuous space.

    Attributes:
        folders: Folders of the runs; the first one gives the configuration.
        saved: Their weights, in the same order.
        system: The system of all of them.
        path: The file to write, SVG or PNG.
        walker: Which walker of the first run is the configuration, from 0.
        electron: The electron that moves, from 0, spin up first; of no concern where none does.
        plane: ``xy``, ``xz`` or ``yz``; None chooses.
    """

    folders: tuple[Path, ...]
    saved: tuple[Saved, ...]
    system: ContinuumSystem
    path: Path
    walker: int
    electron: int
    plane: str | None

    @classmethod
    def of(
        cls,
        folders: Sequence[str | Path],
        name: str,
        output: str | Path | None = None,
        walker: int = 0,
        electron: int = 0,
        plane: str | None = None,
    ) -> Request:
        """The request, with everything checked that takes no backend.

        Args:
            folders: Folders of runs, one or more.
            name: Name of the figure: without ``output`` it becomes ``NAME.svg`` in the first folder, or, where that is
                a result of a leaderboard, to which nothing may be added, in the current one.
            output: The file to write; its suffix chooses SVG or PNG.
            walker, electron, plane: As the attributes.

        Raises:
            ZooError: A folder is no run or has no weights, the systems differ or are lattices, a number is out of
                range, or the file cannot be written.
        """
        paths = tuple(map(Path, folders))
        configs = tuple(map(RunConfig.read, paths))
        systems: list[Any] = [config.create_system() for config in configs]
        for folder, config, system in zip(paths, configs, systems, strict=True):
            if system.space != "continuum":
                raise ZooError(
                    f"{folder}: {config.system_name} is a lattice: expected a run of a system in continuous space"
                )
            if system.sha256 != systems[0].sha256:
                raise ZooError(
                    f"{folder}: is a run on {_in_words(system)}: expected {_in_words(systems[0])}, as in {paths[0]}"
                )
        system = systems[0]
        walkers = configs[0].train.walkers
        if not 0 <= walker < walkers:
            raise ZooError(f"--walker {walker}: expected 0 to {walkers - 1}, as the run has {walkers} walkers")
        if not 0 <= electron < system.n_electrons:
            raise ZooError(
                f"--electron {electron}: expected 0 to {system.n_electrons - 1}, of {system.n_up} up, then "
                f"{system.n_down} down"
            )
        if plane is not None:
            if system.dim == 2:
                raise ZooError(f"--plane {plane}: expected none, as the system has two dimensions")
            if plane not in PLANES:
                raise ZooError(f"--plane {plane}: unknown plane{suggestion(plane, PLANES)}")
        if output is not None:
            file_format(Path(output))
        saved = tuple(map(find, paths, configs))
        home = paths[0] if saved[0].state is not None else Path()
        path = Path(output) if output is not None else home / f"{name}.svg"
        check_writable(path.parent)
        return cls(paths, saved, system, path, walker, electron, plane)

    @property
    def labels(self) -> list[str]:
        """A name for each run: that of its model, with that of its folder where two have one model."""
        names = [saved.config.model_name for saved in self.saved]
        return [
            f"{name} {folder.resolve().name}" if names.count(name) > 1 else name
            for name, folder in zip(names, self.folders, strict=True)
        ]


def _in_words(system: ContinuumSystem) -> str:
    values = " ".join(f"{name}={value}" for name, value in system.hamiltonian().items())
    return f"{system.family} {values}"
