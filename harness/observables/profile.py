"""What was measured of an observable, and the file ``observables.json`` of an evaluation.

`harness/observables.schema.json` is its JSON schema; ``python -m harness.observables`` rewrites it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from harness.record import Count, Name, NotNegative, Part, System
from harness.statistics import Summaries
from zoo.errors import ZooError

FILE = "observables.json"
SCHEMA_VERSION: Literal[1] = 1
SCHEMA_PATH = Path(__file__).parents[1] / "observables.schema.json"


@dataclasses.dataclass(frozen=True)
class Profile:
    """An observable as a function of wave vector or distance.

    Attributes:
        components: Statistics of each component, such as ``up`` and ``down``, values ``(count,)``.
        wave_vectors: Cartesian, ``(count, n_axes)``, in inverse distances of nearest neighbours; else None.
        distances: ``(count,)`` in distances of nearest neighbours; else None.
    """

    components: dict[str, Summaries]
    wave_vectors: np.ndarray | None = None
    distances: np.ndarray | None = None


class ComponentRecord(Part):
    """Values of one component, in the order of the wave vectors or distances.

    Attributes:
        mean, stderr: Mean and its standard error.
        tau: Integrated autocorrelation time, in measurements.
        rhat: Split R-hat.
    """

    mean: list[float]
    stderr: list[NotNegative]
    tau: list[Annotated[float, Field(gt=0)]]
    rhat: list[NotNegative]


class ProfileRecord(Part):
    """One observable; either wave vectors, in inverse distances of nearest neighbours, or such distances."""

    wave_vectors: list[list[float]] | None
    distances: list[NotNegative] | None
    components: dict[Name, ComponentRecord]

    @model_validator(mode="after")
    def _fits(self) -> ProfileRecord:
        if (self.wave_vectors is None) == (self.distances is None):
            raise ValueError("expected wave_vectors or distances, and not both")
        count = len(self.wave_vectors or self.distances or ())
        for name, component in self.components.items():
            for field, values in component:
                if len(values) != count:
                    raise ValueError(f"{name}.{field} has {len(values)} values: expected {count}")
        return self


class ObservablesFile(Part):
    """The file: what was measured, and of what.

    Attributes:
        model: Name of the wavefunction.
        system: The Hamiltonian.
        step: Optimisation steps that the parameters have seen.
        draws: Draws on which observables were measured.
        walkers: Markov chains.
        thin: Draws from one measurement to the next.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    model: Name
    system: System
    step: Count
    draws: Count
    walkers: Count
    thin: Annotated[int, Field(ge=1)]
    observables: dict[Name, ProfileRecord]

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False, ensure_ascii=False) + "\n"

    def profile(self, name: str) -> Profile:
        """One observable as arrays."""
        record = self.observables[name]
        return Profile(
            components={
                key: Summaries(**{field: np.array(values) for field, values in component}, draws=self.draws,
                               walkers=self.walkers)
                for key, component in record.components.items()
            },
            wave_vectors=None if record.wave_vectors is None else np.array(record.wave_vectors),
            distances=None if record.distances is None else np.array(record.distances),
        )  # fmt: skip


def profile_record(profile: Profile) -> ProfileRecord:
    """A profile as the file holds it."""
    return ProfileRecord(
        wave_vectors=None if profile.wave_vectors is None else profile.wave_vectors.tolist(),
        distances=None if profile.distances is None else profile.distances.tolist(),
        components={
            name: ComponentRecord(**{field: getattr(values, field).tolist() for field in ComponentRecord.model_fields})
            for name, values in profile.components.items()
        },
    )


def read_observables(path: str | Path) -> ObservablesFile:
    """Read and validate an ``observables.json``.

    Raises:
        ZooError: The file is missing, is not JSON, or does not fit the schema.
    """
    try:
        return ObservablesFile.model_validate_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise ZooError(f"{path}: {field}: {first['msg']}") from error


def json_schema() -> dict[str, Any]:
    """The JSON schema of `ObservablesFile`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ObservablesFile.model_json_schema()}
