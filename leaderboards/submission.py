"""From the folder of a run to a committed result: checked, and reduced to what `results/README.md` lists."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.text import Text

from harness import saved
from harness.config import CONFIG_FILE
from harness.record import RECORD, read_record
from leaderboards import validation
from leaderboards.curves import CURVE, of_run


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Attributes:
        run: Its folder.
        result: Where it lies among the results; None if it was refused.
        reasons: Why it was refused.
        new: Whether it was not there before.
    """

    run: Path
    result: Path | None
    reasons: tuple[str, ...] = ()
    new: bool = True

    def __rich__(self) -> Text:
        if self.result is not None:
            word = ("submitted", "green") if self.new else ("known", "dim")
            return Text.assemble(word, f" {self.run}: {self.result}")
        return Text("\n").join(Text.assemble(("refused", "red"), f" {self.run}: {reason}") for reason in self.reasons)


def submit(runs: Iterable[Path], results: Path) -> list[Outcome]:
    """Copy the record, the settings, the weights and the condensed training curve of each run that is sound.

    Raises:
        ZooError: A folder holds no readable record; nothing is copied of any of them.
    """
    checked = [(run, validation.run_problems(run)) for run in runs]
    return [_submit(run, problems, results) for run, problems in checked]


def _submit(run: Path, problems: list[str], results: Path) -> Outcome:
    if problems:
        return Outcome(run, None, tuple(problems))
    record = read_record(run / RECORD)
    target = results / validation.place(record)
    if target.exists():
        if (target / RECORD).is_file() and (target / RECORD).read_bytes() == (run / RECORD).read_bytes():
            return Outcome(run, target, new=False)
        return Outcome(run, None, (f"{target}: expected nothing there, it holds another run of that second",))
    file = saved.weights_of(record)
    assert file is not None  # `run_problems` asks for one
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=results, prefix=".submit-") as name:
        made = Path(name) / target.name
        (made / file.path).parent.mkdir(parents=True)
        for path in (RECORD, CONFIG_FILE, file.path):
            shutil.copyfile(run / path, made / path)
        curve = of_run(run)
        if curve is not None:
            (made / CURVE).write_text(curve.to_jsonl(), encoding="utf-8")
        os.replace(made, target)  # whole or not at all
    return Outcome(run, target)
