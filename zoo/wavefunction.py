"""The contract of every wavefunction in the zoo."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.errors import ZooError
from zoo.systems.base import LatticeSystem, System

CUSPS = frozenset({"opposite_spin", "same_spin", "nucleus"})
"""Pairs of particles that can meet: electrons of opposite and of equal spin, an electron and a nucleus."""


class Wavefunction(keras.Model):
    """A Keras model from configurations to ``(sign, log_abs)``, each of shape ``(batch,)``.

    Continuum configurations are positions ``(batch, n_electrons, dim)``, spin up first; lattice configurations are
    occupations ``(batch, 2, n_sites)``. `call` holds `keras.ops` and Keras layers only, with static shapes apart
    from the batch, and does not mix samples. Psi must be antisymmetric under the exchange of equal spins.

    Args:
        system: The system that the wavefunction is for.
        hyperparameters: What the subclass adds to its configuration.

    Attributes:
        spin_flip_symmetric: In the continuum, whether |Psi| stays where all up electrons change places with as many
            down ones; the conformance kit holds a class that says so to it.
        exact_cusps: In the continuum, where particles meet with the slope of Kato's condition for all weights: among
            `CUSPS`. The conformance kit holds a class to what it names, and reports the others as not claimed; a model
            that learns a cusp leaves it out.
        needs_pretraining: Whether the first weights are random, so that a run first fits `orbital_matrices` to the
            orbitals of the system (`harness.pretraining`).
        complex_values: On a lattice, whether it takes complex hoppings (`LatticeSystem.is_complex`): ``sign`` is then a
            complex number of modulus one, while weights stay real. A model that does not refuses such systems.
        low_rank: On a lattice, how the ratios of Psi between configurations a hop apart follow without determinants,
            from the weights that `low_rank_factors` gives; None for models in which a hop changes all orbitals.
    """

    spin_flip_symmetric: bool = False
    exact_cusps: frozenset[str] = CUSPS
    needs_pretraining: bool = False
    complex_values: bool = False
    low_rank: Any = None

    def __init__(self, system: System, name: str | None = None, **hyperparameters: Any):
        super().__init__(name=name)
        if not self.complex_values and isinstance(system, LatticeSystem) and system.is_complex:
            raise ZooError(
                f"{type(self).__name__}: its values are real, and the hopping is complex, as by a twist other than 0 "
                "and 0.5; expected a real Hamiltonian"
            )
        self.system: Any = system  # a ContinuumSystem or a LatticeSystem, by its `space`
        self.hyperparameters = hyperparameters

    @property
    def is_complex(self) -> bool:
        """Whether ``sign`` is a complex number of modulus one: where the Hamiltonian is complex."""
        return isinstance(self.system, LatticeSystem) and self.system.is_complex

    def create_weights(self) -> None:
        """Create every weight, by one symbolic call. Subclasses end their constructor with it."""
        if self.system.space == "continuum":
            shape, dtype = (None, self.system.n_electrons, self.system.dim), keras.config.floatx()
        else:
            shape, dtype = (None, 2, self.system.n_sites), "int8"
        self(keras.KerasTensor(shape, dtype=dtype))

    def orbital_matrices(self, positions) -> list:
        """The matrices under the determinants, for models that need pretraining.

        Returns:
            A single tensor ``(batch, K, n, n)`` with rows of all electrons and columns of up orbitals, then down ones;
            or one for each spin that has electrons, ``(batch, K, n_spin, n_spin)``.
        """
        raise NotImplementedError(f"{type(self).__name__} says needs_pretraining: expected a method orbital_matrices")

    def low_rank_factors(self) -> dict[str, Any]:
        """``factors`` of `zoo.layers.low_rank.LowRank`, of models with such ratios."""
        raise NotImplementedError(f"{type(self).__name__} has low_rank: expected a method low_rank_factors")

    def sample_configurations(self, batch: int, seed: int = 0) -> np.ndarray:
        """Plausible configurations of the system, for tests and first calls."""
        random = np.random.default_rng(seed)
        if self.system.space == "continuum":
            return self.system.initial_positions(random, batch).astype(keras.config.floatx())
        return self.system.initial_occupations(random, batch)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "system": {"family": self.system.family, "parameters": self.system.parameters()},
            **self.hyperparameters,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None):
        from zoo.registry import create_system

        config = dict(config)
        system = config.pop("system")
        return cls(create_system(system["family"], **system["parameters"]), **config)
