"""Configuration of a run from ``key=value`` arguments; every call to Hydra is here. Light: imports no backend.

Keys are fields of dataclasses: ``model.KEY`` of the model's hyperparameters on the space of the chosen system,
``system.KEY`` of the system, and ``sampler``, ``train``, ``evaluate`` and ``optimizer`` of `harness.settings`; also
``pretrain``, for models that need pretraining.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness import settings
from harness.observables import choose, measurements
from harness.settings import EvaluateSettings, OptimizerSettings, PretrainSettings, SamplerSettings, TrainSettings
from zoo import parameters, registry
from zoo.errors import UnknownNameError, ZooError
from zoo.systems import varbench
from zoo.systems.base import System

CONFIG_FILE = "config.yaml"
PROTOCOL_NAMES = (*settings.PROTOCOLS, "open")
_GROUPS = {"sampler": SamplerSettings, "train": TrainSettings, "evaluate": EvaluateSettings}
_CHOICES = {"model": "", "system": "", "optimizer": "spring"}  # with their defaults
Sections = Mapping[str, dict[str, parameters.Parameter]]
_HYDRA = threading.Lock()  # Hydra keeps global state


@dataclasses.dataclass(frozen=True)
class General:
    """Keys of the command line that belong to no group.

    Attributes:
        backend: ``tensorflow`` or ``jax``.
        device: ``auto`` takes an accelerator where there is one; ``cpu``, ``gpu`` or ``tpu``.
        precision: ``float64`` or ``float32``, of the wavefunction.
        seed: Seed of every random number, 0 to 2^32 - 1.
        protocol: Budget: ``smoke``, ``laptop``, ``accelerator``, or ``open`` for one of your own.
        out: Folder under which runs are kept.
        init_from: Folder of a run whose weights the model takes over where names and shapes agree; none if empty.
    """

    backend: str = "tensorflow"
    device: str = "auto"
    precision: str = "float64"
    seed: int = 0
    protocol: str = "laptop"
    out: str = "runs"
    init_from: str = ""

    def __post_init__(self):
        for key, known in (
            ("backend", settings.BACKENDS),
            ("device", settings.DEVICES),
            ("precision", settings.PRECISIONS),
            ("protocol", PROTOCOL_NAMES),
        ):
            if getattr(self, key) not in known:
                raise UnknownNameError(key, getattr(self, key), known)
        if (self.backend, self.device) == ("tensorflow", "tpu"):
            raise ZooError("device=tpu: expected backend=jax, TensorFlow runs here on cpu and gpu only")
        if not 0 <= self.seed < 2**32:
            raise ZooError(f"seed={self.seed}: expected an integer from 0 to 4294967295")
        if not self.out.strip():
            raise ZooError("out=: expected the name of a folder")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that defines a run, with all defaults filled in.

    ``protocol`` is the protocol earned: ``open`` as soon as a part of the budget is not the named protocol's.
    ``pretrain`` is None for a model that starts from the mean field.
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
    precision: str
    seed: int
    protocol: str
    out: str
    init_from: str = ""
    pretrain: PretrainSettings | None = None

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
            **{group: dataclasses.asdict(getattr(self, group)) for group in _GROUPS},
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
        groups = {name: _mapping(name, values.get(name, {})) for name in (*_CHOICES, *_GROUPS, "pretrain")}
        names = {choice: _canonical(choice, groups[choice].pop("name", _CHOICES[choice])) for choice in _CHOICES}
        general = {key: value for key, value in values.items() if key not in groups}
        return _build(names, {"": general, **groups})

    def to_yaml(self) -> str:
        """`to_dict` as YAML."""
        return OmegaConf.to_yaml(OmegaConf.create(self.to_dict()))

    @classmethod
    def read(cls, run: str | Path) -> RunConfig:
        """The configuration of a run, from its folder.

        Raises:
            ZooError: The folder is no run, or its ``config.yaml`` is damaged.
        """
        path = Path(run) / CONFIG_FILE
        if not path.is_file():
            raise ZooError(f"{run}: expected the folder of a run, which holds {CONFIG_FILE}")
        import yaml

        try:
            values = OmegaConf.to_container(OmegaConf.load(path))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, OmegaConfBaseException) as error:
            raise ZooError(f"{path}: not readable as YAML: {_first_line(error)}") from error
        if not isinstance(values, dict):
            raise ZooError(f"{path}: expected a mapping of keys to values")
        return cls.from_dict({str(key): value for key, value in values.items()})

    @property
    def sha256(self) -> str:
        """Hash of everything but ``out``: equal for runs that do the same."""
        content = {key: value for key, value in self.to_dict().items() if key != "out"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def changed_keys(self, other: RunConfig) -> list[str]:
        """``KEY=VALUE`` of the other configuration wherever it differs in anything but ``out``."""
        mine, others = (dict(_flat(config.to_dict())) for config in (self, other))
        keys = [key for key in dict.fromkeys([*others, *mine]) if key != "out"]
        return [
            f"{key}={parameters.plain_text(others[key])}" if key in others else f"no {key}"
            for key in keys
            if mine.get(key) != others.get(key) or (key in mine) != (key in others)
        ]


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
    given = _split(varbench.expand(overrides))
    names = {choice: _chosen(choice, given) for choice in _CHOICES}
    values = {key: text for key, text in given.items() if key not in _CHOICES}
    sections = _sections(names)
    for key in values:
        _require_key(key, sections)
    lines = [_hydra_line(key, text, _field(key, sections).hint) for key, text in values.items()]
    protocol = settings.PROTOCOLS.get(given.get("protocol", General.protocol))
    if protocol is not None:
        lines += [f"{key}={value}" for key, value in protocol.budget().items() if key not in given]
    return _build(names, _compose(names, sections, lines))


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
    given = _split(overrides)
    observables = _names(given.pop("observables", ""))
    for key, text in given.items():
        if key not in values:
            raise parameters.unknown_key(key, {"": [*values, "observables"]})
        values[key] = parameters.convert(key, _parse(_hydra_line(key, text, int), int).value(), int)
    dataclasses.replace(config.evaluate, draws=values["draws"], walkers=values["walkers"])
    General(seed=values["seed"])
    choose(observables, config.create_system())
    if "thin" in given and not observables:
        raise ZooError(f"thin={given['thin']}: expected observables=... beside it, which it thins out")
    if observables:
        measurements(values["draws"], values["thin"])
    return {**values, "observables": observables}


def _names(text: str) -> tuple[str, ...]:
    """``all``, a name, or names as in ``[a,b]``; quotes around them are a shell's."""
    return tuple(name for part in text.strip("[]() ").split(",") if (name := part.strip(" '\"")))


