"""Names of models and systems, and what stands behind each.

Built-in entries come from ``zoo/models/<family>/spec.py`` and `zoo.systems.presets`. Other distributions add theirs
through the entry-point groups ``zoo.models`` and ``zoo.systems``, whose entry points load a spec or a list of specs:

    [project.entry-points."zoo.models"]
    my_model = "my_package.spec:SPEC"

A spec is light: it names the Keras class as ``"package.module:Class"``, which is imported when a model is built.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import importlib
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zoo import parameters
from zoo.errors import UnknownNameError, ZooError

if TYPE_CHECKING:
    import keras

    from zoo.systems.base import System

SPACES = ("continuum", "lattice")
OWN_DISTRIBUTION = "backflow-zoo"
BUILT_IN_MODELS = (
    *("slater_jastrow", "slater_jastrow_backflow", "neural_backflow", "transformer_backflow"),
    *("ferminet", "psiformer", "hidden_fermion", "pfaffian", "projected"),
)


class PluginWarning(UserWarning):
    """A plug-in could not be loaded and was left out."""


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A family of wavefunctions.

    Attributes:
        name: Name in the registry, lower case with underscores.
        summary: One line.
        rung: Place on the ladder of backflow, 1 (none) to 4; None for a family beside it.
        paper: Citation of the source.
        card: Markdown: formula, what it can and cannot do, costs.
        version: Raised when the same hyperparameters come to mean another function.
        targets: ``"package.module:Class"`` for each space, a class called as ``Class(system, **hyperparameters)``.
        configs: For each space the frozen dataclass of hyperparameters, all with defaults.
        aliases: Further names.
        distribution: Distribution it comes from; set by the registry for plug-ins.
        needs_pretraining: As the attribute of `zoo.wavefunction.Wavefunction`.
    """

    name: str
    summary: str
    rung: int | None
    paper: str
    card: str
    version: str
    targets: Mapping[str, str]
    configs: Mapping[str, type]
    aliases: tuple[str, ...] = ()
    distribution: str = OWN_DISTRIBUTION
    needs_pretraining: bool = False

    def __post_init__(self):
        for name in (self.name, *self.aliases):
            _require_name(name)
        if not self.targets or set(self.targets) - set(SPACES):
            raise ZooError(f"model {self.name!r}: targets={dict(self.targets)}: expected keys among {SPACES}")
        if set(self.targets) != set(self.configs):
            raise ZooError(f"model {self.name!r}: configs for {set(self.configs)}: expected {set(self.targets)}")
        for target in self.targets.values():
            if not re.fullmatch(r"[\w.]+:\w+", target):
                raise ZooError(f"model {self.name!r}: target {target!r}: expected 'package.module:Class'")
        if self.needs_pretraining and set(self.targets) != {"continuum"}:
            raise ZooError(f"model {self.name!r}: needs_pretraining=True: expected a model of the continuum alone")
        for config in self.configs.values():
            _require_schema(config, f"model {self.name!r}")

    def for_space(self, space: str) -> tuple[str, type]:
        """Target and hyperparameter dataclass for a space.

        Raises:
            ZooError: The model does not exist there; the message names the spaces and models that do.
        """
        if space not in self.targets:
            others = [name for name in list_models() if space in model_spec(name).targets]
            raise ZooError(
                f"model={self.name} covers {' and '.join(self.targets)} systems, not {space} ones: "
                f"for {space} expected one of {', '.join(others)}"
            )
        return self.targets[space], self.configs[space]


@dataclasses.dataclass(frozen=True)
class SystemSpec:
    """A system with its preset parameters.

    Attributes:
        name: Name in the registry.
        summary: One line.
        system: The family: a light frozen dataclass.
        defaults: Preset parameters; the others keep the defaults of the dataclass.
        version: Raised when the same parameters come to mean another Hamiltonian.
        distribution: Distribution it comes from; set by the registry for plug-ins.
    """

    name: str
    summary: str
    system: type[System]
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    version: str = "1"
    distribution: str = OWN_DISTRIBUTION

    def __post_init__(self):
        _require_name(self.name)
        _require_schema(self.system, f"system {self.name!r}")

    @property
    def family(self) -> str:
        return self.system.family

    @property
    def space(self) -> str:
        return self.system.space

    def create(self, **values: Any) -> System:
        """The system, with some of its parameters changed; raises as `create_system` does."""
        return parameters.build(self.system, {**self.defaults, **values}, "system")


def list_models(pattern: str | None = None) -> list[str]:
    """Names of models in alphabetical order, those matching a pattern such as ``"*backflow*"`` if one is given."""
    return _MODELS.names(pattern)


def list_systems(pattern: str | None = None) -> list[str]:
    """Names of systems in alphabetical order, those matching a pattern such as ``"hubbard*"`` if one is given."""
    return _SYSTEMS.names(pattern)


def model_spec(name: str) -> ModelSpec:
    """The model of that name or alias; `UnknownNameError` if there is none."""
    return _MODELS.find(name)


def system_spec(name: str) -> SystemSpec:
    """The system of that name, or of a name as `zoo.systems.varbench` reads them; `UnknownNameError` if there is none.

    Names of VarBench stand for a family with parameters, so their spec has the name of the family.
    """
    from zoo.systems import varbench

    if not varbench.is_name(name) or _SYSTEMS.has(name):
        return _SYSTEMS.find(name)
    family, values = varbench.parse(name)
    return dataclasses.replace(_SYSTEMS.find(family.family), summary=f"VarBench's {name}", defaults=values)


