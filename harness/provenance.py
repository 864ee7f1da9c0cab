"""Where a result came from: versions, source, command."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import keras

import zoo
from harness import backend
from harness.clock import utc_now
from harness.config import RunConfig
from harness.record import Compute, Provenance


def provenance(config: RunConfig, command: str) -> Provenance:
    """Provenance of a run that starts now."""
    commit, dirty = _git_state()
    running = keras.config.backend()
    return Provenance(
        zoo_version=zoo.__version__,
        git_commit=commit,
        dirty=dirty,
        python=platform.python_version(),
        keras=keras.__version__,
        tensorflow=backend.version() if running == "tensorflow" else None,
        jax=backend.version() if running == "jax" else None,
        command=command,
        config_sha256=config.sha256,
        seed=config.seed,
        started_utc=utc_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def compute(config: RunConfig) -> Compute:
    """Backend and device of a run that has not trained yet."""
    return Compute(
        backend=keras.config.backend(),
        device=backend.device_name(),
        precision=config.precision,  # type: ignore[arg-type]  # checked by the configuration
        train_steps=0,
        train_seconds=None,
        evaluate_seconds=None,
        seconds_per_step=None,
        peak_memory_bytes=None,
        devices=backend.device_count(),
    )


def _git_state() -> tuple[str | None, bool | None]:
    """Commit of the checkout that this package is imported from, and whether it was changed since."""
    source = Path(zoo.__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", source, *arguments], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if git("ls-files", "--error-unmatch", "__init__.py") is None:  # installed, or inside somebody else's repository
        return None, None
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    return commit, None if changes is None else bool(changes)
