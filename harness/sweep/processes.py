"""The jobs of a sweep as processes on this machine, some at a time."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from harness.interruption import Interruption
from harness.sweep.plan import Job


def run_here(jobs: Sequence[Job], at_once: int, on_change: Callable[[Job, str], None]) -> bool:
    """Run the jobs, ``at_once`` of them at a time; one that fails does not stop the others.

    The processors are divided between the runs that go on at the same time, and so are the GPUs, of which a run gets
    one. What a run prints goes to its log.

    Args:
        on_change: Called with a job and ``"started"``, or its status when it has ended.

    Returns:
        False where SIGINT or SIGTERM ended it: the runs have saved a checkpoint, and those that waited have not begun.
    """
    slots: queue.Queue[int] = queue.Queue()
    for slot in range(at_once):
        slots.put(slot)
    processors = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    gpus = visible_gpus()
    running: set[subprocess.Popen] = set()
    guard = threading.Lock()
    ended = threading.Event()

    def run(job: Job) -> None:
        slot = slots.get()
        try:
            with job.log.open("a", encoding="utf-8") as log:
                with guard:  # so that whoever is started is also told to stop
                    if ended.is_set():
                        return
                    process = _start(job, log, processors[slot::at_once], gpus[slot % len(gpus)] if gpus else None)
                    running.add(process)
                on_change(job, "started")
                process.wait()
            with guard:
                running.discard(process)
            on_change(job, job.status)
        finally:
            slots.put(slot)

    def stop() -> None:
        with guard:
            ended.set()
            for process in running:
                process.send_signal(signal.SIGTERM)

    with Interruption() as interruption, ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.2)
                if interruption.signal is not None and not ended.is_set():
                    stop()
        except BaseException:  # a second signal: the processes must not outlive this one
            stop()
            raise
        for future in futures:
            future.result()
    return not ended.is_set()


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, without loading a backend."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return [str(number) for number, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU")]


def _start(job: Job, log: TextIO, processors: list[int], gpu: str | None) -> subprocess.Popen:
    environment = dict(os.environ)
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    process = subprocess.Popen(
        job.command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,  # a terminal's Ctrl-C comes to this process alone, which then tells each run once
    )
    if processors and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, processors)  # before it has any threads: these keep to the same processors
    return process