def _split(overrides: Sequence[str]) -> dict[str, str]:
    """Keys and their values as typed."""
    given: dict[str, str] = {}
    for override in overrides:
        if override[:1] in ("+", "~"):
            raise ZooError(f"{override}: keys cannot be added or deleted: expected KEY=VALUE without {override[0]}")
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise ZooError(f"{override or repr(override)}: expected KEY=VALUE, such as train.steps=100")
        if key in given:
            raise ZooError(f"{key}={given[key]} and {key}={text}: expected one value for {key}")
        given[key] = text
    return given


def _chosen(choice: str, given: Mapping[str, str]) -> str:
    """Canonical name of the model, system or optimiser that the arguments choose."""
    name = given.get(choice, _CHOICES[choice]).strip()
    if "," in name:
        raise ZooError(f"{choice}={name}: expected one {choice}; `zoo compare` runs several models on one system")
    return _canonical(choice, name)


def _canonical(choice: str, name: Any) -> str:
    known = {
        "model": registry.list_models,
        "system": registry.list_systems,
        "optimizer": lambda: [*settings.NATURAL_GRADIENTS, *settings.KERAS_OPTIMIZERS],
    }[choice]()
    if not name or not isinstance(name, str):
        raise ZooError(f"{choice}=NAME is missing: expected one of {', '.join(known)}")
    if choice == "model":
        return registry.model_spec(name).name
    if name not in known:
        raise UnknownNameError(choice, name, known)
    return name


