"""Standard sets of runs, written down as data: ``NAME.toml`` in this folder. No backend is imported."""

from harness.suite.definition import Suite, load, names
from harness.suite.progress import Progress, progress

__all__ = ["Progress", "Suite", "load", "names", "progress"]
