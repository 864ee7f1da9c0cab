"""A suite as its file describes it: which runs, and the cheapest first."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from pathlib import Path

from harness.config import RunConfig, compose
from zoo.errors import UnknownNameError, ZooError

FOLDER = Path(__file__).parent
_FIXED = ("model", "system", "seed", "protocol", "init_from")
"""Keys, and groups of keys, that are the suite's own."""


@dataclasses.dataclass(frozen=True)
class Member:
    """A system of a suite.

    Attributes:
        keys: What makes the system, such as ``("system=hubbard_4x4", "system.u=8")``.
        seconds: Rough length of one run of each model.
    """

    keys: tuple[str, ...]
    seconds: tuple[float, ...]

    @property
    def label(self) -> str:
        """Such as ``hubbard_4x4-u8``, for the name of a folder."""
        return "-".join(
            value if key == "system" else f"{key.removeprefix('system.')}{value}"
            for key, _, value in (argument.partition("=") for argument in self.keys)
        )


@dataclasses.dataclass(frozen=True)
class Planned:
    """One run of a suite.

    Attributes:
        overrides: Arguments of ``zoo run``.
        config: What they give.
        label: Of the system.
        seconds: Rough length.
    """

    overrides: tuple[str, ...]
    config: RunConfig
    label: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Suite:
    """Every model on every system with every seed.

    Attributes:
        name: Name of its file.
        summary: One line.
        keys: Arguments that all runs have.
        models, seeds, systems: What is combined.
    """

    name: str
    summary: str
    keys: tuple[str, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...]
    systems: tuple[Member, ...]

    def runs(self, further: Sequence[str] = ()) -> list[Planned]:
        """All runs, the cheapest first.

        Args:
            further: Arguments for all of them, such as ``["backend=jax"]``.

        Raises:
            ZooError: An argument cannot be used, or is for the suite to set.
        """
        for argument in further:
            key = argument.partition("=")[0]
            if key.partition(".")[0] in _FIXED:
                raise ZooError(f"{argument}: the suite {self.name} sets this: expected other keys, as in backend=jax")
        planned = []
        for member in self.systems:
            common = (*member.keys, *self.keys)
            # Hydra takes its time: once for each system, since models are here with their default settings.
            values = compose([f"model={self.models[0]}", *common, *further]).to_dict()
            for model, seconds in zip(self.models, member.seconds, strict=True):
                for seed in self.seeds:
                    config = RunConfig.from_dict({**values, "model": {"name": model}, "seed": seed})
                    overrides = (f"model={model}", *common, *further, f"seed={seed}")
                    planned.append(Planned(overrides, config, member.label, seconds))
        return sorted(planned, key=lambda run: run.seconds)


def names() -> list[str]:
    """Names of all suites."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Suite:
    """The suite of that name; `UnknownNameError` if there is none."""
    if name not in names():
        raise UnknownNameError("suite", name, names())
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return Suite(
        name=name,
        summary=content["summary"],
        keys=tuple(content["keys"]),
        models=tuple(content["models"]),
        seeds=tuple(content["seeds"]),
        systems=tuple(Member(tuple(s["keys"]), tuple(s["seconds"])) for s in content["systems"]),
    )
