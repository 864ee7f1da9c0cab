"""``key=value`` arguments in Hydra's grammar, applied to defaults; every call to Hydra that composes is here."""

from __future__ import annotations

import threading
import typing
from collections.abc import Sequence
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from harness.keys import Sections
from zoo import parameters
from zoo.errors import ZooError

_HYDRA = threading.Lock()  # Hydra keeps global state


def split(overrides: Sequence[str]) -> dict[str, str]:
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


def hydra_line(key: str, text: str, hint: Any) -> str:
    """One argument in Hydra's grammar; text values are quoted, since users only quote for their shell."""
    line = f"{key}={text}"
    mapping = hint is dict or typing.get_origin(hint) is dict
    if hint is str or (str in typing.get_args(hint) and not mapping and text != "null"):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        listed = "," in text and not any(mark in text for mark in "; \t")
        if not quoted and not listed:
            return f"{key}={QuotedString(text, Quote.single).with_quotes()}"
    if parse(line, hint).is_sweep_override():
        raise ZooError(f"{line}: expected one value, not several: run them one by one")
    return f"++{line}" if mapping else line


def parse(line: str, hint: Any) -> Override:
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException as error:
        raise ZooError(f"{line}: expected {parameters.in_words(hint)}") from error


def values_of(sections: Sections, lines: list[str]) -> dict[str, dict[str, Any]]:
    """Values of all sections, with Hydra's overrides applied to the defaults."""
    nodes = {name: {p.name: p.default for p in fields.values()} for name, fields in sections.items()}
    with _HYDRA:
        # One node, without Hydra's groups: which model, system and optimiser it is about has been chosen already.
        ConfigStore.instance().store(name="zoo_run", node={**nodes.pop(""), **nodes})
        running = GlobalHydra.instance().hydra  # that of a program which uses Hydra itself
        GlobalHydra.instance().clear()
        try:
            with hydra.initialize(version_base="1.3", config_path=None):
                composed = OmegaConf.to_container(hydra.compose("zoo_run", overrides=lines), resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            cause = error.__cause__ or error
            key = getattr(cause, "full_key", None)
            raise ZooError(f"{key}: {first_line(cause)}" if key else first_line(cause)) from error
        finally:
            GlobalHydra.instance().hydra = running
    assert isinstance(composed, dict)
    values = {name: composed.pop(name) for name in sections if name}
    return {"": composed, **values}


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
