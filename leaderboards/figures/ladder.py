"""How much of the correlation energy each model recovers, rung by rung."""

from __future__ import annotations

from harness.format import shorthand
from leaderboards import overview
from leaderboards.board import Board, Row, Table
from leaderboards.figures.axes import Drawing, Scale
from leaderboards.figures.figure import NAMES, RIGHT, WIDTH, Figure, clipped
from leaderboards.lines import correlation

_STEP, _TOP = 30, 8.0
_MOST_ROWS = 20


def ladder(board: Board, table: Table) -> Figure | None:
    """The best row of each model in the order of the rungs, joined where one rung follows another."""
    best: dict[str, Row] = {}
    for row in table.ranked:
        best.setdefault(row.record.model.name, row)
    names = [model for model in overview.order(best) if correlation(board, best[model]) is not None][:_MOST_ROWS]
    if len(names) < 2:
        return None
    rungs = {model: overview.rung(model) for model in names}
    shares = {model: 100 * (correlation(board, best[model]) or 0.0) for model in names}
    errors = {model: 100 * _uncertainty(board, best[model]) for model in names}
    drawing = Drawing(WIDTH, _TOP + _STEP * len(names) + 56)
    texts = {m: shorthand(shares[m], errors[m]) if errors[m] else f"{shares[m]:.2f}" for m in names}
    right = RIGHT - max(72, 7 * max(map(len, texts.values())))
    x = Scale.around([100.0, *(shares[m] + s * errors[m] for m in names for s in (-1, 1))], NAMES + 8, right)
    bottom = drawing.columns(x, _TOP, "correlation energy / %")
    drawing.line(x.place(100), _TOP, x.place(100), bottom, "reference")
    places = {model: (x.place(shares[model]), _TOP + _STEP * (n + 0.6)) for n, model in enumerate(names)}
    drawing.path([places[model] for model in names if rungs[model] is not None], "front")
    for model in names:
        px, py = places[model]
        drawing.text(NAMES, py + 4, clipped(model), "name", "end")
        drawing.line(x.place(shares[model] - errors[model]), py, x.place(shares[model] + errors[model]), py, "bar")
        drawing.dot(px, py, "mark" if rungs[model] is not None else "mark hollow", f"{model}: {texts[model]} %")
        drawing.text(RIGHT, py + 4, texts[model], "name", "end")
    alt = "Correlation energy recovered: " + ", ".join(f"{model} {shares[model]:.2f} %" for model in names)
    caption = "From Hartree-Fock (0 %) to the reference (100 %), of each model’s best row."
    if sum(rungs[model] is not None for model in names) > 1:
        caption += " The line joins the rungs of the ladder: the same determinant and Jastrow factor, more backflow."
    return Figure("What each rung recovers", drawing.svg(alt), caption)


def _uncertainty(board: Board, row: Row) -> float:
    """Standard error of the share, from that of the energy; 0 where the Hartree-Fock energy is not known here."""
    if board.reference is None or board.hartree_fock is None:
        return 0.0
    return row.stderr / abs(board.hartree_fock - board.reference.energy)
