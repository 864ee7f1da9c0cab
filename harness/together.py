"""Several processes of one run: the first one decides and keeps the files, the others compute the same beside it.

All of them come by the same points of a run in the same order, and at each of these the first one says whether they go
on. So what only it knows, a signal or an error, ends all of them at one place, and none waits for another for ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import numpy as np

from harness import backend
from harness.calculation import create_calculation
from harness.config import RunConfig
from harness.interruption import Interruption
from harness.vmc import VMC, Diverged
from zoo.errors import ZooError


class Stopped(Exception):
    """The first process has said that the run ends here."""


class Word:
    """What the first process says: go on, or stop. A process by itself says it to nobody.

    Attributes:
        stopped: Whether the last word has been said.
    """

    def __init__(self) -> None:
        self.stopped = False

    def goes_on(self, stop: bool = False) -> bool:
        """Whether the run goes on; ``stop`` counts in the first process."""
        if not self.stopped:
            self.stopped = bool(backend.from_first_process(np.array(stop, dtype="int32")))
        return not self.stopped

    def end(self) -> None:
        """Say, or hear, the last word, unless it has been said."""
        self.goes_on(stop=True)


@contextlib.contextmanager
def leading() -> Iterator[Word]:
    """What the first process does of a run: whatever ends it, also an error, is the last word for the others."""
    word = Word()
    try:
        yield word
    except KeyboardInterrupt:  # a second signal does not wait for others
        raise
    except BaseException:
        word.end()
        raise
    word.end()


def follow(config: RunConfig) -> None:
    """Compute a run beside the first process, from the state that it begins with; nothing is read or written."""
    word = Word()

    def check(*_) -> None:
        if not word.goes_on():
            raise Stopped

    with Interruption():  # a signal comes to all processes; what it means, the first one says
        try:
            check()
            vmc = create_calculation(config)
            check()
            vmc.share_state()
            vmc.fit(
                config.train.steps,
                callbacks=[_Listener(vmc, word)],
                read_every=config.train.read_every,
                equilibration=config.evaluate.equilibration,
            )
            check()
            vmc.evaluate(config.evaluate.draws, config.evaluate.walkers, config.evaluate.equilibration, check)
        except (Stopped, Diverged, ZooError):
            pass  # they are those of the first process, which reports them
        word.end()


class _Listener(keras.callbacks.Callback):
    """Hears at the end of each epoch whether there is another one."""

    def __init__(self, vmc: VMC, word: Word):
        super().__init__()
        self.vmc, self.word = vmc, word

    def on_epoch_end(self, epoch, logs=None):
        self.vmc.stop_requested = not self.word.goes_on()
