"""What the benchmarks beside other libraries share: each peer lives in an environment of its own."""

from __future__ import annotations

import subprocess
import sys


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def check_peer(python: str | None, name: str, imports: str, install: str, without: str) -> str | None:
    """The interpreter if the peer is installed there; says so if not.

    Args:
        python: The interpreter; this one if None.
        name: Of the peer.
        imports: Modules that have to be there, such as ``"folx, jax"``.
        install: What pip is to install.
        without: What becomes of the table.
    """
    python = python or sys.executable
    found = subprocess.run([python, "-c", f"import {imports}"], capture_output=True, text=True)
    if found.returncode == 0:
        return python
    report(f"{name} is missing: {python} cannot import it ({found.stderr.strip().splitlines()[-1]}).")
    report(f"{without} To fill them: python -m venv PEER && PEER/bin/pip install {install},")
    report("then give --peer-python PEER/bin/python.")
    return None
