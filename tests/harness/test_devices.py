"""Walkers shared by several devices, and by several processes: the same seed gives the same energies."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.config import RunConfig, compose, distributed
from harness.record import RunRecord, read_record
from harness.settings import DistributedSettings
from zoo.errors import ZooError

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("shared_run.py")
TOLERANCE = 1e-8
SMALL = [
    *("model=sj", "system=hubbard", "system.extent=[4]", "system.boundary=A", "system.n_up=2", "system.n_down=2"),
    *("train.steps=4", "train.walkers=16", "train.read_every=2", "evaluate.draws=8", "evaluate.walkers=32"),
    *("evaluate.equilibration=1", "backend=jax", "device=cpu"),
]
RING = ["model=sj", "system=hubbard_chain_6", "train.walkers=24", "evaluate.walkers=48"]


def environment(devices: int = 0) -> dict[str, str]:
    """Of a process with so many devices, on JAX; what is compiled there need not be fast."""
    flags = "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=0 "
    flags += "--xla_llvm_disable_expensive_passes=true"
    forced = f" --xla_force_host_platform_device_count={devices}" if devices else ""
    return {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags + forced}


def begin(backend: str, counts: str, path: Path, *arguments: str, devices: int = 4) -> subprocess.Popen:
    """`shared_run.py`, which keeps ``CASE/COUNT/NAME`` in the file."""
    command = [sys.executable, PROGRAM, backend, counts, path, *arguments]
    return subprocess.Popen(command, env=environment(devices if backend == "jax" else 0), cwd=ROOT)


def on_devices(backend: str, counts: str, cases: list[str], folder: Path) -> dict[str, np.ndarray]:
    assert begin(backend, counts, folder / "found.npz", *cases).wait(timeout=1200) == 0
    return dict(np.load(folder / "found.npz"))


@pytest.fixture(scope="module")
def on_four(tmp_path_factory) -> dict[str, np.ndarray]:
    """A network in the continuum, and a lattice, on four devices of JAX and on one."""
    pytest.importorskip("jax")
    return on_devices("jax", "4,1", ["dot", "ratios"], tmp_path_factory.mktemp("jax"))


def assert_the_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], case: str) -> None:
    """Energies, walkers and parameters of a case, those found by ``CASE/COUNT/`` and those expected."""
    names = {key.rpartition("/")[2] for key in expected if key.startswith(f"{case}/1/")}
    assert {"training", "parameters", "walkers", "continued"} <= names
    assert np.ptp(expected[f"{case}/1/training"]) > 1e-3
    counts = {key.split("/")[1] for key in found if key.startswith(f"{case}/")}
    assert counts
    for count in counts:
        for name in names:
            wanted = expected[f"{case}/1/{name}"]
            np.testing.assert_allclose(found[f"{case}/{count}/{name}"], wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["dot", "ratios"])
def test_the_same_energies_on_four_devices(on_four, case):
    """With natural gradients that are exact: a mean of those of four quarters would be another one."""
    assert_the_same(on_four, on_four, case)


@pytest.mark.slow
def test_the_same_energies_on_two_devices_of_tensorflow(tmp_path):
    found = on_devices("tensorflow", "2,1", ["trap"], tmp_path)
    assert_the_same(found, found, "trap")


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "counts"), [("jax", "4,2,1"), ("tensorflow", "2,1")])
def test_the_same_energies_with_every_optimiser(backend, counts, tmp_path):
    """Also measured ones, of other numbers of walkers."""
    pytest.importorskip(backend)
    cases = ["dot!", "ring!", "ratios!", "adam!", "sr!"]
    found = on_devices(backend, counts, cases, tmp_path)
    for case in cases:
        assert_the_same(found, found, case)


def in_two_processes() -> tuple[str, str, str]:
    """Keys of the two processes on this machine; ``{}`` is the number of each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"distributed.coordinator=127.0.0.1:{port}", "distributed.processes=2", "distributed.process={}"


@pytest.mark.slow
def test_the_same_energies_in_two_processes_with_two_devices_each(on_four, tmp_path):
    keys, paths = in_two_processes(), [tmp_path / f"{number}.npz" for number in range(2)]
    processes = [
        begin("jax", "2", path, "ratios", *(key.format(number) for key in keys), devices=2)
        for number, path in enumerate(paths)
    ]
    assert [process.wait(timeout=900) for process in processes] == [0, 0]
    for path in paths:
        assert_the_same(dict(np.load(path)), on_four, "ratios")