def _sections(names: Mapping[str, str]) -> Sections:
    """Every key that these choices allow; the section ``""`` holds the keys without a dot."""
    spec = registry.system_spec(names["system"])
    _, model = registry.model_spec(names["model"]).for_space(spec.space)
    optimizer = settings.NATURAL_GRADIENTS.get(names["optimizer"], settings.KerasOptimizerSettings)
    schemas = {"": General, "model": model, "system": spec.system, "optimizer": optimizer, **_GROUPS}
    if registry.model_spec(names["model"]).needs_pretraining:
        schemas["pretrain"] = PretrainSettings
    sections = {name: {p.name: p for p in parameters.parameters(schema)} for name, schema in schemas.items()}
    sections["optimizer"].pop("optimizer", None)  # the name of a Keras optimiser is the choice itself
    for key, value in spec.defaults.items():
        sections["system"][key] = dataclasses.replace(sections["system"][key], default=value)
    return sections


def _field(key: str, sections: Sections) -> parameters.Parameter:
    section, _, field = key.rpartition(".")
    return sections[section][field]


def _require_key(key: str, sections: Sections) -> None:
    section, dot, field = key.rpartition(".")
    if section == "pretrain" and section not in sections:
        pretrained = [name for name in registry.list_models() if registry.model_spec(name).needs_pretraining]
        raise ZooError(f"{key}: this model starts from the mean field: expected it with {', '.join(pretrained)}")
    if key in sections and key:
        raise ZooError(f"{key} is a group of keys: expected {key}.KEY=VALUE, KEY one of {', '.join(sections[key])}")
    if section not in sections or field not in sections[section] or (dot and not section):
        raise parameters.unknown_key(key, sections)


def _hydra_line(key: str, text: str, hint: Any) -> str:
    """One argument in Hydra's grammar; text values are quoted, since users only quote for their shell."""
    line = f"{key}={text}"
    mapping = hint is dict or typing.get_origin(hint) is dict
    if hint is str or (str in typing.get_args(hint) and not mapping and text != "null"):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        listed = "," in text and not any(mark in text for mark in "; \t")
        if not quoted and not listed:
            return f"{key}={QuotedString(text, Quote.single).with_quotes()}"
    if _parse(line, hint).is_sweep_override():
        raise ZooError(f"{line}: expected one value, not several: run them one by one")
    return f"++{line}" if mapping else line


def _parse(line: str, hint: Any) -> Override:
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException as error:
        raise ZooError(f"{line}: expected {parameters.in_words(hint)}") from error


def _compose(names: Mapping[str, str], sections: Sections, lines: list[str]) -> dict[str, dict[str, Any]]:
    """Values of all sections, with Hydra's overrides applied to the defaults."""
    nodes = {name: {p.name: p.default for p in fields.values()} for name, fields in sections.items()}
    general = nodes.pop("")
    with _HYDRA:
        store = ConfigStore.instance()
        for choice in _CHOICES:
            store.store(group=choice, name=names[choice], node=nodes.pop(choice))
        defaults = [*({choice: names[choice]} for choice in _CHOICES), "_self_"]
        store.store(name="zoo_run", node={"defaults": defaults, **nodes, **general})
        running = GlobalHydra.instance().hydra  # that of a program which uses Hydra itself
        GlobalHydra.instance().clear()
        try:
            with hydra.initialize(version_base="1.3", config_path=None):
                composed = OmegaConf.to_container(hydra.compose("zoo_run", overrides=lines), resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            cause = error.__cause__ or error
            key = getattr(cause, "full_key", None)
            raise ZooError(f"{key}: {_first_line(cause)}" if key else _first_line(cause)) from error
        finally:
            GlobalHydra.instance().hydra = running
    assert isinstance(composed, dict)
    values = {name: composed.pop(name) for name in sections if name}
    return {"": composed, **values}


def _build(names: Mapping[str, str], values: Mapping[str, Mapping[str, Any]]) -> RunConfig:
    """Check every value and fill in the defaults."""
    sections = _sections(names)
    checked: dict[str, dict[str, Any]] = {}
    for section, entries in values.items():
        checked[section] = {}
        for field, value in entries.items():
            key = f"{section}.{field}" if section else field
            _require_key(key, sections)
            checked[section][field] = parameters.convert(key, value, sections[section][field].hint)
    system = registry.create_system(names["system"], **checked["system"])
    model = registry.hyperparameters(names["model"], system.space, **checked["model"])
    groups = {group: schema(**checked[group]) for group, schema in _GROUPS.items()}
    general = dataclasses.asdict(General(**checked[""]))
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


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
