"""Errors that are a user's to mend: the command line prints them as one line and exits with code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(ValueError):
    """A value the user gave cannot be used. The message names it and says what was expected.

    Attributes:
        exit_code: Of a command that it ends.
    """

    exit_code = 2


class Failure(ZooError):
    """It was no fault of the input, but of the machine, such as a full disk."""

    exit_code = 1


class UnknownNameError(ZooError):
    """A name nobody registered.

    Args:
        kind: What the name was to stand for, such as ``"model"`` or ``"system"``.
        name: The name as given.
        known: Every valid name; the nearest ones are suggested.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{suggestion(name, self.known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """``": did you mean 'x'?"``, or the list of known names where none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    if near:
        return ": did you mean " + " or ".join(repr(n) for n in near) + "?"
    return ": expected one of " + ", ".join(known) if known else ""
