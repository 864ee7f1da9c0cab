"""Names of lattice systems as VarBench writes them: ``square_16_P_5_4``.

They are ``lattice_sites_boundary_electrons_interaction``, with the electrons of each spin and U of the Hubbard model,
or all fermions and V of the t-V model. One boundary letter stands for all axes. A rectangle spells out its extents,
``rectangular-4x16_64_PO_28_8``. (D. Wu et al., Science 386, 296 (2024); github.com/varbench.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from zoo.errors import ZooError, suggestion
from zoo.parameters import plain_text
from zoo.systems.hubbard import Hubbard
from zoo.systems.lattice_kinds import LATTICES, canonical
from zoo.systems.lattice_model import LatticeModel
from zoo.systems.t_v import TV

_NAME = re.compile(
    r"(?:(?P<model>hubbard|tv)[/_])?(?P<lattice>[a-z]+)(?:[-_](?P<x>\d+)x(?P<y>\d+))?_(?P<sites>\d+)"
    r"_(?P<boundary>[pao]+)_(?P<count>\d+)_(?P<strength>-?[\d.]+)"
)
EXPECTED = "a name such as square_16_P_5_4: lattice, sites, boundaries, electrons of each spin, U"


def is_name(name: str) -> bool:
    """Whether a text has the form of such a name."""
    return _NAME.fullmatch(name.lower()) is not None


def parse(name: str) -> tuple[type[LatticeModel], dict[str, Any]]:
    """The family and the parameters that a name stands for.

    Args:
        name: Such as ``square_16_P_5_4``, ``Hubbard/square_16_P_5_4`` or ``tV/chain_32_P_16_1``, in any case; without
            a model it is the Hubbard model.

    Raises:
        ZooError: It is no such name, or there is no such lattice.
    """
    match = _NAME.fullmatch(name.lower())
    if match is None:
        raise ZooError(f"{name}: expected {EXPECTED}")
    lattice, sites = {"rectangular": "rectangle"}.get(match["lattice"], match["lattice"]), int(match["sites"])
    if lattice not in LATTICES:
        raise ZooError(f"{name}: unknown lattice {lattice!r}{suggestion(lattice, LATTICES)}")
    kind, basis = LATTICES[lattice], len(LATTICES[lattice].basis)
    if match["x"]:
        extent = (int(match["x"]), int(match["y"]))
    else:
        extent = (round((sites / basis) ** (1 / kind.n_axes)),) * kind.n_axes
    if math.prod(extent) * basis != sites or len(extent) != kind.n_axes:
        text = "x".join(map(str, extent))
        raise ZooError(f"{name}: {sites} sites: a {lattice} of {text} has {math.prod(extent) * basis}; expected these")
    letters = match["boundary"].upper()
    boundary = letters * kind.n_axes if len(letters) == 1 else letters
    try:
        strength = float(match["strength"])
    except ValueError:
        raise ZooError(f"{name}: {match['strength']} is no number; expected {EXPECTED}") from None
    shape: dict[str, Any] = {"lattice": lattice, "extent": extent, "boundary": boundary}
    count = int(match["count"])
    if match["model"] == "tv":
        return TV, {**shape, "v": strength, "n_up": count}
    return Hubbard, {**shape, "u": strength, "n_up": count, "n_down": count}


def expand(arguments: Sequence[str]) -> list[str]:
    """Arguments ``KEY=VALUE``, with ``system=`` such a name put in terms of a family and its keys.

    Keys that are given beside the name come before what the name says.
    """
    given = {argument.partition("=")[0] for argument in arguments}
    expanded: list[str] = []
    for argument in arguments:
        key, _, name = argument.partition("=")
        if key != "system" or not is_name(name):
            expanded.append(argument)
            continue
        family, values = parse(name)
        expanded.append(f"system={family.family}")
        keys = [(f"system.{key}", value) for key, value in values.items()]
        expanded += [f"{key}={plain_text(value)}" for key, value in keys if key not in given]
    return expanded


def lattice_name(system: LatticeModel) -> str | None:
    """Such as ``square_16_P``; None where VarBench has no name: chains and squares of equal sides have one."""
    kind = canonical(system.lattice)
    if system.twist or kind not in ("chain", "rectangle") or len(set(system.extent)) != 1:
        return None
    letters = "".join(sorted(set(system.boundary), key="PAO".index))
    return f"{'chain' if kind == 'chain' else 'square'}_{system.n_sites}_{letters}"
