"""The rules of the boards: which runs may have a rank, which are seeds of one row, and why not.

In words, for the pages: `IN_WORDS`.
"""

from __future__ import annotations

import json

from harness.keys import WHERE
from harness.record import RunRecord
from harness.settings import PROTOCOLS

MINIMUM_ESS = 1000
DRAWS_PER_TAU = 20
MAXIMUM_DRIFT_Z = 3
MAXIMUM_RHAT = 1.1
"""Chains that have not met. Chains of 20 autocorrelation times, as many as are asked for, have about 1.05."""
TIE_SIGMAS = 2

OUT_OF_MEMORY = "out of memory"
_MEMORY_ERRORS = ("ResourceExhausted", "RESOURCE_EXHAUSTED", "MemoryError", "out of memory", "OOM")
_NOT_OF_THE_RECIPE = ("seed", "device", *WHERE)
_NOT_OF_THE_TRAINING = ("read_every", "checkpoint_every")

IN_WORDS = (
    (
        "Who is compared",
        "Ranks hold within one system, one protocol and one version of the zoo. A run counts if it completed, kept to "
        "the budget of its protocol and passed the statistics gate: effective sample size at least "
        f"{MINIMUM_ESS:,}, at least {DRAWS_PER_TAU} autocorrelation times for each walker, drift below "
        f"{MAXIMUM_DRIFT_Z} standard errors, R-hat below {MAXIMUM_RHAT}. Every other run is shown with the reason.",
    ),
    (
        "Several seeds",
        "Runs that differ in their seed alone are one row, and its energy is the mean over all seeds that count. The "
        "lowest of several noisy energies would be too low, and more seeds would buy a better place; the mean has "
        "neither fault. Its standard error is the larger of that of the measurements and that of the scatter of the "
        "seeds. The range of the seeds stands beside it, and each seed in the details. Of runs with the same seed the "
        "newest counts.",
    ),
    (
        "Ties",
        f"Energies that agree with the best of their group within {TIE_SIGMAS} standard errors of the difference share "
        "its rank.",
    ),
    (
        "Numbers",
        "Brackets hold the standard error of the last digits. Correlation is the share of the energy between "
        "Hartree-Fock and the reference that was recovered. V-score, variance and training time are means over the "
        "seeds. Training time is that of all processors together, or by the clock where the record is older; "
        "pretraining is counted by the clock.",
    ),
    (
        "Published values",
        "Energies of other methods for the same Hamiltonian stand among the rows and have no rank. They come from "
        "zoo/references, with their sources.",
    ),
)
"""Headings and paragraphs of the rules."""


def gate(record: RunRecord) -> list[str]:
    """Why the statistics of a measured energy do not suffice for a rank; empty if they do.

    ESS >= 1000, draws of each chain >= 20 tau, |drift z| < 3 and R-hat < 1.1.
    """
    energy = record.energy
    if energy is None:
        return ["no energy"]
    per_tau, drift = energy.draws / energy.tau, abs(energy.drift_z)
    checks = [
        (energy.ess >= MINIMUM_ESS, f"ESS {energy.ess:.4g}, needs >= {MINIMUM_ESS}"),
        (per_tau >= DRAWS_PER_TAU, f"draws / tau {per_tau:.4g}, needs >= {DRAWS_PER_TAU}"),
        (drift < MAXIMUM_DRIFT_Z, f"|drift z| {drift:.4g}, needs < {MAXIMUM_DRIFT_Z}"),
        (energy.rhat < MAXIMUM_RHAT, f"R-hat {energy.rhat:.4g}, needs < {MAXIMUM_RHAT}"),
    ]
    return [reason for passed, reason in checks if not passed]


def budget(record: RunRecord) -> list[str]:
    """How a run departs from the budget of the protocol that it names; empty if it does not, or has no fixed one."""
    protocol = PROTOCOLS.get(record.protocol.name)
    if protocol is None or protocol.version != record.protocol.version or record.energy is None:
        return []
    spent = {
        "train.steps": record.compute.train_steps,
        "evaluate.draws": record.energy.draws,
        "evaluate.walkers": record.energy.walkers,
    }
    if record.config is not None:
        spent["train.walkers"] = record.config.get("train", {}).get("walkers")
    wanted = protocol.budget()
    return [
        f"{name} {value}, protocol {protocol.name} has {wanted[name]}"
        for name, value in spent.items()
        if value != wanted[name]
    ]


def outcome(record: RunRecord) -> str:
    """What became of a run, in one or two words: its status, or ``out of memory``."""
    if record.status == "failed" and any(word in (record.message or "") for word in _MEMORY_ERRORS):
        return OUT_OF_MEMORY
    return {"running": "unfinished"}.get(record.status, record.status)


def unfinished(record: RunRecord) -> list[str]:
    """What became of a run that is not completed; empty if it is."""
    if record.status == "completed":
        return []
    word = outcome(record)
    return [word if record.message is None else f"{word}: {record.message}"]


def reasons(record: RunRecord) -> list[str]:
    """Why a run does not count; empty if it does."""
    return unfinished(record) or [*budget(record), *gate(record)]


def recipe(record: RunRecord) -> str:
    """Equal for runs that differ in their seed alone: model, every setting, backend and devices."""
    model, compute = record.model, record.compute
    settings = {key: value for key, value in (record.config or {}).items() if key not in _NOT_OF_THE_RECIPE}
    if "train" in settings:
        settings["train"] = {k: v for k, v in settings["train"].items() if k not in _NOT_OF_THE_TRAINING}
    settings.pop("system", None)  # its hash stands for it, whatever the preset is called
    content = [model.name, model.version, model.distribution, model.space, model.config, settings]
    hardware = [compute.backend, compute.device, compute.devices or 1, compute.precision]
    return json.dumps([*content, *hardware], sort_keys=True)
