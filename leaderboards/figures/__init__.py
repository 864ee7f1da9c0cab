"""Figures of the boards, as inline SVG in the colours of the page."""

from leaderboards.board import Board, Table
from leaderboards.figures.costs import error_against_cost, error_against_parameters
from leaderboards.figures.energies import energies
from leaderboards.figures.figure import Figure
from leaderboards.figures.ladder import ladder
from leaderboards.figures.training import training
from leaderboards.figures.variances import variances

_ALL = (energies, ladder, error_against_parameters, error_against_cost, variances, training)


def of_table(board: Board, table: Table) -> list[Figure]:
    """Those figures for which the table has numbers."""
    figures = [draw(board, table) for draw in _ALL]
    return [figure for figure in figures if figure is not None]


__all__ = ["Figure", "energies", "ladder", "of_table"]
