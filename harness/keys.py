"""The keys of a run's configuration: which there are for a choice of model, system and optimiser.

Keys are fields of dataclasses: ``model.KEY`` of the model's hyperparameters on the space of the chosen system,
``system.KEY`` of the system, and ``sampler``, ``train``, ``evaluate`` and ``optimizer`` of `harness.settings`; also
``pretrain``, for models that need pretraining.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness import settings
from harness.settings import EvaluateSettings, PretrainSettings, SamplerSettings, TrainSettings
from zoo import parameters, registry
from zoo.errors import UnknownNameError, ZooError

PROTOCOL_NAMES = (*settings.PROTOCOLS, "open")
GROUPS = {"sampler": SamplerSettings, "train": TrainSettings, "evaluate": EvaluateSettings}
CHOICES = {"model": "", "system": "", "optimizer": "spring"}
"""Groups of which one is chosen by its name, with their defaults."""
WHERE = ("out", "devices")
"""Keys that say where a run is made, and not what it is."""
Sections = Mapping[str, dict[str, parameters.Parameter]]
"""Keys of each group; the section ``""`` holds those without a dot."""


@dataclasses.dataclass(frozen=True)
class General:
    """Keys of the command line that belong to no group.

    Attributes:
        backend: ``tensorflow`` or ``jax``.
        device: ``auto`` takes an accelerator where there is one; ``cpu``, ``gpu`` or ``tpu``.
        devices: How many devices share the walkers, of each process if there are several; or ``all``.
        precision: ``float64`` or ``float32``, of the wavefunction.
        seed: Seed of every random number, 0 to 2^32 - 1.
        protocol: Budget: ``smoke``, ``laptop``, ``accelerator``, or ``open`` for one of your own.
        out: Folder under which runs are kept.
        init_from: Folder of a run whose weights the model takes over where names and shapes agree; none if empty.
    """

    backend: str = "tensorflow"
    device: str = "auto"
    devices: int | str = 1
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
        object.__setattr__(self, "devices", settings.number_of_devices(self.devices))
        if not 0 <= self.seed < 2**32:
            raise ZooError(f"seed={self.seed}: expected an integer from 0 to 4294967295")
        if not self.out.strip():
            raise ZooError("out=: expected the name of a folder")


def canonical(choice: str, name: Any) -> str:
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


def sections_of(names: Mapping[str, str]) -> Sections:
    """Every key that these choices allow; the section ``""`` holds the keys without a dot."""
    spec = registry.system_spec(names["system"])
    _, model = registry.model_spec(names["model"]).for_space(spec.space)
    optimizer = settings.NATURAL_GRADIENTS.get(names["optimizer"], settings.KerasOptimizerSettings)
    schemas = {"": General, "model": model, "system": spec.system, "optimizer": optimizer, **GROUPS}
    if registry.model_spec(names["model"]).needs_pretraining:
        schemas["pretrain"] = PretrainSettings
    sections = {name: {p.name: p for p in parameters.parameters(schema)} for name, schema in schemas.items()}
    sections["optimizer"].pop("optimizer", None)  # the name of a Keras optimiser is the choice itself
    for key, value in spec.defaults.items():
        sections["system"][key] = dataclasses.replace(sections["system"][key], default=value)
    return sections


def field_of(key: str, sections: Sections) -> parameters.Parameter:
    section, _, field = key.rpartition(".")
    return sections[section][field]


def require_key(key: str, sections: Sections) -> None:
    section, dot, field = key.rpartition(".")
    if section == "pretrain" and section not in sections:
        pretrained = [name for name in registry.list_models() if registry.model_spec(name).needs_pretraining]
        raise ZooError(f"{key}: this model starts from the mean field: expected it with {', '.join(pretrained)}")
    if key in sections and key:
        raise ZooError(f"{key} is a group of keys: expected {key}.KEY=VALUE, KEY one of {', '.join(sections[key])}")
    if section not in sections or field not in sections[section] or (dot and not section):
        raise parameters.unknown_key(key, sections)
