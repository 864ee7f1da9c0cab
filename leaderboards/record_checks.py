"""What a record must fulfil by itself: its numbers agree with each other, with its settings and with its protocol.

Each problem is one line that names the field, what it says and what was expected.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import shlex
from collections.abc import Iterator
from typing import Any

import zoo
from harness.config import RunConfig, compose, hash_of
from harness.record import RunRecord
from harness.settings import PROTOCOLS
from harness.statistics import correlation_recovered, v_score
from zoo import registry
from zoo.errors import ZooError
from zoo.references import ReferenceSet
from zoo.systems.base import System

_ROUNDING = 1e-9
"""Relative difference of two numbers that were computed alike."""
_REFERENCE_ROUNDING = 1e-6
"""The same of reference energies, some of which are computed when they are asked for."""


def record_problems(record: RunRecord) -> Iterator[str]:
    """What is wrong with a record by itself."""
    if record.status != "completed":
        yield f"status {record.status}: expected completed"
        return
    if record.config is None:
        yield "config null: expected every setting, without which nobody can make this run again"
        return
    yield from _settings(record, record.config)
    yield from _budget(record, record.config)
    yield from _statistics(record)
    yield from _provenance(record)
    try:
        known = _known(record.system.name, json.dumps(record.system.parameters, sort_keys=True))
    except ZooError as error:
        yield f"system: {error}"
        return
    yield from _system(record, known.system)
    yield from _comparison(record, known)


@dataclasses.dataclass(frozen=True)
class _System:
    """A system with what is known about it."""

    system: Any
    references: ReferenceSet


@functools.lru_cache(maxsize=256)
def _known(name: str, parameters: str) -> _System:
    system = registry.create_system(name, **json.loads(parameters))
    return _System(system, system.references())


def differs(field: str, found: Any, expected: Any, because: str) -> Iterator[str]:
    """A line where two values differ."""
    if found != expected:
        yield f"{field} {found}: {because} {expected}"


def _settings(record: RunRecord, config: dict[str, Any]) -> Iterator[str]:
    """The settings are those of the hash, and the record repeats them faithfully."""
    digest = hash_of(config)
    yield from differs("provenance.config_sha256", record.provenance.config_sha256, digest, "config has the hash")
    model, system = dict(config.get("model", {})), dict(config.get("system", {}))
    compute, says = record.compute, "config says"
    yield from differs("model.name", record.model.name, model.pop("name", None), says)
    yield from differs("model.config", record.model.config, model, says)
    yield from differs("system.name", record.system.name, system.pop("name", None), says)
    yield from differs("system.parameters", record.system.parameters, system, says)
    yield from differs("protocol.name", record.protocol.name, config.get("protocol"), says)
    yield from differs("provenance.seed", record.provenance.seed, config.get("seed"), says)
    yield from differs("compute.backend", compute.backend, config.get("backend"), says)
    yield from differs("compute.precision", compute.precision, config.get("precision"), says)


def _budget(record: RunRecord, config: dict[str, Any]) -> Iterator[str]:
    """What was spent is what the settings say and, unless the protocol is open, what the protocol says."""
    train, evaluate = config.get("train", {}), config.get("evaluate", {})
    energy, says = record.energy, "config says"
    assert energy is not None  # a completed record has one
    yield from differs("compute.train_steps", record.compute.train_steps, train.get("steps"), says)
    yield from differs("energy.draws", energy.draws, evaluate.get("draws"), says)
    yield from differs("energy.walkers", energy.walkers, evaluate.get("walkers"), says)
    name, version = record.protocol.name, record.protocol.version
    if name == "open":
        yield from differs("protocol.version", version, "1", "protocol open has version")
        return
    protocol = PROTOCOLS.get(name)
    if protocol is None:
        yield f"protocol {name}: expected one of {', '.join([*PROTOCOLS, 'open'])}"
        return
    if version != protocol.version:
        yield f"protocol {name} version {version}: expected {protocol.version}, whose budget is known"
        return
    for key, value in protocol.budget().items():
        group, _, field = key.partition(".")
        yield from differs(key, config.get(group, {}).get(field), value, f"protocol {name} has")


def _statistics(record: RunRecord) -> Iterator[str]:
    """Numbers of the measurement that follow from one another."""
    energy, variance = record.energy, record.variance
    assert energy is not None and variance is not None  # a completed record has both
    if energy.stderr > 0:
        yield from unequal("energy.ess", energy.ess, variance / energy.stderr**2, "variance / stderr^2")
    elif variance > 0:
        yield f"energy.stderr 0: expected an error bar, with a variance of {variance:g}"
    if energy.ess > 0:
        yield from unequal("energy.tau", energy.tau, energy.draws * energy.walkers / energy.ess, "samples / ess")
    if record.error is not None and record.reference is not None:
        absolute = energy.mean - record.reference.energy
        scale = max(abs(energy.mean), abs(record.reference.energy))
        yield from unequal("error.absolute", record.error.absolute, absolute, "energy - reference", scale)
        if record.error.relative is not None and record.reference.energy:
            relative = absolute / abs(record.reference.energy)
            yield from unequal("error.relative", record.error.relative, relative, "error / reference", 1.0)


def _system(record: RunRecord, system: System) -> Iterator[str]:
    energy, variance = record.energy, record.variance
    assert energy is not None and variance is not None
    found, because = record.system, "its parameters give"
    yield from differs("system.sha256", found.sha256, system.sha256, because)
    yield from differs("system.family", found.family, system.family, because)
    yield from differs("system.n_up", found.n_up, system.n_up, because)
    yield from differs("system.n_down", found.n_down, system.n_down, because)
    yield from differs("model.space", record.model.space, system.space, because)
    lattice: Any = system if system.space == "lattice" else None
    particles = system.n_electrons if lattice is None else lattice.n_sites
    yield from unequal("energy.per_particle", energy.per_particle, energy.mean / particles, f"energy / {particles}")
    if lattice is not None and record.v_score is not None:
        score = v_score(variance, energy.mean, system.n_electrons, lattice.infinite_temperature_energy)
        yield from unequal("v_score", record.v_score, score, "N variance / (energy - E_inf)^2")


def _comparison(record: RunRecord, known: _System) -> Iterator[str]:
    """The reference is one that is known, and the share of the correlation energy follows from it."""
    reference, error = record.reference, record.error
    if reference is None:
        return
    near = [r for r in known.references.records if _close(r.energy, reference.energy, _REFERENCE_ROUNDING)]
    if not near:
        yield f"reference.energy {reference.energy}: zoo/references has no such energy of this system"
    elif all(r.kind != reference.kind for r in near):
        yield f"reference.kind {reference.kind}: zoo/references has it as {near[0].kind}"
    hartree_fock = known.references.hartree_fock
    if error is None or error.correlation_recovered is None or hartree_fock is None or record.energy is None:
        return
    recovered = correlation_recovered(record.energy.mean, hartree_fock.energy, reference.energy)
    # Small differences of large energies: what rounding of the references makes of it.
    scale = abs(reference.energy / (hartree_fock.energy - reference.energy))
    allowed = _REFERENCE_ROUNDING * max(1.0, scale) * max(1.0, abs(recovered))
    if abs(error.correlation_recovered - recovered) > allowed:
        given = error.correlation_recovered
        yield f"error.correlation_recovered {given}: the energies of Hartree-Fock and reference give {recovered}"


def _provenance(record: RunRecord) -> Iterator[str]:
    provenance = record.provenance
    if provenance.dirty:
        yield "provenance.dirty: made with uncommitted changes, which nobody else has"
    try:
        words = shlex.split(provenance.command)
    except ValueError as error:  # a quotation mark without its fellow
        yield f"provenance.command {provenance.command}: {error}"
        return
    if words[:2] != ["zoo", "run"]:
        yield f"provenance.command {provenance.command}: expected zoo run ..., which makes this run again"
        return
    keys = tuple(word for word in words[2:] if not word.startswith("seed="))
    seeds = [word for word in words[2:] if word.startswith("seed=")]
    try:
        # The seed is put in here, so that Hydra is asked once for runs that differ in nothing else.
        config = dataclasses.replace(_composed(keys), seed=int(seeds[-1].partition("=")[2]) if seeds else 0)
        changed = RunConfig.from_dict(record.config or {}).changed_keys(config)
        if provenance.zoo_version != zoo.__version__:  # which had defaults of its own: what the command names is left
            named = {key.partition("=")[0] for key in keys}
            changed = [key for key in changed if key.partition("=")[0] in named]
    except (ZooError, ValueError) as error:
        if record.model.distribution == registry.OWN_DISTRIBUTION:
            yield f"provenance.command {provenance.command}: {error}"
        return  # else the model of another distribution, which need not be installed here
    if changed:
        yield f"provenance.command {provenance.command}: gives {', '.join(changed)}, which config does not have"


@functools.lru_cache(maxsize=256)
def _composed(keys: tuple[str, ...]) -> RunConfig:
    return compose(keys)


def _close(one: float, other: float, rounding: float, scale: float | None = None) -> bool:
    size = max(abs(one), abs(other)) if scale is None else scale
    return abs(one - other) <= rounding * size


def unequal(field: str, found: float, expected: float, because: str, scale: float | None = None) -> Iterator[str]:
    """A line where two numbers differ by more than rounding, relative to ``scale`` if it is given."""
    if not (math.isfinite(expected) and _close(found, expected, _ROUNDING, scale)):
        yield f"{field} {found}: {because} = {expected}"
