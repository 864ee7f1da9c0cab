"""Parameters a user sets by name: checked against the fields of a dataclass, whose types are the schema."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.errors import ZooError


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One field of a schema.

    Attributes:
        name: Name of the field.
        hint: Its type.
        expected: The type in words, such as ``"an integer"``.
        default: Default value; `dataclasses.MISSING` where there is none.
        description: What the ``Attributes:`` section of the dataclass says about it.
    """

    name: str
    hint: Any
    expected: str
    default: Any
    description: str


def parameters(schema: type) -> tuple[Parameter, ...]:
    """The fields of a dataclass, in order."""
    hints = typing.get_type_hints(schema)
    notes = _descriptions(schema)
    return tuple(
        Parameter(f.name, hints[f.name], in_words(hints[f.name]), _default(f), notes.get(f.name, ""))
        for f in dataclasses.fields(schema)
    )


def check(schema: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Values converted to the types of the dataclass's fields: ``8`` for a float is ``8.0``, a list a tuple.

    Args:
        schema: A dataclass; its own ``__post_init__`` checks ranges, later.
        values: Plain values by name; not every field need be there.
        prefix: What the command line calls the schema, such as ``"system"``.

    Raises:
        ZooError: A name is no field, or a value has the wrong type.
    """
    fields = {p.name: p for p in parameters(schema)}
    for name in values:
        if name not in fields:
            raise unknown_key(f"{prefix}.{name}", {prefix: fields})
    return {name: convert(f"{prefix}.{name}", value, fields[name].hint) for name, value in values.items()}


def build(schema: type, values: Mapping[str, Any], prefix: str) -> Any:
    """An instance of the dataclass from plain values; errors as in `check`, and those of its ``__post_init__``."""
    return schema(**check(schema, values, prefix))


def convert(key: str, value: Any, hint: Any) -> Any:
    """The value as that type; ``key`` names it in the error."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    adapter: TypeAdapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    try:
        if isinstance(value, bool) and not _takes_bool(hint):  # pydantic would read true as 1
            raise TypeError
        return adapter.validate_python(value)
    except (TypeError, ValidationError):
        raise ZooError(f"{key}={plain_text(value)}: expected {in_words(hint)}") from None


def unknown_key(key: str, sections: Mapping[str, Iterable[str]]) -> ZooError:
    """The error for a key that does not exist; it names the nearest valid ones.

    Args:
        key: ``SECTION.FIELD``, or a name without a dot.
        sections: Fields of each section; the section ``""`` holds the keys without a dot.
    """
    fields = {section: list(names) for section, names in sections.items()}

    def near(section: str, field: str, cutoff: float) -> list[str]:
        matches = difflib.get_close_matches(field, fields[section], n=3, cutoff=cutoff)
        return [f"{section}.{match}" if section else match for match in matches]

    section, _, field = key.rpartition(".")
    if section and section in fields:
        found, expected = near(section, field, 0.6), [f"{section}.{name}" for name in fields[section]]
    else:
        likely = difflib.get_close_matches(section, fields, n=1, cutoff=0.6) if section else fields
        found = [match for name in likely for match in near(name, field, 0.75)]
        expected = [*fields.get("", []), *(f"{name}.KEY" for name in fields if name)]
    if found:
        return ZooError(f"unknown key {key!r}: did you mean {' or '.join(map(repr, found))}?")
    return ZooError(f"unknown key {key!r}: expected one of {', '.join(expected)}")


def in_words(hint: Any) -> str:
    """A type in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(in_words(a) for a in arguments)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (tuple, list):
        elements = set(arguments) - {Ellipsis}
        kind = {(int,): "of integers ", (float,): "of numbers ", (str,): "of texts "}.get(tuple(elements), "")
        return f"a list {kind}such as {_sample(hint)}"
    if hint is dict or origin is dict:
        return "a mapping such as {key: value}"
    words = {int: "an integer", float: "a number", bool: "true or false", str: "text", Any: "a value"}
    return "null" if hint is type(None) else words.get(hint, getattr(hint, "__name__", str(hint)))


def plain_text(value: Any) -> str:
    """A value as the command line would take it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(plain_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}: {plain_text(v)}" for k, v in value.items()) + "}"
    return str(value)


def _sample(hint: Any) -> str:
    """A value of that type as the command line would take it."""
    if typing.get_origin(hint) not in (tuple, list):
        return {int: "1", float: "0.5", bool: "true", str: "A"}.get(hint, "...")
    elements = [_sample(a) for a in typing.get_args(hint) if a is not Ellipsis]
    repeated = elements * 2 if len(elements) < len(typing.get_args(hint)) or len(elements) == 1 else elements
    return "[" + ",".join(repeated) + "]"


def _takes_bool(hint: Any) -> bool:
    return hint in (bool, Any, object) or any(_takes_bool(a) for a in typing.get_args(hint))


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _descriptions(schema: type) -> dict[str, str]:
    """Entries ``name: text`` of the ``Attributes:`` sections of a class and its parents."""
    found: dict[str, str] = {}
    for parent in reversed(schema.__mro__):
        section = re.search(r"^Attributes:\n((?:[ \t]+.*\n?|\n)+)", inspect.cleandoc(parent.__doc__ or ""), re.M)
        entries = re.split(r"^    (?=\w[\w, ]*:)", section.group(1), flags=re.M) if section else []
        for entry in entries[1:]:
            names, _, text = entry.partition(":")
            for name in names.split(","):
                found[name.strip()] = " ".join(text.split())
    return found
