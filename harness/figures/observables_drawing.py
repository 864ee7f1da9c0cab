"""The figure of observables: panels of curves with error bars, and maps of the Brillouin zone."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from harness.figures.style import FAINT, INK, QUIET, SPIN_COLOURS, STYLE, plain, save
from harness.format import shorthand
from harness.observables import ObservablesFile, Profile
from harness.observables.wave_vectors import cell_reciprocal_vectors, reciprocal_vectors, steps
from zoo.systems.lattice import Lattice
from zoo.systems.lattice_kinds import canonical

MOST_COLUMNS = 4
RUN_COLOURS = ("#1f5a94", "#c2410c", "#1d7a53", "#6b3fa0", "#8a6d1c", "#444444")
MARKERS = ("o", "s", "^", "v", "D", "P")
NAMES = {
    "spin_structure_factor": ("spin structure factor", r"$S(q)$", "q"),
    "charge_structure_factor": ("charge structure factor", r"$N(q)$", "q"),
    "momentum_distribution": ("momentum distribution", r"$n_\sigma(k)$", "k"),
    "spin_correlation": ("spin correlation", r"$\langle S^z_0 S^z_r\rangle$", ""),
    "charge_correlation": ("charge correlation", r"$\langle\delta n_0\,\delta n_r\rangle$", ""),
    "pair_correlation": ("pair correlation", r"$\langle\Delta^\dagger_r\Delta_0\rangle$", ""),
}
PAIRS = {"s": "s, on one site", "extended_s": "extended s", "d": "d"}
FEW_ON_A_PATH = 4
"""Wave vectors on the path through the zone below which curves are drawn against the length instead."""
SAME = 1e-6


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured of one run.

    Attributes:
        label: Its name in the figure.
        profiles: By the name of the observable.
        words: How it was measured.
    """

    label: str
    profiles: dict[str, Profile]
    words: str

    @classmethod
    def of(cls, label: str, content: ObservablesFile) -> Measured:
        profiles = {name: content.profile(name) for name in content.observables}
        return cls(label, profiles, f"step {content.step}, {content.draws} draws of {content.walkers} walkers")


def draw(path: Path, title: str, lattice: Lattice, runs: Sequence[Measured]) -> None:
    """Write the figure.

    Args:
        path: The file.
        title: Runs and system.
        lattice: The lattice.
        runs: One for each run; several share the panels of curves, and have no maps.
    """
    import matplotlib  # here, as it takes half a second
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    panels = [panel for name in runs[0].profiles for panel in _panels(name, lattice, runs)]
    columns = min(len(panels), MOST_COLUMNS)
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(wspace=0.06, hspace=0.06)
        figure = Figure(figsize=(max(3.3 * columns, 5.0), 2.9 * rows + 0.75), layout=layout)
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for panel, one in zip(panels, axes, strict=False):
            panel(figure, one)
        for one in axes[len(panels) :]:
            one.remove()
        if len(runs) > 1:
            entries = [
                Line2D([], [], color=RUN_COLOURS[index % len(RUN_COLOURS)], marker="o", markersize=4, label=run.label)
                for index, run in enumerate(runs)
            ]
            figure.legend(
                handles=entries, loc="outside upper right", ncols=min(len(runs), 4), frameon=False, fontsize=8
            )
        how = "; ".join(run.words if len(runs) == 1 else f"{run.label}: {run.words}" for run in runs)
        figure.supxlabel(
            plain(f"{how}. Error bars: one standard error. Lengths in distances a of nearest neighbours."),
            x=0.01, ha="left", fontsize=8, color=QUIET,
        )  # fmt: skip
        save(figure, path, f"{title}, measured: {', '.join(NAMES[name][0] for name in runs[0].profiles)}.")


