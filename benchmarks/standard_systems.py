"""Run the standard systems under ``protocol=laptop`` and write the table of the README from the records.

    python benchmarks/standard_systems.py              runs what is missing, prints the table
    python benchmarks/standard_systems.py --write      also puts it into README.md, where rows of other runs stay
    python benchmarks/standard_systems.py --finished   only what has been run, starts nothing

Each run is one ``zoo run`` command in a process of its own; finished runs in --out are used again, so the script can
be interrupted and continued. A row says whether the energy is where it should be; the exit code is 1 if one is not, or
if a rung of the ladder lies above the one below it.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path

from harness.config import compose
from harness.format import shorthand
from harness.record import RECORD, RunRecord, read_record
from harness.sweep.reuse import recorded

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- standard systems: begin -->", "<!-- standard systems: end -->"


@dataclasses.dataclass(frozen=True)
class Case:
    """One run and the energy it should reach: at most ``highest``, and not below an exact reference by 4 sigma."""

    overrides: str
    highest: float
    largest_error: float = float("inf")

    def keys(self, seed: int) -> list[str]:
        return [*self.overrides.split(), f"seed={seed}"]


RUNGS = ("slater_jastrow", "slater_jastrow_backflow", "neural_backflow", "transformer_backflow")

LADDERS: dict[str, tuple[float, float, float, float]] = {
    "quantum_dot_n2": (3.0010, 3.0010, 3.0010, 3.0010),
    "quantum_dot_n6": (20.190, 20.168, 20.162, 20.160),
    "helium": (-2.895, -2.895, -2.895, -2.9032),
    "beryllium": (-14.62, -14.62, -14.62, -14.655),
    "lithium_hydride": (-8.050, -8.050, -8.050, -8.060),
    "hydrogen_molecule": (-1.1730, -1.1740, -1.1740, -1.1740),
    "electron_gas_n14": (8.02, 8.0, 8.0, 8.0),
    "electron_gas_n14 system.rs=5": (-1.10, -1.10, -1.10, -1.10),
    "hubbard_4x4": (-19.45, -19.45, -19.54, -19.54),
    "hubbard_4x4 system.u=8": (-17.15, -17.15, -17.38, -17.38),
    "hubbard_4x4_half system.u=8": (-8.25, -8.468875 * 0.99, -8.35, -8.35),
    "hubbard_chain_10": (-5.6, -5.6, -5.80, -5.80),
}
"""Of each system the energies, in hartree or t, that the four rungs should reach."""

CASES = [
    Case("model=slater_jastrow system=quantum_dot_n6 system.coulomb=false train.steps=0", 10 + 1e-9, 1e-9),
    Case("model=slater_jastrow system=hubbard_4x4 system.u=0 train.steps=0", -24 + 1e-9, 1e-9),
    *(
        Case(f"model={model} system={system}", highest, 2e-2 if "hubbard" in system else 3e-3)
        for system, energies in LADDERS.items()
        for model, highest in zip(RUNGS, energies, strict=True)
    ),
    Case("model=slater_jastrow system=hubbard_chain_6", -3.6687061789 * 0.975),
    Case("model=projected model.momentum=[0,0] model.spin_flip=-1 system=hubbard_4x4", -19.5809375 * 0.999),
    Case("model=projected model.momentum=[0,0] model.spin_flip=-1 system=hubbard_4x4 system.u=8", -17.5103667 * 0.997),
    Case(
        "model=projected model.base=neural_backflow model.options={hidden:32} model.momentum=[0] model.spin_flip=-1 "
        "system=hubbard_chain_10",
        -5.8343226 * 0.999,
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/standard_systems"), help="folder for the runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only commands that hold this text, such as system=helium")
    parser.add_argument("--finished", action="store_true", help="only runs that are there already")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write: expected all cases, not --only some")
    cases = [case for case in CASES if arguments.only in case.overrides]
    records = {}
    for case in cases:
        record = finished(case, arguments.seed, arguments.out)
        if record is None and not arguments.finished:
            record = run(case, arguments.seed, arguments.out)
        if record is not None:
            records[case.overrides] = record
    cases = [case for case in cases if case.overrides in records]
    reached = {case.overrides: within(case, records[case.overrides]) for case in cases}
    lines = {case.overrides: row(case, records[case.overrides], reached[case.overrides]) for case in cases}
    print("\n".join([*header(), *lines.values()]))
    ordered = not [system for system in LADDERS if not in_order(system, records)]  # every one reports
    if arguments.write:
        write(lines)
    return 0 if ordered and all(reached.values()) else 1


def write(lines: dict[str, str]) -> None:
    """Put rows, by their commands, into the table of the README; rows of cases that have not been run again stay."""
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    rows = [{**known, **lines}[case.overrides] for case in CASES if case.overrides in known | lines]
    README.write_text("\n".join([f"{before}{BEGIN}", *header(), *rows, f"{END}{after}"]))


def finished(case: Case, seed: int, out: Path) -> RunRecord | None:
    """The record of that run from an earlier time, if it is there."""
    config = compose(case.keys(seed))
    known = recorded(out / config.system_name / config.model_name, diverged=False)
    for message in known.unreadable:
        print(message, file=sys.stderr)
    folder = known.ended.get(config.sha256)
    return read_record(folder / RECORD) if folder else None


def run(case: Case, seed: int, out: Path) -> RunRecord | None:
    command = [sys.executable, "-m", "zoo.cli", "run", *case.keys(seed), f"out={out}"]
    print("+ zoo", *command[3:], file=sys.stderr)
    subprocess.run(command, check=True, stdout=sys.stderr)
    return finished(case, seed, out)


def within(case: Case, record: RunRecord) -> bool:
    energy, reference = record.energy, record.reference
    assert energy is not None
    above_exact = reference is None or reference.kind != "exact" or _sigmas_below(record) < 4
    return energy.mean <= case.highest and energy.stderr <= case.largest_error and above_exact


def _sigmas_below(record: RunRecord) -> float:
    energy, reference = record.energy, record.reference
    assert energy is not None and reference is not None
    return (reference.energy - energy.mean) / max(energy.stderr, reference.uncertainty or 0.0, 1e-9)


def in_order(system: str, records: dict[str, RunRecord]) -> bool:
    """Whether no rung lies above the one below, nor the third and fourth above the second, by more than 3 sigma."""
    ladder = [records.get(f"model={model} system={system}") for model in RUNGS]
    ordered = True
    for below, above in ((0, 1), (1, 2), (1, 3)):
        pair = [None if record is None else record.energy for record in (ladder[below], ladder[above])]
        if pair[0] is None or pair[1] is None:
            continue
        gap, error = pair[1].mean - pair[0].mean, (pair[0].stderr ** 2 + pair[1].stderr ** 2) ** 0.5
        if gap > 3 * max(error, 1e-9):
            print(f"{system}: {RUNGS[above]} lies {shorthand(gap, error)} above {RUNGS[below]}", file=sys.stderr)
            ordered = False
    return ordered


def header() -> list[str]:
    return [
        "| command: `zoo run` ... | energy | reference | variance | correlation | training | version | as wanted |",
        "|---|---|---|---|---|---|---|---|",
    ]


def row(case: Case, record: RunRecord, ok: bool) -> str:
    energy, reference, error = record.energy, record.reference, record.error
    assert energy is not None
    recovered = "" if error is None or error.correlation_recovered is None else f"{error.correlation_recovered:.1%}"
    known = "" if reference is None else f"{shorthand(reference.energy, reference.uncertainty)} ({reference.kind})"
    value = shorthand(energy.mean, energy.stderr)
    of_clock, of_processors = record.compute.train_seconds, record.compute.train_cpu_seconds
    taken = of_clock if of_processors is None else of_processors
    seconds = "" if taken is None else f"{taken:.0f} s"
    measured = f"{record.variance:.2g}", recovered, seconds, record.provenance.zoo_version
    cells = [f"`{case.overrides}`", value, known, *measured, "yes" if ok else "no"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
