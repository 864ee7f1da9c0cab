"""Runs that are there already, found by what they did, wherever they lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import zoo
from harness.config import RunConfig
from harness.record import RECORD, RunRecord, read_record
from harness.settings import PROTOCOLS
from zoo import registry
from zoo.errors import ZooError


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Folders of runs, by the hash of their configurations.

    Attributes:
        ended: Runs that are completed, or diverged, as they would again.
        begun: Runs that can go on.
        unreadable: A message for each record that could not be read.
    """

    ended: dict[str, Path]
    begun: dict[str, Path]
    unreadable: tuple[str, ...]

    def folder(self, config: RunConfig) -> Path | None:
        """Of the run of that configuration, one that has ended before one that has not."""
        return self.ended.get(config.sha256, self.begun.get(config.sha256))


def recorded(out: Path, diverged: bool = True) -> Recorded:
    """What lies below ``out``.

    A run counts as long as what it was made with has the present version: this distribution, the model, the protocol
    and the system. Boards rank the results of versions apart, and a run that went on with other steps would be neither.

    Args:
        out: A folder of runs.
        diverged: Whether diverged runs count as ended; otherwise they can go on.
    """
    ended: dict[str, Path] = {}
    begun: dict[str, Path] = {}
    unreadable: list[str] = []
    for path in sorted(out.rglob(RECORD)):
        try:
            record = read_record(path)
            if record.config is not None:
                config = RunConfig.from_dict(record.config)
                if _is_current(record, config):
                    over = record.status == "completed" or (diverged and record.status == "diverged")
                    (ended if over else begun).setdefault(config.sha256, path.parent)
        except ZooError as error:
            unreadable.append(str(error))
    return Recorded(ended, begun, tuple(unreadable))


def _is_current(record: RunRecord, config: RunConfig) -> bool:
    protocol = PROTOCOLS.get(config.protocol)
    return (
        record.provenance.zoo_version == zoo.__version__
        and record.model.version == registry.model_spec(config.model_name).version
        and (protocol is None or record.protocol.version == protocol.version)
        and record.system.sha256 == config.create_system().sha256
    )
