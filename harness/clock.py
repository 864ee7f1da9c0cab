"""The time as records and names of folders have it."""

from __future__ import annotations

import datetime


def utc_now() -> datetime.datetime:
    """Now, in universal time."""
    return datetime.datetime.now(datetime.UTC)