def run(folder: Path, *keys: str, devices: int = 0) -> subprocess.Popen:
    """A run of the command line on JAX, in a process of its own."""
    arguments = ["-m", "zoo.cli", "run", *SMALL, *keys, f"out={folder}"]
    return subprocess.Popen(
        [sys.executable, *arguments], env=environment(devices), cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def kept(folder: Path) -> tuple[np.ndarray, np.ndarray, RunRecord]:
    """Energies of training and measurement, and the record, of the one run there."""
    (record,) = folder.rglob("record.json")
    rows = [json.loads(line) for line in (record.parent / "train.jsonl").read_text().splitlines()]
    blocks = np.load(record.parent / "blocks.npz")["energies"]
    return np.array([row["energy"] for row in rows]), blocks, read_record(record)


@pytest.mark.slow
def test_two_processes_are_one_run_that_the_first_one_keeps(tmp_path):
    pytest.importorskip("jax")
    keys = in_two_processes()
    processes = [
        run(tmp_path / str(number), *(key.format(number) for key in keys), "devices=2", devices=2)
        for number in range(2)
    ]
    for process in [*processes, run(tmp_path / "alone")]:
        printed = b"".join(process.communicate(timeout=900)).decode()
        assert process.returncode == 0, printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "alone"]
    (*energies, record), (*expected, alone) = kept(tmp_path / "0"), kept(tmp_path / "alone")
    for found, wanted in zip(energies, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    assert (record.status, record.compute.devices, alone.compute.devices) == ("completed", 4, 1)
    assert record.provenance.config_sha256 == alone.provenance.config_sha256


# Settings ------------------------------------------------------------------------------------------------------------


def test_devices_are_no_part_of_what_a_run_is():
    one, two, every = (compose([*RING, *keys]) for keys in ([], ["devices=2"], ["devices=all"]))
    assert (one.devices, two.devices, every.devices) == (1, 2, "all")
    assert one.sha256 == two.sha256 == every.sha256
    assert one.changed_keys(two) == []
    assert RunConfig.from_dict(two.to_dict()) == two


@pytest.mark.parametrize("typed", ["0", "-1", "1.5", "some"])
def test_numbers_of_devices_that_are_none(typed):
    with pytest.raises(ZooError, match=rf"^devices={typed}: expected 1 or more, or all$"):
        compose([*RING, f"devices={typed}"])


def test_walkers_have_to_divide():
    with pytest.raises(ZooError, match=r"^devices=5: expected a divisor of train\.walkers=24"):
        compose([*RING, "devices=5"])
    with pytest.raises(ZooError, match=r"^devices=8: expected a divisor of evaluate\.walkers=12"):
        compose([*RING[:-1], "evaluate.walkers=12", "devices=8"])


def test_a_run_goes_on_with_another_number_of_devices(tmp_path):
    (tmp_path / "config.yaml").write_text(compose(RING).to_yaml())
    assert RunConfig.read(tmp_path, ["devices=4"]).devices == 4
    with pytest.raises(ZooError, match=r"^seed=1: expected no keys but devices=N, the run in .* keeps its own$"):
        RunConfig.read(tmp_path, ["devices=4", "seed=1"])


def assert_refused(keys: list[str], environment: dict[str, str], message: str) -> None:
    """A run with these keys ends with that line, and leaves nothing behind."""
    arguments = ["-m", "zoo.cli", "run", *RING, "backend=jax", *keys, "--folder", "never"]
    done = subprocess.run([sys.executable, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"zoo: {message}\n")
    assert not (ROOT / "never").exists()


def test_more_devices_than_there_are():
    message = "devices=4: expected 1 to 2, JAX finds no more (cpu)"
    assert_refused(["device=cpu", "devices=4"], environment(2), message)


@pytest.mark.parametrize("device", ["gpu", "tpu"])
def test_a_device_that_is_not_there(device):
    alone = {**environment(1), "JAX_PLATFORMS": "cpu"}
    assert_refused([f"device={device}"], alone, f"device={device}: JAX finds only cpu")


def test_keys_of_a_process_among_several():
    given = ["distributed.coordinator=host:99", "distributed.processes=4", "distributed.process=3"]
    settings, others = distributed([*RING, *given])
    assert settings == DistributedSettings("host:99", 4, 3) and others == RING
    assert distributed(["distributed.coordinator=auto"])[0] == DistributedSettings("auto")
    assert distributed(RING) == (None, RING)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("coordinator=host", "distributed.coordinator=host: expected HOST:PORT, or auto"),
        ("process=0", "distributed.coordinator=: expected HOST:PORT, or auto"),
        ("coordinator=h:1 processes=2", "distributed.process=: expected a whole number"),
        ("coordinator=h:1 processes=2 process=2", "distributed.process=2: expected 0 to 1, as there are 2"),
        ("coordinator=auto process=1", "distributed.coordinator=auto: expected it without distributed.process"),
        ("coordinator=h:1 processes=two", "distributed.processes=two: expected an integer or null"),
        ("coordinater=h:1", "unknown key 'distributed.coordinater': did you mean 'distributed.coordinator'?"),
    ],
)
def test_keys_of_a_process_that_cannot_be(keys, message):
    with pytest.raises(ZooError) as error:
        distributed([f"distributed.{key}" for key in keys.split()])
    assert str(error.value) == message
