"""The figure of nodes: Psi in a plane for several models, with the electrons that stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.figures.marks import draw_surroundings, number_of_electrons, set_axes, spins, write
from harness.figures.plane import Plane
from harness.figures.request import Request
from harness.figures.style import INK, QUIET, SPIN_COLOURS, SPIN_MARKERS, STYLE, plain, save

MOST_COLUMNS = 4
DASHES = (0, (3, 2))
LEVELS = np.array([1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0])
"""|Psi| over its maximum at which the shade changes."""
POSITIVE = ("#f6f1f8", "#ede4f1", "#e2d5e9", "#d5c3df", "#c6aed2", "#b598c4", "#a382b4")
NEGATIVE = ("#f0f8f0", "#e2f2e3", "#d0e9d2", "#bbdfbf", "#a2d1a8", "#87c190", "#6aae77")
"""Shades from the node to the maximum, light enough for marks on them."""
MOST_NUMBERED = 30
"""Electrons that are few enough to carry their numbers."""
IN_PLANE = 0.05
"""Distance from the plane, in lengths of the system, up to which an electron is drawn as lying in it."""


def draw(
    request: Request,
    configuration: np.ndarray,
    plane: Plane,
    ticks: Sequence[np.ndarray],
    values: Sequence[np.ndarray],
    steps: Sequence[int],
) -> None:
    """Write the figure.

    Args:
        request: Where to, of what system and of which electron.
        configuration: All electrons, ``(n_electrons, dim)``, in bohr.
        plane: Where the electron moves.
        ticks: Coordinates along both axes of the plane, in bohr.
        values: For each run, Psi over its largest absolute value, ``(len(ticks[1]), len(ticks[0]))``.
        steps: For each run, the optimisation steps that it has seen.
    """
    import matplotlib  # here, as it takes half a second
    from matplotlib.figure import Figure

    columns = min(len(values), MOST_COLUMNS)
    rows = -(-len(values) // columns)
    title = f"Nodes on {request.saved[0].config.system_name}"
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(3.7 * columns + 1.1, 3.9 * rows + 1.1), layout="constrained")
        figure.suptitle(plain(title), x=0.01, ha="left", fontsize=11, fontweight="bold")
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for index, (axes, psi, label, step) in enumerate(zip(panels, values, request.labels, steps, strict=False)):
            set_axes(axes, plane, tuple((tick[0], tick[-1]) for tick in ticks))
            if index % columns:
                axes.set_ylabel("")
                axes.tick_params(labelleft=False)
            shades = _draw_psi(axes, ticks, psi, values[0] if index else None)
            draw_surroundings(axes, request.system, plane)
            _draw_electrons(axes, request, plane, configuration)
            without = "" if changes_sign(psi) else ", no node here"
            axes.set_title(plain(f"{label}, step {step}{without}"), loc="left", fontsize=9)
        for axes in panels[len(values) :]:
            axes.remove()
        _draw_scale(figure, list(panels[: len(values)]), shades)
        what = f"electron {request.electron} moves, the others stay as in walker {request.walker}"
        text = "\n".join(filter(None, [what, plane.words]))
        _draw_legend(figure, request, text, columns, [changes_sign(psi) for psi in values])
        signs = ", ".join(
            f"of {label}: positive on {(psi > 0).mean():.0%} of the plane"
            for label, psi in zip(request.labels, values, strict=True)
        )
        save(figure, request.path, f"{title}: {number_of_electrons(request.system)}; {what}. Psi {signs}.")


def changes_sign(psi: np.ndarray) -> bool:
    """Whether Psi has a node among these values."""
    return bool(psi.min() < 0 < psi.max())


def _draw_psi(axes, ticks, psi: np.ndarray, first: np.ndarray | None):
    """Shades of sign and size, the node, and that of the first run for comparison."""
    levels = np.concatenate([-LEVELS[::-1], [0.0], LEVELS])
    colours = [*NEGATIVE[::-1], *POSITIVE]
    shades = axes.contourf(*ticks, psi, levels=levels, colors=colours, zorder=0)
    if first is not None and changes_sign(first):
        axes.contour(*ticks, first, levels=[0.0], colors=QUIET, linewidths=0.9, linestyles=[DASHES], zorder=2)
    if changes_sign(psi):
        axes.contour(*ticks, psi, levels=[0.0], colors=INK, linewidths=1.4, zorder=2)
    return shades


def _draw_electrons(axes, request: Request, plane: Plane, configuration: np.ndarray) -> None:
    points, system = plane.project(configuration), request.system
    within = plane.off(configuration, system.cell) <= IN_PLANE * system.length_scale
    for name, own in spins(system).items():
        for index in own:
            moves = index == request.electron
            axes.plot(
                *points[index],
                "o" if moves else SPIN_MARKERS[name],
                markersize=7,
                color=SPIN_COLOURS[name] if within[index] and not moves else "white",
                markeredgecolor="white" if within[index] and not moves else SPIN_COLOURS[name],
                markeredgewidth=1.6 if moves else 1.0,
                zorder=5,
            )
            if system.n_electrons <= MOST_NUMBERED:
                write(axes, str(index), points[index], (4.5, 3.5))


def _draw_scale(figure, panels, shades) -> None:
    ticks = [-1, -0.1, -0.01, -1e-4, 0, 1e-4, 0.01, 0.1, 1]
    scale = figure.colorbar(shades, ax=panels, ticks=ticks, spacing="uniform", shrink=0.85, aspect=28, pad=0.02)
    scale.ax.set_yticklabels([f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks], fontsize=8)
    scale.set_label(r"$\Psi\,/\,\max|\Psi|$", fontsize=9)
    scale.ax.axhline(0, color=INK, linewidth=1.4)
    scale.outline.set_visible(False)


def _draw_legend(figure, request: Request, title: str, columns: int, nodes: Sequence[bool]) -> None:
    from matplotlib.lines import Line2D

    def mark(shape: str, filled: str, edge: str, text: str) -> Line2D:
        return Line2D(
            [], [], linestyle="none", marker=shape, markersize=7, color=filled, markeredgecolor=edge, label=text
        )

    others = {name: own[own != request.electron] for name, own in spins(request.system).items()}
    names = [name for name, own in others.items() if len(own)]
    mover = SPIN_COLOURS["up" if request.electron < request.system.n_up else "down"]
    entries = [Line2D([], [], color=INK, linewidth=1.4, label=r"node, $\Psi = 0$")] if any(nodes) else []
    if len(nodes) > 1 and nodes[0]:
        text = plain(f"node of {request.labels[0]}")
        entries.append(Line2D([], [], color=QUIET, linewidth=0.9, linestyle=DASHES, label=text))
    entries.append(mark("o", "white", mover, f"electron {request.electron} in this configuration"))
    entries += [mark(SPIN_MARKERS[name], SPIN_COLOURS[name], "white", f"spin {name}") for name in names]
    if request.system.dim == 3 and names:
        entries.append(mark(SPIN_MARKERS[names[0]], "white", SPIN_COLOURS[names[0]], "white: off the plane"))
    figure.legend(
        handles=entries, loc="outside lower left", ncols=min(1 + columns, 4), frameon=False, fontsize=8,
        handletextpad=0.4, title=title, title_fontsize=8, alignment="left",
    )  # fmt: skip
