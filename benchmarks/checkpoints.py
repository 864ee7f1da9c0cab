"""What checkpoints cost: the share of a run at default settings that goes into keeping what a kill must not lose.

    python benchmarks/checkpoints.py [KEY=VALUE...]

runs ``model=slater_jastrow system=quantum_dot_n2`` with the protocol that is the default, or whatever is given, in a
temporary folder, and times every save of a checkpoint, of the record and of the training log, from copying the state
off the device to the last fsync.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.config import compose
from harness.start import prepare

DEFAULT = ["model=slater_jastrow", "system=quantum_dot_n2"]
LARGEST_SHARE = 0.02


def main(overrides: list[str]) -> int:
    """Run, and print a table; returns 1 if the share is too large."""
    with tempfile.TemporaryDirectory(prefix="zoo-checkpoints-") as out:
        config = compose([*(overrides or DEFAULT), f"out={out}"])
        prepare(config.backend, config.device, config.precision)
        from harness import execution, runs, training_log

        spent: dict[str, list[float]] = {"checkpoints": [], "record": [], "training log": []}

        def timed(owner: Any, name: str, kind: str) -> None:
            plain: Callable = getattr(owner, name)

            def measured(*arguments, **options):
                began = time.perf_counter()
                try:
                    return plain(*arguments, **options)
                finally:
                    spent[kind].append(time.perf_counter() - began)

            setattr(owner, name, measured)

        timed(execution.Run, "save_checkpoint", "checkpoints")
        timed(execution, "write_record", "record")
        timed(training_log.Keeper, "on_train_batch_end", "training log")
        began = time.perf_counter()
        record = runs.start(config, "benchmarks/checkpoints.py")
        total = time.perf_counter() - began
        (folder,) = Path(out).glob("*/*/*")
        size = max(path.stat().st_size for path in (folder / "checkpoints").glob("*.npz"))
    print(f"{config.model_name} on {config.system_name}, {config.train.steps} steps, {record.status}: {total:.1f} s")
    for kind, seconds in spent.items():
        print(f"{kind:13} {len(seconds):5} times {sum(seconds):8.3f} s  {sum(seconds) / total:7.2%}")
    share = sum(map(sum, spent.values())) / total
    print(f"a state of {size / 1e3:,.0f} kB; together {share:.2%} of the run, at most {LARGEST_SHARE:.0%}")
    return 0 if share < LARGEST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
