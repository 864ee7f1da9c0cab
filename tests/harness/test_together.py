"""What the first of several processes says to the others; with two real ones in `test_devices.py`."""

import pytest

from harness import together


@pytest.fixture
def said(monkeypatch) -> list[int]:
    """Everything that is said: 0 to go on, 1 to stop."""
    words: list[int] = []

    def from_first_process(word):
        words.append(int(word))
        return word

    monkeypatch.setattr(together.backend, "from_first_process", from_first_process)
    return words


def test_a_run_that_ends_by_itself(said):
    with together.leading() as word:
        assert word.goes_on() and word.goes_on()
    assert said == [0, 0, 1]


def test_a_run_that_was_stopped_has_heard_the_last_word(said):
    with together.leading() as word:
        assert word.goes_on()
        assert not word.goes_on(stop=True) and not word.goes_on()
    assert said == [0, 1]


@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_an_error_is_the_last_word(said, error):
    with pytest.raises(error), together.leading():
        raise error
    assert said == [1]


def test_a_second_signal_waits_for_nobody(said):
    with pytest.raises(KeyboardInterrupt), together.leading():
        raise KeyboardInterrupt
    assert said == []
