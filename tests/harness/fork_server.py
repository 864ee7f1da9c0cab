"""Starts `zoo` as real processes, fast: a process that has imported everything, and computed nothing, forks for each.

Reads one JSON object a line from standard input and answers each with a line. ``{"arguments": [...], "log": PATH}``
starts ``zoo ARGUMENTS`` and answers its process number; ``{"wait": NUMBER}`` answers the exit code, minus the signal
where one ended it, as `subprocess` does.
"""

import json
import os
import signal
import sys

from harness.start import prepare

prepare(sys.argv[1], "cpu", "float64")

import zoo.cli  # noqa: E402
from harness import runs  # noqa: E402, F401  # imported for the processes that are forked


def start(arguments: list[str], log: str) -> int:
    number = os.fork()
    if number:
        return number
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, own in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, own)
    sys.argv[0] = "zoo"
    sys.exit(zoo.cli.main(arguments))


def wait(number: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    answer = wait(request["wait"]) if "wait" in request else start(request["arguments"], request["log"])
    print(answer, flush=True)