def _panels(name: str, lattice: Lattice, runs: Sequence[Measured]) -> list[Callable]:
    """What draws the panels of an observable into a figure and axes."""
    first = runs[0].profiles[name]
    if first.wave_vectors is None:
        return [
            lambda figure, axes, component=component: _draw_distances(axes, name, component, runs)
            for component in first.components
        ]
    if _is_line(lattice):
        return [lambda figure, axes: _draw_line(axes, name, lattice, runs)]
    curve = [lambda figure, axes: _draw_path(axes, name, lattice, runs)]
    if len(runs) > 1:
        return curve
    maps = [lambda figure, axes, which=which: _draw_map(figure, axes, name, lattice, first, which)
            for which in _maps(first)]  # fmt: skip
    return [*maps, *curve]


def _maps(profile: Profile) -> list[tuple[str, ...]]:
    """Components that share a map: both spins where they are equally many."""
    names = tuple(profile.components)
    if len(names) == 1:
        return [names]
    fillings = [profile.components[name].mean.mean() for name in names]
    return [names] if np.allclose(fillings, fillings[0]) else [(name,) for name in names]


def _is_line(lattice: Lattice) -> bool:
    """Whether wave vectors are few enough along all axes but one to be drawn as curves: chains, ladders."""
    return len(lattice.extent) == 1 or (canonical(lattice.kind) == "rectangle" and min(lattice.extent) <= 2)


# Curves -------------------------------------------------------------------------------------------------------------


def _style(run: int, runs: int, part: int, parts: int, component: str | None = None) -> dict:
    """Colour by run where there are several, else by spin, or by what else is drawn in one panel."""
    colour = SPIN_COLOURS.get(component or "", RUN_COLOURS[part % len(RUN_COLOURS)])
    if runs > 1:
        colour = RUN_COLOURS[run % len(RUN_COLOURS)]
    return {
        "color": colour,
        "marker": MARKERS[part % len(MARKERS)] if parts > 1 else "o",
        "markerfacecolor": "white" if part % 2 else colour,
        "markersize": 4,
        "linewidth": 1.0,
        "elinewidth": 1.0,
        "capsize": 2,
    }


def _name_panel(axes, name: str, extra: str = "", note: str = "") -> None:
    words, symbol, _ = NAMES[name]
    axes.set_title(f"{words} {symbol}{extra}", loc="left", fontsize=9, pad=16)
    axes.text(0, 1.02, plain(note), transform=axes.transAxes, fontsize=7.5, color=QUIET)


