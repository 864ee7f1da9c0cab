"""Configuration of a run: from ``key=value`` arguments, from its file, and back. Light: imports no backend."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from harness import settings, untrusted
from harness.keys import CHOICES, GROUPS, WHERE, General, canonical, field_of, require_key, sections_of
from harness.observables import choose, measurements
from harness.overrides import first_line, hydra_line, parse, split, values_of
from harness.settings import (
    DistributedSettings,
    EvaluateSettings,
    OptimizerSettings,
    PretrainSettings,
    SamplerSettings,
    TrainSettings,
)
from zoo import parameters, registry
from zoo.errors import ZooError
from zoo.systems import varbench
from zoo.systems.base import System

CONFIG_FILE = "config.yaml"


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that defines a run, with all defaults filled in.

    ``protocol`` is the protocol earned: ``open`` as soon as a part of the budget is not the named protocol's.
    ``pretrain`` is None for a model that starts from the mean field. ``hash_when_begun`` is set of a run whose file was
    written before some of the keys were there: its checkpoints bear that hash.
    """

    model_name: str
    model: dict[str, Any]
    system_name: str
    system: dict[str, Any]
    optimizer: OptimizerSettings
    sampler: SamplerSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    backend: str
    device: str
    devices: int | str
    precision: str
    seed: int
    protocol: str
    out: str
    init_from: str = ""
    pretrain: PretrainSettings | None = None
    hash_when_begun: str = dataclasses.field(default="", compare=False)

    def create_system(self) -> System:
        """The system that it describes."""
        return registry.create_system(self.system_name, **self.system)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, laid out like the keys of the command line: ``{"model": {"name": ..., KEY: ...}, ...}``."""
        optimizer = dataclasses.asdict(self.optimizer)
        optimizer.pop("optimizer", None)  # a Keras optimiser's settings hold its name, which is written as `name`
        plain = {
            "model": {"name": self.model_name, **self.model},
            "system": {"name": self.system_name, **self.system},
            "optimizer": {"name": self.optimizer.name, **optimizer},
            **({"pretrain": dataclasses.asdict(self.pretrain)} if self.pretrain is not None else {}),
            **{group: dataclasses.asdict(getattr(self, group)) for group in GROUPS},
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(General)},
        }
        if not self.init_from:  # the hash of runs that begin by themselves does not know of it
            del plain["init_from"]
        return json.loads(json.dumps(plain))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The inverse of `to_dict`; values that are left out take their defaults.

        Raises:
            ZooError: A name or key is unknown, or a value has the wrong type or range.
        """
        groups = {name: _mapping(name, values.get(name, {})) for name in (*CHOICES, *GROUPS, "pretrain")}
        names = {choice: canonical(choice, groups[choice].pop("name", CHOICES[choice])) for choice in CHOICES}
        general = {key: value for key, value in values.items() if key not in groups}
        return _build(names, {"": general, **groups})

    def to_yaml(self) -> str:
        """`to_dict` as YAML."""
        return OmegaConf.to_yaml(OmegaConf.create(self.to_dict()))

    @classmethod
    def read(cls, run: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
        """The configuration of a run, from its folder.

        Args:
            run: The folder.
            overrides: May hold ``devices=N``, for as many devices as it is to go on with.

        Raises:
            ZooError: The folder is no run, its ``config.yaml`` is damaged, or there is another key.
        """
        given = split(overrides)
        other = next((key for key in given if key != "devices"), None)
        if other is not None:
            raise ZooError(f"{other}={given[other]}: expected no keys but devices=N, the run in {run} keeps its own")
        path = Path(run) / CONFIG_FILE
        if not path.is_file():
            raise ZooError(f"{run}: expected the folder of a run, which holds {CONFIG_FILE}")
        try:
            values = untrusted.parse_yaml(untrusted.read_text(path, untrusted.MOST_YAML))
        except (OSError, ValueError) as error:
            raise ZooError(f"{path}: not readable as YAML: {first_line(error)}") from error
        if not isinstance(values, dict):
            raise ZooError(f"{path}: expected a mapping of keys to values")
        config = cls.from_dict({str(key): value for key, value in {**values, **given}.items()})
        written, filled_in = (dict(_flat(content)) for content in (values, config.to_dict()))
        newer = filled_in.keys() - written.keys() - set(WHERE)
        if newer and all(filled_in.get(key) == value for key, value in written.items() if key not in WHERE):
            config = dataclasses.replace(config, hash_when_begun=hash_of(values))
        return config

    @property
    def sha256(self) -> str:
        """Hash of everything but ``out`` and ``devices``: equal for runs that do the same."""
        return self.hash_when_begun or hash_of(self.to_dict())

    def changed_keys(self, other: RunConfig) -> list[str]:
        """``KEY=VALUE`` of the other configuration wherever it differs in anything but ``out`` and ``devices``."""
        mine, others = (dict(_flat(config.to_dict())) for config in (self, other))
        keys = [key for key in dict.fromkeys([*others, *mine]) if key not in WHERE]
        return [
            f"{key}={parameters.plain_text(others[key])}" if key in others else f"no {key}"
            for key in keys
            if mine.get(key) != others.get(key) or (key in mine) != (key in others)
        ]


def hash_of(values: Mapping[str, Any]) -> str:
    """`RunConfig.sha256` of a configuration as plain values, such as one that an older version has written."""
    content = {key: value for key, value in values.items() if key not in WHERE}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of the command line with their values; the name of a choice is that of the choice itself."""
    for key, value in values.items():
        if isinstance(value, Mapping) and not prefix:
            yield from _flat(value, f"{key}.")
        else:
            yield f"{prefix}{key}" if key != "name" else prefix.removesuffix("."), value


def compose(overrides: Sequence[str]) -> RunConfig:
    """The configuration that ``key=value`` arguments describe.

    Args:
        overrides: Such as ``["model=slater_jastrow", "system=quantum_dot_n2", "system.omega=0.5"]``.

    Raises:
        ZooError: An argument cannot be used; nothing heavy has been imported by then.
    """
    given = split(varbench.expand(overrides))
    names = {choice: _chosen(choice, given) for choice in CHOICES}
    values = {key: text for key, text in given.items() if key not in CHOICES}
    sections = sections_of(names)
    for key in values:
        require_key(key, sections)
    lines = [hydra_line(key, text, field_of(key, sections).hint) for key, text in values.items()]
    protocol = settings.PROTOCOLS.get(given.get("protocol", General.protocol))
    if protocol is not None:
        lines += [f"{key}={value}" for key, value in protocol.budget().items() if key not in given]
    return _build(names, values_of(sections, lines))


def evaluation(overrides: Sequence[str], config: RunConfig) -> dict[str, Any]:
    """What a further evaluation of a run is to do: the arguments of `harness.runs.evaluate` but the folder.

    Args:
        overrides: Such as ``["draws=400", "observables=all"]``; ``draws``, ``walkers`` and ``seed`` are those of the
            run where they name none, and no observables are measured beside the energy.
        config: The configuration of the run.

    Raises:
        ZooError: An argument cannot be used, or the system does not have an observable.
    """
    values = {"draws": config.evaluate.draws, "walkers": config.evaluate.walkers, "seed": config.seed, "thin": 0}
    given = split(overrides)
    observables = _names(given.pop("observables", ""))
    for key, text in given.items():
        if key not in values:
            raise parameters.unknown_key(key, {"": [*values, "observables", "devices"]})
        values[key] = parameters.convert(key, parse(hydra_line(key, text, int), int).value(), int)
    dataclasses.replace(config.evaluate, draws=values["draws"], walkers=values["walkers"])
    General(seed=values["seed"])
    choose(observables, config.create_system())
    if "thin" in given and not observables:
        raise ZooError(f"thin={given['thin']}: expected observables=... beside it, which it thins out")
    if observables:
        measurements(values["draws"], values["thin"])
    return {**values, "observables": observables}


def distributed(overrides: Sequence[str]) -> tuple[DistributedSettings | None, list[str]]:
    """The settings that keys ``distributed.KEY`` among the arguments give, if there are some; and the other arguments.

    Raises:
        ZooError: One is unknown or missing, or has a value that it cannot have.
    """
    mine = [override for override in overrides if override.startswith("distributed.")]
    others = [override for override in overrides if override not in mine]
    if not mine:
        return None, others
    fields = {f"distributed.{p.name}": p for p in parameters.parameters(DistributedSettings)}
    values = {}
    for key, text in split(mine).items():
        if key not in fields:
            raise parameters.unknown_key(key, {"distributed": [field.name for field in fields.values()]})
        values[fields[key].name] = parameters.convert(key, text, fields[key].hint)
    return DistributedSettings(**values), others


def _names(text: str) -> tuple[str, ...]:
    """``all``, a name, or names as in ``[a,b]``; quotes around them are a shell's."""
    return tuple(name for part in text.strip("[]() ").split(",") if (name := part.strip(" '\"")))


def _chosen(choice: str, given: Mapping[str, str]) -> str:
    """Canonical name of the model, system or optimiser that the arguments choose."""
    name = given.get(choice, CHOICES[choice]).strip()
    if "," in name:
        raise ZooError(f"{choice}={name}: expected one {choice}; `zoo compare` runs several models on one system")
    return canonical(choice, name)


def _build(names: Mapping[str, str], values: Mapping[str, Mapping[str, Any]]) -> RunConfig:
    """Check every value and fill in the defaults."""
    sections = sections_of(names)
    checked: dict[str, dict[str, Any]] = {}
    for section, entries in values.items():
        checked[section] = {}
        for field, value in entries.items():
            key = f"{section}.{field}" if section else field
            require_key(key, sections)
            checked[section][field] = parameters.convert(key, value, sections[section][field].hint)
    system = registry.create_system(names["system"], **checked["system"])
    model = registry.hyperparameters(names["model"], system.space, **checked["model"])
    groups = {group: schema(**checked[group]) for group, schema in GROUPS.items()}
    general = dataclasses.asdict(General(**checked[""]))
    for group in ("train", "evaluate") if general["devices"] != "all" else ():
        if groups[group].walkers % general["devices"]:
            walkers = f"{group}.walkers={groups[group].walkers}"
            raise ZooError(
                f"devices={general['devices']}: expected a divisor of {walkers}, to have equal shares of them"
            )
    general["protocol"] = "open" if general["init_from"] else _earned(general["protocol"], groups)
    return RunConfig(
        model_name=names["model"],
        model=json.loads(json.dumps(model)),
        system_name=names["system"],
        system=system.parameters(),
        optimizer=settings.optimizer_settings(names["optimizer"], **checked["optimizer"]),
        pretrain=PretrainSettings(**checked["pretrain"]) if "pretrain" in sections else None,
        **groups,
        **general,
    )


def _earned(protocol: str, groups: Mapping[str, Any]) -> str:
    """The protocol itself where every part of the budget is its own, else ``open``."""
    if protocol == "open":
        return protocol
    for key, value in settings.PROTOCOLS[protocol].budget().items():
        group, _, field = key.partition(".")
        if getattr(groups[group], field) != value:
            return "open"
    return protocol


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ZooError(f"{name}={parameters.plain_text(value)}: expected a mapping of keys to values")
    return dict(value)
