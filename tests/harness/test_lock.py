"""One process at a time in a run's folder."""

import os
import subprocess
import sys

import pytest

from harness.lock import exclusive
from zoo.errors import ZooError

HOLD = "import sys; from pathlib import Path; from harness.lock import exclusive\n"
HOLD += "with exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_process_is_refused_and_told_by_whom(tmp_path, holder):
    with (
        pytest.raises(ZooError, match=f"process {holder.pid} on .* is working in this run folder"),
        exclusive(tmp_path),
    ):
        raise AssertionError("entered")


def test_a_killed_process_holds_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()
    with exclusive(tmp_path):
        assert (tmp_path / ".lock").read_text().startswith(f"process {os.getpid()} on ")
    with exclusive(tmp_path):  # and neither does one that has left
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ZooError, match="cannot write there: Permission denied"), exclusive(tmp_path):
        raise AssertionError("entered")


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(ZooError, match="cannot write there: No such file"), exclusive(tmp_path / "gone"):
        raise AssertionError("entered")
