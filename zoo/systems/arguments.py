"""A system from ``system=NAME system.KEY=VALUE`` arguments, for commands that need no more than that. Light."""

from __future__ import annotations

from collections.abc import Sequence

from zoo import parameters, registry
from zoo.errors import ZooError
from zoo.systems import varbench
from zoo.systems.base import System


def read(
    arguments: Sequence[str], others: Sequence[str] = (), space: str | None = None
) -> tuple[str, System, dict[str, str]]:
    """The name of a system, the system, and what was given for the other keys.

    Args:
        arguments: ``system=NAME``, ``system.KEY=VALUE`` and ``KEY=VALUE`` for the others.
        others: Keys that are not those of systems.
        space: What the system must be, ``"continuum"`` or ``"lattice"``, if that matters.

    Raises:
        ZooError: An argument cannot be used.
    """
    import yaml

    given: dict[str, str] = {}
    for argument in varbench.expand(arguments):
        key, equals, text = argument.partition("=")
        if not equals or key in given:
            raise ZooError(f"{argument}: expected KEY=VALUE, each key once, such as system=hubbard_4x4")
        given[key] = text
    name = given.pop("system", "")
    known = [name for name in registry.list_systems() if space in (None, registry.system_spec(name).space)]
    if not name:
        raise ZooError(f"system=NAME is missing: expected one of {', '.join(known)}")
    spec = registry.system_spec(name)
    if space not in (None, spec.space):
        raise ZooError(f"system={name}: expected a {space} system, one of {', '.join(known)}")
    fields = [field.name for field in parameters.parameters(spec.system)]
    values, rest = {}, {}
    for key, text in given.items():
        if key in others:
            rest[key] = text
            continue
        if key.removeprefix("system.") not in fields or not key.startswith("system."):
            raise parameters.unknown_key(key, {"": ["system", *others], "system": fields})
        try:
            values[key.removeprefix("system.")] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ZooError(f"{key}={text}: expected a number, a text or a list such as [4,4]") from None
    return name, registry.create_system(name, **values), rest