def _grid(axes) -> None:
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def _legend(axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(framealpha=0.8, edgecolor="none", fontsize=7.5, borderpad=0.2)


def _label(run: int, *parts: str) -> str | None:
    """Words for a panel's legend: once for all runs, whose colours the legend of the figure explains."""
    words = ", ".join(filter(None, parts))
    return words if words and run == 0 else None


def _having(name: str, runs: Sequence[Measured]) -> list[tuple[int, Profile]]:
    """The runs of which an observable was measured, by their number."""
    return [(index, run.profiles[name]) for index, run in enumerate(runs) if name in run.profiles]


def _of_spin(profile: Profile, component: str) -> str:
    return f"spin {component}" if component in SPIN_COLOURS and len(profile.components) > 1 else ""


def _draw_distances(axes, name: str, component: str, runs: Sequence[Measured]) -> None:
    """Against the distance, joined where each has one value; that at 0, many times the others, is written instead."""
    notes = []
    for index, profile in _having(name, runs):
        assert profile.distances is not None
        values, away = profile.components[component], profile.distances > 0
        style = _style(index, len(runs), index, len(runs))
        axes.errorbar(
            profile.distances[away], values.mean[away], values.stderr[away],
            **{**style, "linestyle": "-" if _rises(profile.distances) else "none"},
        )  # fmt: skip
        notes.append(shorthand(values.mean[0], values.stderr[0]))
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.set_xlim(left=0)
    axes.set_xlabel("distance $r/a$")
    extra = f", {PAIRS[component]}" if component in PAIRS else ""
    _name_panel(axes, name, extra, f"at r = 0, not drawn: {', '.join(notes)}" if len(notes) < 3 else "")
    _grid(axes)
    _legend(axes)


def _rises(distances: np.ndarray) -> bool:
    """Whether points at these distances make a curve: few, and no two at one distance."""
    return len(distances) < 40 and bool(np.all(np.diff(distances) > SAME))


def _draw_line(axes, name: str, lattice: Lattice, runs: Sequence[Measured]) -> None:
    """Against the component along the longest axis, from 0 to pi: both signs have one value."""
    along = int(np.argmax(lattice.extent))
    letter = NAMES[name][2]
    for index, profile in _having(name, runs):
        assert profile.wave_vectors is not None
        across = np.round(np.abs(np.delete(profile.wave_vectors, along, axis=1)).sum(axis=1) / np.pi, 6)
        others = np.unique(across)
        parts = list(itertools.product(profile.components, others))
        for part, (component, other) in enumerate(parts):
            q = profile.wave_vectors[:, along] / np.pi
            shown = np.flatnonzero((across == other) & (q > -SAME))
            shown = shown[np.argsort(q[shown])]
            values = profile.components[component]
            words = rf"${letter}_\perp a = {_multiple_of_pi(other)}$" if len(others) > 1 else ""
            style = _style(index, len(runs), part, len(parts), component if len(others) == 1 else None)
            text = _label(index, _of_spin(profile, component), words)
            axes.errorbar(q[shown], values.mean[shown], values.stderr[shown],
                          label=text, **style)  # fmt: skip
    axes.set_xlabel(rf"${letter}\,a/\pi$" if len(lattice.extent) == 1 else rf"${letter}_\parallel a/\pi$")
    axes.set_xlim(-0.04, 1.04)
    _name_panel(axes, name)
    _grid(axes)
    _legend(axes)


def _multiple_of_pi(number: float) -> str:
    return {0.0: "0", 1.0: r"\pi"}.get(float(number), rf"{number:.3g}\,\pi")


def _draw_path(axes, name: str, lattice: Lattice, runs: Sequence[Measured]) -> None:
    """Along the path from the centre of the zone over the middle of an edge and a corner, or against the length."""
    letter = NAMES[name][2]
    corners, labels = _path(lattice)
    for index, profile in _having(name, runs):
        assert profile.wave_vectors is not None
        where, which = _along_path(corners, profile.wave_vectors, lattice)
        on_path = len(np.unique(which)) >= FEW_ON_A_PATH
        if not on_path:
            lengths = np.linalg.norm(profile.wave_vectors, axis=1) / np.pi
            which = np.argsort(lengths)
            where = lengths[which]
        for part, (component, values) in enumerate(profile.components.items()):
            style = _style(index, len(runs), part, len(profile.components), component)
            axes.errorbar(
                where, values.mean[which], values.stderr[which],
                label=_label(index, _of_spin(profile, component)),
                **{**style, "linestyle": "-" if on_path else "none"},
            )  # fmt: skip
    if on_path:
        ends = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
        axes.set_xticks(ends, labels)
        axes.grid(axis="x", color=FAINT, linewidth=0.8)
        axes.set_xlabel("path through the zone")
    else:
        axes.set_xlabel(rf"$|{letter}|\,a/\pi$")
    _name_panel(axes, name)
    _grid(axes)
    _legend(axes)


def _path(lattice: Lattice) -> tuple[np.ndarray, list[str]]:
    """Corners of the path, ``(4, 2)``, and their names."""
    zone = polygon(reciprocal_vectors(lattice))
    longest = np.eye(2)[int(np.argmax(lattice.extent))]
    middles = 0.5 * (zone + np.roll(zone, -1, axis=0))
    middle = int(np.argmax(middles @ (longest + 1e-3)))
    corner = max((zone[middle], zone[(middle + 1) % len(zone)]), key=lambda point: float(point.sum()))
    prime = "′" if lattice.definition.refinement > 1 else ""
    names = ("XY"[int(np.argmax(longest))], "M") if len(zone) == 4 else (f"M{prime}", f"K{prime}")
    gamma = np.zeros(2)
    return np.array([gamma, middles[middle], corner, gamma]), ["Γ", *names, "Γ"]


def _along_path(corners: np.ndarray, points: np.ndarray, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """How far along the path, and which of the points ``(count, 2)``, for those that lie on it."""
    shifts = np.concatenate([np.zeros((1, 2)), reciprocal_vectors(lattice)])
    images = (points[:, None] + shifts).reshape(-1, 2)
    found: dict[tuple[float, int], None] = {}
    before = 0.0
    for start, end in itertools.pairwise(corners):
        length = float(np.linalg.norm(end - start))
        direction = (end - start) / length
        along = (images - start) @ direction
        off = np.linalg.norm(images - start - along[:, None] * direction, axis=1)
        for image in np.flatnonzero((off < SAME) & (along > -SAME) & (along < length + SAME)):
            found[(round(before + float(along[image]), 6), int(image) // len(shifts))] = None
        before += length
    ordered = sorted(found)
    return np.array([where for where, _ in ordered]), np.array([which for _, which in ordered], dtype=int)


# Maps ---------------------------------------------------------------------------------------------------------------


def polygon(vectors: np.ndarray) -> np.ndarray:
    """Corners, in order, of the points nearer to the origin than to any of the vectors ``(count, 2)``."""
    vectors = vectors[np.argsort(np.linalg.norm(vectors, axis=1))][:24]
    corners = []
    for one, two in itertools.combinations(vectors, 2):
        pair = np.array([one, two])
        if abs(np.linalg.det(pair)) > SAME:
            corner = np.linalg.solve(pair, 0.5 * np.sum(pair**2, axis=1))
            if np.all(vectors @ corner <= 0.5 * np.sum(vectors**2, axis=1) + SAME):
                corners.append(corner)
    which = np.unique(np.round(corners, 6) + 0.0, axis=0, return_index=True)[1]
    unique = np.array(corners)[which]
    return unique[np.argsort(np.arctan2(unique[:, 1], unique[:, 0]))]


def _draw_map(figure, axes, name: str, lattice: Lattice, profile: Profile, components: tuple[str, ...]) -> None:
    """Every wave vector as the part of the zone that is nearest to it."""
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Polygon

    assert profile.wave_vectors is not None
    mean = np.mean([profile.components[c].mean for c in components], axis=0)
    error = max(float(profile.components[c].stderr.max()) for c in components)
    zone, tile = polygon(reciprocal_vectors(lattice)) / np.pi, polygon(steps(lattice)) / np.pi
    shifts = np.concatenate([np.zeros((1, 2)), reciprocal_vectors(lattice)]) / np.pi
    reach = np.abs(zone).max() + np.abs(tile).max()
    centres = profile.wave_vectors[:, None] / np.pi + shifts
    near = np.all(np.abs(centres) < reach, axis=2)
    tiles = PolyCollection(
        [centre + tile for centre in centres[near]], array=np.broadcast_to(mean[:, None], near.shape)[near],
        cmap="viridis", edgecolors="face", linewidths=0.3,
    )  # fmt: skip
    axes.add_collection(tiles)
    outline = Polygon(zone, closed=True, fill=False, edgecolor=INK, linewidth=1.2)
    axes.add_patch(outline)
    tiles.set_clip_path(outline)
    if lattice.definition.refinement > 1:
        first = polygon(cell_reciprocal_vectors(lattice)) / np.pi
        axes.add_patch(Polygon(first, closed=True, fill=False, edgecolor="white", linewidth=1.0, linestyle=(0, (4, 3))))
    edge = 1.04 * np.abs(zone).max(axis=0)
    axes.set_xlim(-edge[0], edge[0])
    axes.set_ylim(-edge[1], edge[1])
    axes.set_aspect("equal")
    letter = NAMES[name][2]
    axes.set_xlabel(rf"${letter}_x a/\pi$")
    axes.set_ylabel(rf"${letter}_y a/\pi$")
    scale = figure.colorbar(tiles, ax=axes, shrink=0.9, aspect=22, pad=0.02)
    scale.outline.set_visible(False)
    scale.ax.tick_params(labelsize=8)
    of_spin = f"spin {components[0]}; " if len(components) < len(profile.components) else ""
    of_spin = "mean of both spins; " if len(components) > 1 else of_spin
    _name_panel(axes, name, note=f"{of_spin}errors up to {error:.1g}")
