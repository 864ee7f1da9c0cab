"""The record of a run: what was run, how, and what came out. Everything on a leaderboard is derived from records.

`record.schema.json` beside this file is the JSON schema of these models; ``python -m harness.record`` rewrites it.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness import files, untrusted
from zoo.errors import ZooError

RECORD = "record.json"
"""Name of the record in the folder of a run."""
SCHEMA_VERSION: Literal[1] = 1
SCHEMA_PATH = Path(__file__).with_name("record.schema.json")


def _plain(value: Any) -> Any:
    """The value as JSON reads it back, tuples as lists; NaN, inf and whatever is not JSON are refused."""
    if isinstance(value, dict):
        strange = [key for key in value if not isinstance(key, str)]
        if strange:
            raise ValueError(f"key {strange[0]!r} is not a string")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _inside_run(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError("expected a path relative to the run's folder")
    return path


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GitCommit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
UtcTime = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$")]
Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0)]
Settings = Annotated[dict[str, Any], AfterValidator(_plain)]


class Part(BaseModel):
    """No unknown keys, no silent conversion, no NaN or inf, no change after construction."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=())


class Model(Part):
    """The wavefunction: ``config`` holds every hyperparameter, ``parameters`` counts the trainable numbers."""

    name: Name
    space: Literal["continuum", "lattice"]
    version: Name
    distribution: Name
    config: Settings
    parameters: Count | None


class System(Part):
    """The Hamiltonian; ``sha256`` is the hash of family and parameters."""

    name: Name
    family: Name
    parameters: Settings
    n_up: Count
    n_down: Count
    sha256: Sha256


class ProtocolName(Part):
    """The budget the run was made under."""

    name: Name
    version: Name


class Energy(Part):
    """The measured energy, in hartree or, on lattices, in units of the hopping.

    Attributes:
        mean, stderr: Total energy and its standard error.
        per_particle: ``mean`` per electron; per site on lattices.
        draws: Local energies recorded for each walker.
        walkers: Markov chains.
        ess: Effective sample size of all chains together.
        tau: Integrated autocorrelation time in draws.
        rhat: Split R-hat.
        acceptance: Share of proposals accepted while measuring.
        drift_z: Change between the early and the late part of the measurement, in standard errors.
    """

    mean: float
    stderr: NotNegative
    per_particle: float
    draws: Count
    walkers: Count
    ess: NotNegative
    tau: Annotated[float, Field(gt=0)]
    rhat: NotNegative
    acceptance: Annotated[float, Field(ge=0, le=1)]
    drift_z: float


class Observable(Part):
    """A measured quantity and its standard error."""

    mean: float
    stderr: NotNegative


class ReferenceEnergy(Part):
    """The energy the run is compared with (`zoo.references`)."""

    energy: float
    uncertainty: NotNegative | None
    kind: Literal["exact", "projected", "variational", "extrapolated", "estimate"]
    citation: Name


class Error(Part):
    """Comparison with the reference.

    Attributes:
        absolute: Energy minus reference.
        relative: ``absolute`` over the magnitude of the reference; null for a reference of zero.
        correlation_recovered: (E_HF - E) / (E_HF - E_ref); null where no Hartree-Fock energy is on record.
    """

    absolute: float
    relative: float | None
    correlation_recovered: float | None


class Compute(Part):
    """Where it ran and what it cost; null until known.

    Attributes:
        train_seconds: On the clock, which counts what else the machine was busy with.
        devices: How many shared the walkers, those of all processes; null in records older than the field.
        train_cpu_seconds: Of all processors together, which does not; null in records older than the field.
    """

    backend: Literal["tensorflow", "jax"]
    device: Name
    precision: Literal["float32", "float64"]
    train_steps: Count
    train_seconds: NotNegative | None
    evaluate_seconds: NotNegative | None
    seconds_per_step: NotNegative | None
    peak_memory_bytes: Count | None
    train_cpu_seconds: NotNegative | None = None
    devices: Count | None = None


