"""Commands that make a row again, from those that the records keep."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from harness.record import RunRecord

_IDENTITY = ("model", "system", "protocol", "backend", "device", "devices")


def reproduce(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """A command for all seeds together where theirs differ in nothing else, otherwise one for each."""
    arguments = [_arguments(record) for record in records]
    if any(given is None for given in arguments):  # not begun by `zoo run`: it is as the record has it
        return tuple(dict.fromkeys(record.provenance.command for record in records))
    seeds = [str(record.provenance.seed) for record in records]
    if len(records) == 1:
        return (shlex.join(["zoo", "run", *(arguments[0] or ()), f"seed={seeds[0]}"]),)
    if all(given == arguments[0] for given in arguments):
        return (shlex.join(["zoo", "sweep", *(arguments[0] or ()), f"seed={','.join(seeds)}"]),)
    return tuple(
        shlex.join(["zoo", "run", *(given or ()), f"seed={seed}"]) for given, seed in zip(arguments, seeds, strict=True)
    )


def settings(record: RunRecord) -> str:
    """What the command changes beside model, system, seed, protocol and backend: ``optimizer=adam model.width=64``."""
    given = _arguments(record) or ()
    shown = [word for word in given if word.partition("=")[0] not in _IDENTITY and not word.startswith("system.")]
    return " ".join(shown)


def _arguments(record: RunRecord) -> tuple[str, ...] | None:
    """Arguments of ``zoo run`` without seed and folder, with the protocol; None for another command."""
    try:
        words = shlex.split(record.provenance.command)
    except ValueError:  # a quotation mark without its fellow
        return None
    if words[:2] != ["zoo", "run"] or any("=" not in word for word in words[2:]):
        return None
    kept = [word for word in words[2:] if word.partition("=")[0] not in ("seed", "out")]
    named = any(word.startswith("protocol=") for word in kept)
    if not named and record.protocol.name != "open":
        kept.append(f"protocol={record.protocol.name}")
    return tuple(kept)
