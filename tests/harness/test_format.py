"""Values with their errors, as people write them."""

import pytest

from harness.format import shorthand


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-19.56123, 0.00081, "-19.5612(8)"),
        (20.1593, 0.00012, "20.15930(12)"),
        (20.1593, 0.00197, "20.159(2)"),
        (20.1593, 0.000999, "20.1593(10)"),
        (20.1593, 0.00094, "20.1593(9)"),
        (123.44, 1.2, "123.4(1.2)"),
        (5.0, 2.6, "5(3)"),
        (123456.0, 1234.0, "123456(1234)"),
        (3.0, 0.0, "3.00000000"),
        (3.0, 1e-12, "3.00000000"),
        (-0.5, None, "-0.5"),
        (0.0, 0.01, "0.000(10)"),
    ],
)
def test_shorthand(value, error, text):
    assert shorthand(value, error) == text


def test_shorthand_with_a_sign():
    assert shorthand(0.0123, 0.0004, signed=True) == "+0.0123(4)"
    assert shorthand(-0.0123, 0.0004, signed=True) == "-0.0123(4)"
