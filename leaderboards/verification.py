"""Whether the weights of a run give the energy that its record claims: they are measured again. Light until then."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from harness import saved
from harness.config import RunConfig, evaluation
from harness.format import shorthand
from harness.record import RECORD, RunRecord, read_record
from harness.statistics import Summary
from leaderboards import validation
from leaderboards.board import RESULTS
from zoo.errors import ZooError

MOST_SIGMAS = 4.0
"""Of the hundreds of rows of a board not one in 16,000 exceeds it by chance."""
MOST_VARIANCE_RATIO = 3.0
"""Local energies have heavy tails, so their variance is known to a factor; its square root sets the error bar."""
_ROUNDING = {"float64": 1e-9, "float32": 1e-5}
"""Relative difference that rounding may make, where an eigenstate leaves no statistical one."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came out.

    Attributes:
        record: The claim.
        problems: Why it is refused; empty if it is confirmed.
        measured: The new measurement; None where the folder was refused without one.
        z: Difference of the energies in combined standard errors; None without a measurement.
        remarks: What a reader should know beside it.
    """

    record: RunRecord
    problems: tuple[str, ...]
    measured: Summary | None = None
    z: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        return not self.problems

    def __rich__(self) -> Text:
        record, measured = self.record, self.measured
        unit = "t" if record.model.space == "lattice" else "hartree"
        lines = [Text.assemble((record.model.name, "bold"), " on ", (record.system.name, "bold"))]
        if record.energy is not None:
            lines.append(Text(f"claimed     {shorthand(record.energy.mean, record.energy.stderr)} {unit}"))
        if measured is not None and record.energy is not None:
            value, noise = shorthand(measured.mean, measured.stderr), _noise(record, measured)
            lines.append(Text(f"measured    {value} {unit}, {measured.draws} draws of {measured.walkers} walkers"))
            difference = shorthand(measured.mean - record.energy.mean, noise, signed=True)
            lines.append(Text(f"difference  {difference}, z = {self.z:+.1f}"))
        lines += [Text(f"remark      {remark}") for remark in self.remarks]
        lines += [Text.assemble(("refused", "red"), f"     {problem}") for problem in self.problems]
        if self.confirmed and measured is not None:
            least = MOST_SIGMAS * _noise(record, measured)
            lines.append(
                Text.assemble(
                    ("confirmed", "green"), f"   an energy off by more than {least:.1g} would have been refused"
                )
            )
        return Text("\n").join(lines)


def verify(folder: Path, overrides: Sequence[str], prepare: Callable[[RunConfig], None]) -> Verdict:
    """Check the folder of a run or of a committed result, then measure the energy of its weights anew.

    Args:
        folder: What is to be verified.
        overrides: ``draws=``, ``walkers=`` and ``seed=`` of the measurement; the first two are those of the run unless
            given.
        prepare: Loads the backend that a configuration names; called once it is needed.

    Raises:
        ZooError: There is no readable record, or an argument cannot be used.
    """
    record = read_record(folder / RECORD)
    committed = folder.resolve().is_relative_to(RESULTS.resolve())
    problems = validation.result_problems(folder, RESULTS) if committed else _of_loose(folder)
    file = saved.weights_of(record)
    if problems or file is None or record.config is None or record.energy is None:
        return Verdict(record, tuple(problems))
    config = RunConfig.from_dict(record.config)
    budget = evaluation(overrides, config)
    if budget["observables"]:
        raise ZooError("observables: expected draws, walkers or seed: the energy alone is verified")
    prepare(config)
    from harness.remeasurement import remeasure

    try:
        found = remeasure(
            config, folder / file.path, budget["draws"], budget["walkers"], budget["seed"], record.model.parameters
        )
    except ZooError as error:
        return Verdict(record, (str(error),))
    return judge(record, found.energy, found.equilibrated)


def judge(record: RunRecord, measured: Summary, equilibrated: bool = True) -> Verdict:
    """Compare a claim with a new measurement."""
    assert record.energy is not None and record.variance is not None  # `verify` lets no record through without them
    difference, noise = measured.mean - record.energy.mean, _noise(record, measured)
    problems = []
    if abs(difference) > MOST_SIGMAS * noise:
        problems.append(
            f"energy.mean {record.energy.mean}: its weights give {shorthand(measured.mean, measured.stderr)}, which is "
            f"{abs(difference) / noise:.3g} combined standard errors away"
        )
    least, most = sorted((record.variance, measured.variance))
    if most > MOST_VARIANCE_RATIO * least and math.sqrt(most) > _rounding(record):
        problems.append(
            f"variance {record.variance:.3g}: its weights give {measured.variance:.3g}, a factor of more than "
            f"{MOST_VARIANCE_RATIO:g}"
        )
    remarks = () if equilibrated else ("log|Psi| still drifted when the measurement began",)
    return Verdict(record, tuple(problems), measured, difference / noise, remarks)


def _of_loose(folder: Path) -> list[str]:
    """Problems of a run, or of a result that lies elsewhere, such as in a checkout of somebody else's."""
    if (folder / validation.BLOCKS).exists():
        return validation.run_problems(folder)
    return validation.result_problems(folder, folder.parents[2])


def _noise(record: RunRecord, measured: Summary) -> float:
    assert record.energy is not None
    return math.hypot(record.energy.stderr, measured.stderr, _rounding(record) / MOST_SIGMAS)


def _rounding(record: RunRecord) -> float:
    assert record.energy is not None
    return _ROUNDING[record.compute.precision] * max(1.0, abs(record.energy.mean))