class Provenance(Part):
    """What it takes to run it again. Versions of a library that was not loaded are null."""

    zoo_version: Name
    git_commit: GitCommit | None
    dirty: bool | None
    python: Name
    keras: Name
    tensorflow: Name | None
    jax: Name | None
    command: Name
    config_sha256: Sha256
    seed: int
    started_utc: UtcTime


class Pretraining(Part):
    """The fit of a network's orbitals to those of the system, before training.

    Attributes:
        steps: Steps made.
        loss: Squared distance of the orbitals from their targets, relative to the square of the targets, in the end.
        seconds: Time taken, which `Compute.train_seconds` does not hold.
    """

    steps: Count
    loss: NotNegative
    seconds: NotNegative


class Artifact(Part):
    """A file of the run, with its path relative to the run's folder."""

    path: Annotated[Name, AfterValidator(_inside_run)]
    sha256: Sha256
    bytes: Count


class Event(Part):
    """Something the run recovered from, such as a step that gave NaN and was undone."""

    step: Count
    kind: Name
    message: str


class RunRecord(Part):
    """One run. Fields that are not known yet, or never became known, are null.

    Attributes:
        status: ``running`` from the start; replaced at every change of state, so that a killed run leaves evidence.
        message: Why the run failed, diverged or was interrupted.
        energy, variance: Null until measured; never null when completed. The variance is that of the local energy.
        v_score: N Var(E) / (E - E_inf)^2, on lattices.
        observables: Further measurements by name, such as ``double_occupancy`` per site.
        reference, error: Null where no reference energy is known.
        pretraining: Null without.
        config: Every setting, laid out as in ``config.yaml``; null in records from before it was kept.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Literal["running", "completed", "diverged", "failed", "interrupted"]
    message: str | None = None
    model: Model
    system: System
    protocol: ProtocolName
    energy: Energy | None = None
    variance: NotNegative | None = None
    v_score: NotNegative | None = None
    observables: dict[str, Observable] = {}
    reference: ReferenceEnergy | None = None
    error: Error | None = None
    compute: Compute
    pretraining: Pretraining | None = None
    provenance: Provenance
    config: Settings | None = None
    events: list[Event] = []
    artifacts: list[Artifact] = []

    @model_validator(mode="after")
    def _complete(self) -> RunRecord:
        if self.status == "completed":
            missing = [name for name in ("energy", "variance") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"status 'completed' without {' and '.join(missing)}")
        if self.error is not None and (self.energy is None or self.reference is None):
            raise ValueError("error without an energy and a reference")
        return self

    def updated(self, **changes: Any) -> RunRecord:
        """A copy with some fields replaced, validated again."""
        return RunRecord.model_validate({**dict(self), **changes})

    def to_json(self) -> str:
        """The text of ``record.json``: fields in the order of the schema, floats that read back unchanged."""
        return json.dumps(self.model_dump(mode="json"), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_record(path: str | os.PathLike[str], record: RunRecord) -> None:
    """Write a record so that a reader, or a kill, at any moment meets the old file or the new one, whole."""
    files.replace_content(Path(path), record.to_json())


def read_record(path: str | os.PathLike[str]) -> RunRecord:
    """Read and validate a record.

    Raises:
        ZooError: The file is missing, is not JSON, holds NaN, or does not fit the schema; names file and field.
    """
    try:
        content = untrusted.parse_json(untrusted.read_text(Path(path)))
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ZooError(f"{path}: not a JSON record: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise ZooError(f"{path}: schema_version={version}: expected {SCHEMA_VERSION}")
    try:
        return RunRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        raise ZooError(f"{path}: {field}: {first['msg']}") from error


def json_schema() -> dict[str, Any]:
    """The JSON schema of `RunRecord`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **RunRecord.model_json_schema()}


def main() -> None:
    """Rewrite the committed schema."""
    SCHEMA_PATH.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
