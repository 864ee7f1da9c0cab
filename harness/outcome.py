"""What a measurement puts into the record of a run and into its files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from harness import files
from harness.evaluation import Evaluation
from harness.observables import ObservablesFile
from harness.observables.profile import profile_record
from harness.record import Artifact, Energy, Error, Observable, ReferenceEnergy, RunRecord
from harness.statistics import correlation_recovered

BLOCKS = "blocks.npz"


def measured(evaluation: Evaluation, system: Any) -> dict[str, Any]:
    """The fields of the record that an evaluation fills, but for ``compute``."""
    energy, references = evaluation.energy, system.references()
    best, hartree_fock = references.best, references.hartree_fock
    particles = system.n_sites if system.space == "lattice" else system.n_electrons
    error = None
    if best is not None:
        recovered = None
        if hartree_fock is not None and hartree_fock.energy != best.energy:
            recovered = correlation_recovered(energy.mean, hartree_fock.energy, best.energy)
        absolute = energy.mean - best.energy
        relative = absolute / abs(best.energy) if best.energy else None
        error = Error(absolute=absolute, relative=relative, correlation_recovered=recovered)
    return {
        "energy": Energy(
            mean=energy.mean,
            stderr=energy.stderr,
            per_particle=energy.mean / particles,
            draws=energy.draws,
            walkers=energy.walkers,
            ess=energy.ess,
            tau=energy.tau,
            rhat=energy.rhat,
            acceptance=evaluation.acceptance,
            drift_z=energy.drift_z,
        ),
        "variance": energy.variance,
        "v_score": evaluation.v_score,
        "observables": {
            name: Observable(mean=value.mean, stderr=value.stderr) for name, value in evaluation.observables.items()
        },
        "reference": best
        and ReferenceEnergy(energy=best.energy, uncertainty=best.uncertainty, kind=best.kind, citation=best.source),
        "error": error,
    }


def observables_file(evaluation: Evaluation, record: RunRecord, step: int) -> ObservablesFile:
    """What an evaluation of a run keeps of its observables; ``step`` is that of the parameters."""
    return ObservablesFile(
        model=record.model.name,
        system=record.system,
        step=step,
        draws=evaluation.measurements,
        walkers=evaluation.energy.walkers,
        thin=evaluation.thin,
        observables={name: profile_record(profile) for name, profile in evaluation.profiles.items()},
    )


def save_blocks(folder: Path, evaluation: Evaluation) -> None:
    """Keep every local energy of a measurement, ``(draws, walkers)``."""
    content = io.BytesIO()
    np.savez(content, energies=evaluation.blocks)
    files.replace_content(folder / BLOCKS, content.getvalue())


def artifact(folder: Path, name: str) -> Artifact:
    """A file of the run as its record names it."""
    return Artifact.model_validate({"path": name, **files.fingerprint(folder / name)})
