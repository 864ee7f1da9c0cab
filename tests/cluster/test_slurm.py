"""A sweep on a real Slurm of one node, where its packages are installed."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sweep_on_slurm.py")


@pytest.mark.slow
def test_a_requeued_run_goes_on_from_its_checkpoint(tmp_path):
    """The script says what it does. Of its minutes Slurm waits two before it starts a requeued job again."""
    pytest.importorskip("submitit")
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=3000)
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the one that was put back went on from its checkpoint" in done.stdout
