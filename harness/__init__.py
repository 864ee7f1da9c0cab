"""Variational Monte Carlo: samples, scores and optimises any wavefunction of the zoo.

`harness.VMC` is imported when first used, since it imports Keras; `harness.config` and `harness.record` are light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.vmc import VMC

__all__ = ["VMC"]


def __getattr__(name: str) -> Any:
    if name == "VMC":
        from harness.vmc import VMC

        return VMC
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
