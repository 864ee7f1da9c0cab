"""The training display on terminals of several widths and on a pipe."""

import io
import math

import pytest
from rich.console import Console

from harness import progress
from harness.progress import Progress


class Clock:
    """Time that passes only when told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def pipe(encoding="utf-8"):
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=80)


def lines(console):
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.file.encoding).splitlines()


def screen(display, width):
    """The display as a terminal of that width shows it, without colours."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    shown = Progress(display._total, display._title, display._reference, console)
    shown.__dict__.update({k: v for k, v in vars(display).items() if k not in ("_console", "_live")})
    with console.capture() as capture:
        console.print(shown._display())
    return capture.get().splitlines()


def test_a_pipe_gets_the_first_line_at_once_then_one_every_few_seconds_and_the_last(clock):
    console = pipe()
    with Progress(300, "slater_jastrow on quantum_dot_n6", 20.1597, console) as shown:
        assert lines(console) == ["slater_jastrow on quantum_dot_n6: 300 steps"]
        clock.now += 30  # compilation
        for step in range(10, 210, 10):
            shown.update(step, 20.1634, 0.0123, 0.5234, 0.531)
            if step == 10:
                assert len(lines(console)) == 2
            clock.now += 1
    first, second, third, fourth, last = lines(console)[1:]
    assert first == "step 10/300  E 20.163 ± 0.012  to reference +0.004  variance 0.523  acceptance 0.53"
    assert [line.split()[1] for line in (second, third, fourth, last)] == ["60/300", "110/300", "160/300", "200/300"]
    # 10 steps a second, compilation not counted: 240 steps are left at step 60
    assert second.endswith("0:24 left")


def test_the_end_is_not_told_twice(clock):
    console = pipe()
    with Progress(10, "title", None, console) as shown:
        clock.now += 65
        shown.update(10, 3.0, 0.0, 0.0, 0.5)
    assert lines(console)[1:] == ["step 10/10  E 3.000000 ± 0.000000  variance 0  acceptance 0.50  in 1:05"]


def test_a_resumed_run_tells_the_time_left_from_its_own_speed(clock):
    console = pipe()
    with Progress(1000, "title", None, console) as shown:
        shown.update(900, 1.0, 0.1, 1.0, 0.5)
        clock.now += 72
        shown.update(901, 1.0, 0.1, 1.0, 0.5)
    assert lines(console)[-1].endswith("1:58:48 left")  # 99 steps of 72 s


def test_messages_stay_in_order_and_are_no_markup(clock):
    console = pipe()
    with Progress(10, "a [red] model", None, console) as shown:
        shown.update(1, 1.0, 0.1, 1.0, 0.5)
        shown.message("step 1: [bold]3 of 8[/nothing] energies not finite; " + "x" * 100)
        clock.now += 6
        shown.update(2, math.nan, math.nan, math.inf, 0.0)
    title, first, message, second = lines(console)
    assert title == "a [red] model: 10 steps"
    assert message == "step 1: [bold]3 of 8[/nothing] energies not finite; " + "x" * 100
    assert first.startswith("step 1/10") and second.startswith("step 2/10  E nan ± nan")


def test_an_ascii_pipe_is_no_error(clock):
    console = pipe("ascii")
    with Progress(10, "title", None, console) as shown:
        shown.update(1, 1.0, 0.01, 1.0, 0.5)
    assert "E 1.000 +/- 0.010" in lines(console)[1]


def interrupted(console):
    with Progress(10, "title", None, console) as shown:
        shown.update(1, 1.0, 0.1, 1.0, 0.5)
        shown.update(2, 1.0, 0.1, 1.0, 0.5)
        raise KeyboardInterrupt


def test_an_exception_passes_through_after_the_last_line(clock):
    console = pipe()
    with pytest.raises(KeyboardInterrupt):
        interrupted(console)
    assert lines(console)[-1].startswith("step 2/10")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_two_lines_fit_every_terminal(clock, width):
    shown = Progress(300, "slater_jastrow_backflow on quantum_dot_n6", 20.1597, pipe())
    shown.update(10, 20.3, 0.01, 0.5, 0.53)
    clock.now += 10
    shown.update(110, 20.16341, 0.00123, 0.5234, 0.531, {"damping": 1e-3, "step size": 0.0312})
    head, numbers = screen(shown, width)
    assert max(len(head), len(numbers)) <= width
    assert head.rstrip().endswith("110/300  0:19 left")
    assert ("slater_jastrow_backflow on quantum_dot_n6" in head) == (width >= 80)
    assert numbers.startswith("E 20.1634 ± 0.0012  to reference +0.0037"[:width])
    assert ("acceptance 0.53" in numbers) == (width >= 80)
    assert ("damping 0.001" in numbers) == (width >= 100)


def test_a_terminal_is_drawn_live_and_left_with_the_final_state():
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system=None)
    with Progress(2, "model on system", None, console) as shown:
        assert "0/2" in file.getvalue()
        shown.update(1, 1.0, 0.1, 1.0, 0.5)
        shown.message("a recovery")
        shown.update(2, 1.5, 0.1, 1.0, 0.5)
    assert "a recovery" in file.getvalue()
    assert "E 1.50 ± 0.10" in file.getvalue().splitlines()[-2]
    assert file.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


def test_other_numbers_than_energies(clock):
    console = pipe()
    with Progress(40, "pretraining", None, console) as shown:
        shown.show(20, [("loss", "0.5")])
        clock.now += 4
        shown.show(40, [("loss", "0.01")])
    assert lines(console) == ["pretraining: 40 steps", "step 20/40  loss 0.5", "step 40/40  loss 0.01  in 0:04"]


def test_no_steps_at_all_is_no_error(clock):
    console = pipe()
    with Progress(0, "title", None, console) as shown:
        pass
    assert lines(console) == ["title: 0 steps"]
    assert "0/0" in screen(shown, 80)[0]
