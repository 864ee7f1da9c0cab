"""The figure of a backflow: the displaced configuration, eta(r), and attention against distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.figures.marks import draw_surroundings, number_of_electrons, set_axes, spins
from harness.figures.plane import Plane, into_cell, projection, window
from harness.figures.request import Request
from harness.figures.style import INK, PAIR_COLOURS, QUIET, SPIN_COLOURS, STYLE, plain, save

if TYPE_CHECKING:
    from harness.figures.backflow import Attention, Backflow

LONGEST_ARROW = 0.22
"""Length of the longest magnified arrow, at most, in sides of the picture."""
ROUNDING = 1e-9
"""Displacement, in lengths of the system, that counts as none."""
MOST_BINS, PAIRS_IN_A_BIN = 24, 25
MOST_POINTS = 800
DASHES = ("-", (0, (5, 2)))
PAIRS = {"opposite_spin": "opposite spins", "same_spin": "equal spins"}


def draw(request: Request, configuration: np.ndarray, fields: Sequence[Backflow], attention: Attention | None) -> None:
    """Write the figure of one configuration ``(n_electrons, dim)`` and what runs make of it.

    Args:
        request: Where to, and of what system.
        configuration: The electrons, in bohr.
        fields: One for each run.
        attention: Of one of the runs, if any has it.
    """
    import matplotlib  # here, as it takes half a second
    from matplotlib.figure import Figure

    curves = any(field.eta for field in fields)
    panels = bool(curves) + (attention is not None)
    layers, heads = attention.shape if attention is not None else (0, 0)
    widths = [4.2] * len(fields) + [3.7] * bool(panels)
    heights = [4.6] + [1.25 * layers] * bool(layers)
    title = f"Backflow on {request.saved[0].config.system_name}, walker {request.walker}"
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(sum(widths) + 0.5, 1.1 * heads), sum(heights) + 0.8), layout="constrained")
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        rows = figure.add_gridspec(len(heights), 1, height_ratios=heights, hspace=0.06)
        top = rows[0].subgridspec(1, len(widths), width_ratios=widths)
        words = _draw_fields([figure.add_subplot(top[i]) for i in range(len(fields))], request, configuration, fields)
        if panels:
            side = top[len(fields)].subgridspec(panels, 1).subplots(sharex=True, squeeze=False)[:, 0]
            if attention is not None:
                _draw_attention(side[0], attention)
            if curves:
                _draw_eta(side[-1], fields)
            side[-1].set_xlabel(_distance(request))
        if attention is not None:
            _draw_heads(rows[1].subgridspec(layers, heads).subplots(sharex=True, sharey=True, squeeze=False), attention)
        _draw_legend(figure, request, fields)
        save(figure, request.path, f"{title}: {number_of_electrons(request.system)}. {words}")


def magnification(longest: float, room: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... by which arrows of length up to ``longest`` stay within ``room``.

    It is 1 where they do not fit as they are.
    """
    if longest <= 0 or longest >= room:
        return 1.0
    power = 10.0 ** math.floor(math.log10(room / longest))
    return max(factor * power for factor in (1.0, 2.0, 5.0) if factor * power <= room / longest * (1 + 1e-9))


def _draw_fields(panels, request: Request, configuration: np.ndarray, fields: Sequence[Backflow]) -> str:
    """Arrows from the electrons to their effective positions; returns how long the longest ones are, in words."""
    system = request.system
    plane = projection(system, configuration, request.plane)
    configuration = into_cell(system, configuration)
    (low, high), _ = window(system, plane, configuration, 0.0)
    lengths = [float(np.linalg.norm(field.displacements, axis=-1).max()) for field in fields]
    lengths = [length if length > ROUNDING * system.length_scale else 0.0 for length in lengths]
    factor = magnification(max(lengths), LONGEST_ARROW * max(high - low, system.length_scale))
    ends = [configuration + factor * field.displacements for field in fields]
    limits = window(system, plane, np.concatenate([configuration, *ends]), 0.4 * system.length_scale)
    if system.cell is not None:
        limits = ((-0.08 * system.cell, 1.08 * system.cell),) * 2
    scale = "to scale" if factor == 1 else f"× {factor:,.0f}"
    words, heads = [], []
    for axes, field, length in zip(panels, fields, lengths, strict=True):
        set_axes(axes, plane, limits)
        axes.label_outer()
        draw_surroundings(axes, system, plane)
        _draw_field(axes, request, plane, configuration, factor * field.displacements)
        amount = f"longest {length:.2g} bohr" if length else "all zero"
        lines = [rf"arrows $r_i \to \tilde{{r}}_i$, {scale}; {amount}"]
        if field.shift > ROUNDING * system.length_scale:
            lines.append(f"less a shift of all electrons by {field.shift:.2g} bohr")
        heads.append([*lines, *filter(None, [plane.words])])
        words.append(f"{field.label} displaces electrons by up to {length:.2g} bohr, drawn {scale}")
    room = 7 + 12 * max(map(len, heads))
    for axes, field, lines in zip(panels, fields, heads, strict=True):
        axes.text(0, 1.015, "\n".join(lines), transform=axes.transAxes, color=QUIET, fontsize=8)
        axes.set_title(plain(f"{field.label}, step {field.step}"), loc="left", fontsize=10, pad=room)
    return "; ".join(words) + "."


