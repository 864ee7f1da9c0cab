"""Markov chains that sample |Psi|^2: walkers are explicit state, moves are pure functions."""

from __future__ import annotations

from collections.abc import Callable

from harness.sampling.lattice import LatticeSampler
from harness.sampling.metropolis import GaussianSampler
from harness.settings import SamplerSettings
from zoo.systems.base import System

__all__ = ["GaussianSampler", "LatticeSampler", "Sampler", "create_sampler"]

Sampler = GaussianSampler | LatticeSampler


def create_sampler(system: System, settings: SamplerSettings) -> Sampler:
    """The sampler for the space of the system."""
    kinds: dict[str, Callable[..., Sampler]] = {"continuum": GaussianSampler, "lattice": LatticeSampler}
    return kinds[system.space](system, settings)
