"""Any wavefunction of a lattice, projected onto a symmetry sector."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo import registry
from zoo.errors import ZooError
from zoo.layers.determinant import sum_of_determinants
from zoo.systems.base import LatticeSystem
from zoo.systems.symmetry import Symmetry
from zoo.wavefunction import Wavefunction


class Projected(Wavefunction):
    r"""Psi_P(n) = sum_g chi(g) s_g(n) Psi(g n), over the elements g of a group of symmetries.

    s_g(n) is the sign of U_g |n> = s_g(n) |g n>: of the order of the electrons and of the boundaries they cross
    (`zoo.systems.symmetry`). The characters chi are real, so that Psi_P is.

    Args:
        system: A lattice system.
        base: Name of the model that is projected.
        options: Hyperparameters of that model.
        momentum: For each axis the momentum in units of 2 pi / extent, 0 or half the extent; empty for no projection.
        point_group: ``"none"``, ``"trivial"`` (the character 1), or the characters, +1 or -1, of the elements in the
            order of `zoo.systems.base.LatticeSystem.symmetries`.
        spin_flip: The character of the exchange of the spins, +1 or -1; 0 for no projection.
    """

    def __init__(
        self,
        system: LatticeSystem,
        base: str = "slater_jastrow",
        options: dict[str, Any] | None = None,
        momentum: Sequence[int] = (),
        point_group: str | Sequence[int] = "none",
        spin_flip: int = 0,
        name=None,
    ):
        options = dict(options or {})
        super().__init__(
            system,
            name=name,
            base=base,
            options=options,
            momentum=list(momentum),
            point_group=point_group if isinstance(point_group, str) else list(point_group),
            spin_flip=spin_flip,
        )
        self.base = registry.create_model(base, system, **options)
        kinds = [_translations(system, momentum), _point_group(system, point_group), _spin_flip(system, spin_flip)]
        found = list(itertools.product(*kinds))
        elements = [functools.reduce(Symmetry.after, [element for element, _ in parts]) for parts in found]
        self.characters = np.array([math.prod(character for _, character in parts) for parts in found])
        self.inverses = np.array([np.argsort(element.permutation) for element in elements], dtype="int32")
        self.flips = np.array([element.flips_spin for element in elements])
        self.crossings = np.stack([element.crossings for element in elements])
        self.negative = np.stack([element.signs < 0 for element in elements])
        self.create_weights()

    def call(self, occupations):
        n_elements, n_sites = self.inverses.shape
        images = self._images(occupations)
        sign, log_abs = self.base(ops.reshape(images, (-1, 2, n_sites)))
        sign, log_abs = (ops.reshape(x, (-1, n_elements)) for x in (sign, log_abs))
        return sum_of_determinants(sign * self._signs(occupations), log_abs)

    def _images(self, occupations):
        """g n for every element, ``(batch, elements, 2, n_sites)``."""
        moved = ops.take(occupations, self.inverses.reshape(-1), axis=2)
        moved = ops.transpose(ops.reshape(moved, (-1, 2, *self.inverses.shape)), (0, 2, 1, 3))
        if not self.flips.any():
            return moved
        flips = ops.convert_to_tensor(self.flips[:, None, None])
        return ops.where(flips, ops.flip(moved, axis=2), moved)

    def _signs(self, occupations):
        """chi(g) s_g(n), ``(batch, elements)``."""
        filled = ops.cast(occupations, keras.config.floatx())
        constant = lambda array: ops.convert_to_tensor(np.asarray(array, dtype=keras.config.floatx()))  # noqa: E731
        crossed = ops.einsum("bsi,gij,bsj->bg", filled, constant(self.crossings), filled)
        crossed = crossed + ops.einsum("bsi,gi->bg", filled, constant(self.negative))
        both = float(self.system.n_up * self.system.n_down)
        crossed = crossed + constant(self.flips * both)
        return (1.0 - 2.0 * ops.mod(crossed, 2.0)) * constant(self.characters)


def _identity(system: LatticeSystem) -> tuple[Symmetry, int]:
    return system.symmetries("spin_flip")[0], 1


def _translations(system: LatticeSystem, momentum: Sequence[int]) -> list[tuple[Symmetry, int]]:
    if not len(momentum):
        return [_identity(system)]
    geometry: Any = system.geometry
    where = f"model.momentum={list(momentum)}"
    if len(momentum) != len(geometry.extent):
        raise ZooError(f"{where}: expected a number for each of the {len(geometry.extent)} axes, or none at all")
    for wave, extent, letter in zip(momentum, geometry.extent, geometry.boundary, strict=True):
        if letter == "O" and wave:
            raise ZooError(f"{where}: expected 0 along an open axis")
        if 2 * wave % extent:
            half = f" or {extent // 2}" if extent % 2 == 0 else ""
            raise ZooError(f"{where}: expected 0{half} along {extent} sites, where the wavefunction is real")
        if letter == "A" and system.n_electrons % 2:
            raise ZooError(f"{where}: an odd number of electrons has no real momentum on an antiperiodic axis")
    closed = [1 if letter == "O" else extent for extent, letter in zip(geometry.extent, geometry.boundary, strict=True)]
    found = system.symmetries("translations")
    cells = np.array(list(np.ndindex(*closed)))
    if len(found) != len(cells):
        raise ZooError(f"{where}: the lattice has {len(found)} translations, {len(cells)} were expected")
    half_turns = (2 * np.array(momentum) * cells // closed).sum(axis=1)
    return list(zip(found, (1 - 2 * (half_turns % 2)).tolist(), strict=True))


def _point_group(system: LatticeSystem, choice: str | Sequence[int]) -> list[tuple[Symmetry, int]]:
    if choice == "none":
        return [_identity(system)]
    elements = system.symmetries("point_group")
    if isinstance(choice, str) and choice != "trivial":
        raise ZooError(f"model.point_group={choice}: expected none, trivial or {len(elements)} characters")
    characters = [1] * len(elements) if isinstance(choice, str) else list(choice)
    if len(characters) != len(elements) or any(c not in (1, -1) for c in characters):
        raise ZooError(f"model.point_group={characters}: expected {len(elements)} numbers, each 1 or -1")
    return list(zip(elements, characters, strict=True))


def _spin_flip(system: LatticeSystem, character: int) -> list[tuple[Symmetry, int]]:
    if not character:
        return [_identity(system)]
    elements = system.symmetries("spin_flip")
    if len(elements) == 1:
        raise ZooError(f"model.spin_flip={character}: expected as many electrons of each spin, or 0")
    return [(elements[0], 1), (elements[1], character)]