def register_model(spec: ModelSpec) -> None:
    """Add a model for this process; `ZooError` if a name is taken."""
    _MODELS.register(spec)


def register_system(spec: SystemSpec) -> None:
    """Add a system for this process; `ZooError` if its name is taken."""
    _SYSTEMS.register(spec)


def create_system(name: str, /, **values: Any) -> System:
    """A system by name, with some of its parameters changed.

    Args:
        name: A preset (``"hubbard_4x4"``), a family (``"hubbard"``) or a name of VarBench (``"square_16_P_5_4"``).
        **values: Parameters, by the names that `zoo show NAME` lists.

    Raises:
        UnknownNameError: No such system, or no such parameter.
        ZooError: A value of the wrong type or out of range.
    """
    return system_spec(name).create(**values)


def hyperparameters(name: str, space: str, /, **values: Any) -> dict[str, Any]:
    """Every hyperparameter of a model on that space, checked, with defaults filled in."""
    _, schema = model_spec(name).for_space(space)
    config = parameters.build(schema, values, "model")
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def create_model(name: str, system: System, /, **values: Any) -> keras.Model:
    """A wavefunction by name, built for a system: a `keras.Model`.

    Args:
        name: Name or alias of a model.
        system: What it is to describe.
        **values: Hyperparameters, by the names that `zoo show NAME` lists.

    Raises:
        UnknownNameError: No such model, or no such hyperparameter.
        ZooError: The model does not exist for such systems, or a hyperparameter has the wrong type or range.
    """
    target, _ = model_spec(name).for_space(system.space)
    checked = hyperparameters(name, system.space, **values)
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)(system, **checked)


Spec = TypeVar("Spec", ModelSpec, SystemSpec)


class _Table(Generic[Spec]):
    """Specs of one kind by name; built-in ones and plug-ins are read on first use."""

    def __init__(self, kind: str, spec_type: type[Spec], built_in: Callable[[], Iterable[Spec]]):
        self.kind = kind
        self._spec_type: type[Spec] = spec_type
        self._built_in: Callable[[], Iterable[Spec]] = built_in
        self._by_name: dict[str, Spec] | None = None

    def find(self, name: str) -> Spec:
        known = self._loaded()
        if name not in known:
            raise UnknownNameError(self.kind, name, known)
        return known[name]

    def has(self, name: str) -> bool:
        return name in self._loaded()

    def names(self, pattern: str | None) -> list[str]:
        names = sorted({spec.name for spec in self._loaded().values()})
        return names if pattern is None else fnmatch.filter(names, pattern)

    def register(self, spec: Spec) -> None:
        self._add(self._loaded(), spec)

    def _loaded(self) -> dict[str, Spec]:
        if self._by_name is None:
            found: dict[str, Spec] = {}
            for spec in self._built_in():
                self._add(found, spec)
            for spec in self._plugged_in():
                self._add(found, spec)
            self._by_name = found
        return self._by_name

    def _plugged_in(self) -> Iterable[Spec]:
        for entry in sorted(metadata.entry_points(group=f"zoo.{self.kind}s"), key=lambda e: e.name):
            distribution = entry.dist.name if entry.dist else "an unknown distribution"
            try:
                loaded = entry.load()
                specs = [loaded] if isinstance(loaded, self._spec_type) else list(loaded)
                for spec in specs:
                    if not isinstance(spec, self._spec_type):
                        raise TypeError(f"{spec!r} is no {self._spec_type.__name__}")
            except Exception as error:
                warnings.warn(
                    f"{self.kind} plug-in {entry.name!r} of {distribution} left out: {type(error).__name__}: {error}",
                    PluginWarning,
                    stacklevel=2,
                )
                continue
            yield from (dataclasses.replace(spec, distribution=distribution) for spec in specs)

    def _add(self, known: dict[str, Spec], spec: Spec) -> None:
        names = (spec.name, *getattr(spec, "aliases", ()))
        for name in names:
            if name in known:
                raise ZooError(
                    f"{self.kind} {name!r} is registered twice, by {known[name].distribution} and by "
                    f"{spec.distribution}: expected one, rename or uninstall the other"
                )
        known.update(dict.fromkeys(names, spec))


def _built_in_models() -> Iterable[ModelSpec]:
    modules = [importlib.import_module(f"zoo.models.{family}.spec") for family in BUILT_IN_MODELS]
    return [spec for module in modules for spec in getattr(module, "SPECS", None) or (module.SPEC,)]


def _built_in_systems() -> Iterable[SystemSpec]:
    return importlib.import_module("zoo.systems.presets").SPECS


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ZooError(f"name {name!r}: expected lower-case letters, digits and underscores")


def _require_schema(schema: type, owner: str) -> None:
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        raise ZooError(f"{owner}: {schema!r}: expected a dataclass")
    for field in dataclasses.fields(schema):
        if field.name == "name":  # `name` is the name of the model or system itself in config.yaml
            raise ZooError(f"{owner}: a parameter called 'name': expected another name")
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ZooError(f"{owner}: parameter {field.name!r} without a default: expected one")


_MODELS: _Table[ModelSpec] = _Table("model", ModelSpec, _built_in_models)
_SYSTEMS: _Table[SystemSpec] = _Table("system", SystemSpec, _built_in_systems)
