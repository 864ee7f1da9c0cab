"""From ``model=a,b seed=range(0,3)`` to the arguments of single runs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from harness.config import RunConfig, compose
from zoo.errors import UnknownNameError, ZooError

LAUNCHERS = ("local", "slurm")
_MOST = 10_000
"""Runs in a sweep: more is a slip of the keyboard."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How a sweep is carried out, by the keys that are not those of a run.

    Attributes:
        jobs: Runs at a time.
        launcher: ``local``, or ``slurm``.
        slurm: Parameters of submitit, such as ``{"partition": "gpu", "timeout_min": 120}``.
    """

    jobs: int = 1
    launcher: str = "local"
    slurm: dict[str, str | int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.jobs < 1:
            raise ZooError(f"jobs={self.jobs}: expected 1 or more")
        if self.launcher not in LAUNCHERS:
            raise UnknownNameError("launcher", self.launcher, LAUNCHERS)
        if self.slurm and self.launcher != "slurm":
            raise ZooError(f"slurm.{next(iter(self.slurm))}: expected launcher=slurm beside it")

    @classmethod
    def take(cls, arguments: Sequence[str]) -> tuple[Options, list[str]]:
        """The options among the arguments, and the other arguments."""
        options: dict[str, Any] = {}
        slurm: dict[str, str | int] = {}
        others = []
        for argument in arguments:
            key, _, text = argument.partition("=")
            if key.startswith("slurm."):
                slurm[key.removeprefix("slurm.")] = int(text) if text.isdigit() else text
            elif key == "launcher":
                options[key] = text
            elif key == "jobs":
                options[key] = _whole(key, text)
            else:
                others.append(argument)
        return cls(**options, slurm=slurm), others


def expand(arguments: Sequence[str]) -> list[tuple[tuple[str, ...], RunConfig]]:
    """The arguments of each run with the configuration that they give, the last key varying fastest.

    Several values are separated by commas, ``model=sj,sjb``, or are a range as Hydra writes it, ``seed=range(0,3)``.
    All configurations are checked before anything runs.

    Raises:
        ZooError: A configuration cannot be used, names the run; or two runs are the same.
    """
    choices = [[f"{key}={value}" for value in _values(argument)] for argument in arguments for key in [_key(argument)]]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > _MOST:
        raise ZooError(f"{count} runs: expected at most {_MOST} in a sweep")
    runs: dict[str, tuple[tuple[str, ...], RunConfig]] = {}
    for overrides in itertools.product(*choices):
        try:
            config = compose(overrides)
        except ZooError as error:
            raise ZooError(f"{' '.join(overrides)}: {error}" if count > 1 else str(error)) from error
        if config.sha256 in runs:
            raise ZooError(f"{' '.join(overrides)}: the same run as {' '.join(runs[config.sha256][0])}")
        runs[config.sha256] = overrides, config
    return list(runs.values())


def _key(argument: str) -> str:
    key, equals, _ = argument.partition("=")
    if not equals or not key.strip():
        raise ZooError(f"{argument or repr(argument)}: expected KEY=VALUE, such as seed=range(0,3)")
    return key


def _values(argument: str) -> list[str]:
    """The values that one argument stands for; text that is not in Hydra's grammar is a single one."""
    _, _, text = argument.partition("=")
    try:
        override = OverridesParser.create().parse_override(argument)
    except HydraException:
        return [text]
    if not override.is_sweep_override():
        return [text]
    if override.is_interval_sweep():
        raise ZooError(f"{argument}: expected values, as in 1,2,3, or range(start,stop,step)")
    return list(override.sweep_string_iterator())


def _whole(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ZooError(f"{key}={text}: expected a whole number") from None