def _draw_field(axes, request: Request, plane: Plane, configuration: np.ndarray, arrows: np.ndarray) -> None:
    points, arrows = plane.project(configuration), arrows @ plane.axes.T
    for name, own in spins(request.system).items():
        colour = SPIN_COLOURS[name]
        axes.plot(*points[own].T, "o", color=colour, markersize=5.5, markeredgecolor="white", zorder=4)
        drawn = axes.quiver(
            *points[own].T,
            *arrows[own].T,
            color=colour,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.0065,
            headwidth=3.6,
            headlength=4.2,
            headaxislength=3.8,
            zorder=5,
            clip_on=False,
        )
        drawn.set_in_layout(False)  # its box is not that of the arrows, and pushes everything else away


def _draw_attention(axes, attention: Attention) -> None:
    for kind, distances in attention.distances.items():
        mean = attention.weights[kind].mean(axis=(1, 2))
        thin = math.ceil(len(distances) / MOST_POINTS)
        axes.plot(
            distances[::thin], mean[::thin], "o", markersize=2, color=PAIR_COLOURS[kind], alpha=0.25, markeredgewidth=0
        )
        where, _, middle, _ = binned(distances, mean)
        axes.plot(where, middle, color=PAIR_COLOURS[kind])
    _uniform(axes, attention.n_electrons)
    axes.text(1.0, 1 / attention.n_electrons, " 1/N", transform=axes.get_yaxis_transform(), fontsize=8, va="center")
    axes.set_ylabel(r"mean of heads, $\alpha_{ij}$")
    axes.set_title(plain(f"attention in {attention.label}"), loc="left", fontsize=9)


def _draw_heads(panels, attention: Attention) -> None:
    for (layer, head), axes in np.ndenumerate(panels):
        for kind, distances in attention.distances.items():
            where, low, middle, high = binned(distances, attention.weights[kind][:, layer, head])
            axes.fill_between(where, low, high, color=PAIR_COLOURS[kind], alpha=0.2, linewidth=0)
            axes.plot(where, middle, color=PAIR_COLOURS[kind], linewidth=1.2)
        _uniform(axes, attention.n_electrons)
        axes.set_xlabel(r"$r_{ij}$ (bohr)", fontsize=8)
        axes.set_ylabel(rf"layer {layer + 1}, $\alpha_{{ij}}$", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.label_outer()
        if layer == 0:
            axes.set_title(f"head {head + 1}", loc="left", fontsize=8, color=QUIET, pad=3)


def _draw_eta(axes, fields: Sequence[Backflow]) -> None:
    for field, dashes in zip(fields, DASHES, strict=False):
        for kind, values in field.eta.items():
            axes.plot(field.distances, values, color=PAIR_COLOURS[kind], linestyle=dashes)
    axes.axhline(0, color=QUIET, linewidth=0.7, zorder=0)
    axes.set_ylabel(r"pairwise $\eta(r_{ij})$")
    axes.set_title(
        r"pairwise part of $\tilde{r}_i - r_i$: $\;\Sigma_j\,\eta(r_{ij})\,(r_i - r_j)$", loc="left", fontsize=9
    )


def _draw_legend(figure, request: Request, fields: Sequence[Backflow]) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], linestyle="none", marker="o", markersize=6, color=SPIN_COLOURS[name], label=f"spin {name}")
        for name in spins(request.system)
    ]
    kinds = dict.fromkeys(kind for field in fields for kind in field.eta)
    entries += [Line2D([], [], color=PAIR_COLOURS[kind], label=PAIRS[kind]) for kind in kinds]
    if kinds and len(fields) > 1:
        entries += [
            Line2D([], [], color=QUIET, linestyle=dashes, label=r"$\eta$ of " + plain(field.label))
            for field, dashes in zip(fields, DASHES, strict=True)
        ]
    figure.legend(
        handles=entries, loc="outside lower left", ncols=len(entries), frameon=False, fontsize=8, handletextpad=0.4
    )


def binned(distances: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean distance, and lower quartile, median and upper quartile of the values, in bins of equally many pairs."""
    count = int(np.clip(len(distances) // PAIRS_IN_A_BIN, 1, MOST_BINS))
    order = np.argsort(distances, kind="stable")
    parts = np.array_split(order, count)
    quartiles = np.array([np.quantile(values[part], [0.25, 0.5, 0.75]) for part in parts]).T
    return np.array([distances[part].mean() for part in parts]), *quartiles


def _uniform(axes, n_electrons: int, **keywords) -> None:
    """The weight that every electron would have if all were equal."""
    axes.axhline(1 / n_electrons, color=INK, linewidth=0.7, linestyle=(0, (1, 2)), zorder=0, **keywords)


def _distance(request: Request) -> str:
    return r"periodic distance $r_{ij}$ (bohr)" if request.system.cell is not None else r"distance $r_{ij}$ (bohr)"
