"""Numbers behind the figures, and where ink goes."""

import math
import re

import pytest

from leaderboards import figures
from leaderboards.board import Result, boards, rank
from leaderboards.figures.axes import Drawing, Labels, Scale, short
from leaderboards.figures.figure import label, name
from leaderboards.figures.variances import extrapolate

# Axes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.0031, 0.0172, ["0.000", "0.005", "0.010", "0.015"]),
        (-7, -2, ["−7", "−6", "−5", "−4", "−3", "−2"]),
        (0, 250_000, ["0", "50,000", "100,000", "150,000", "200,000", "250,000"]),
    ],
)
def test_linear_ticks_are_round_and_inside(low, high, labels):
    assert [label for _, label in Scale(low, high, 0, 100).ticks()] == labels


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (3e-5, 0.2, ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]),
        (40, 700, ["50", "100", "200", "500"]),
        (1.1e-5, 6e-5, ["2 × 10⁻⁵", "5 × 10⁻⁵"]),
        (1, 1e12, ["10⁰", "10²", "10⁴", "10⁶", "10⁸", "10¹⁰", "10¹²"]),
    ],
)
def test_logarithmic_ticks_are_round_and_inside(low, high, labels):
    assert [label for _, label in Scale(low, high, 0, 100, True).ticks()] == labels


def test_places_are_linear_in_the_number_or_in_its_logarithm():
    assert Scale(-1, 3, 100, 0).place(0) == 75
    assert Scale(1e-4, 1, 0, 100, True).place(1e-3) == pytest.approx(25)


@pytest.mark.parametrize("values", [[0.0], [2.5, 2.5], [1e-9, 2e-9], [-3.0, 8.0]])
def test_a_scale_holds_its_values_even_if_all_are_equal(values):
    scale = Scale.around(values, 0, 100)
    assert scale.low < min(values) and max(values) < scale.high and scale.ticks()


def test_coordinates_are_short():
    assert [short(value) for value in (12.04, 12.06, -0.01, 100.0)] == ["12", "12.1", "0", "100"]


def test_names_cover_neither_points_nor_each_other():
    points = [(100 + 3 * n, 100 + 2 * n) for n in range(12)]
    drawing = Drawing(400, 300)
    labels = Labels(drawing, 0, 400, 0, 300, points)
    placed = sum(labels.add(*point, "slater_jastrow") for point in points)
    assert 2 <= placed < 12
    boxes = []
    for x, y, anchor in re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" class="name"(?: text-anchor="(\w+)")?>', drawing.svg("")
    ):
        width = 6.6 * len("slater_jastrow")
        left = float(x) - {"": 0, "end": width, "middle": width / 2}[anchor]
        boxes.append((left, left + width, float(y) - 10, float(y) + 2))
    assert len(boxes) == placed
    for number, a in enumerate(boxes):
        for b in boxes[:number]:
            assert a[1] <= b[0] + 0.2 or a[0] >= b[1] - 0.2 or a[3] <= b[2] + 0.2 or a[2] >= b[3] - 0.2


# Extrapolation to zero variance --------------------------------------------------------------------------------------


def test_points_on_a_line_meet_zero_variance_where_the_line_does():
    fit = extrapolate([(v, -3.5 + 0.25 * v) for v in (0.1, 0.2, 0.4, 0.8)])
    assert (fit.energy, fit.slope) == (pytest.approx(-3.5), pytest.approx(0.25))
    assert fit.stderr == pytest.approx(0, abs=1e-12) and fit.count == 3 and fit.until == 0.4


def test_far_points_have_no_say():
    near = [(v, 1 + v) for v in (0.1, 0.15, 0.2, 0.3)]
    assert extrapolate([*near, (5.0, 40.0), (6.0, 60.0)]).energy == pytest.approx(1)


def test_error_is_that_of_linear_regression():
    """Against the textbook formula for the intercept, written out."""
    points = [(1.0, 1.0), (2.0, 2.5), (3.0, 2.5)]
    fit = extrapolate(points)
    intercept, slope = 0.5, 0.75
    residuals = sum((e - intercept - slope * v) ** 2 for v, e in points)
    assert (fit.energy, fit.slope) == (pytest.approx(intercept), pytest.approx(slope))
    assert fit.stderr == pytest.approx(math.sqrt(residuals / 1 * (1 / 3 + 4 / 2)))


@pytest.mark.parametrize("points", [[], [(0.1, 1), (0.4, 2)], [(0.1, 1), (0.12, 2), (0.15, 3)], [(0.0, 1)] * 4])
def test_no_line_without_an_arm(points):
    assert extrapolate(points) is None


def test_more_points_are_taken_until_there_is_an_arm():
    assert extrapolate([(v, v) for v in (1.0, 1.1, 1.2, 1.3, 1.9, 2.5)]).count == 6


# What is drawn -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(standard):
    return {
        board.name: {figure.title: figure for figure in figures.of_table(board, board.tables[0])}
        for board in boards(standard)
    }


def test_errors_are_logarithmic_against_an_exact_reference_and_linear_below_another(drawn):
    title = "Energy error against parameters"
    exact, projected = (drawn[name][title] for name in ("hubbard_chain_6", "quantum_dot_n6"))
    assert "10⁻²" in exact.svg and "reference, which is not exact" not in exact.caption
    assert "−0.005" in projected.svg and "reference, which is not exact" in projected.caption


def test_the_pareto_front_is_the_cheapest_row_of_each_error(drawn):
    svg = drawn["helium"]["Energy error against training time"].svg
    alt = re.search('aria-label="([^"]*)"', svg)[1]
    assert alt.endswith("slater_jastrow (47.5), neural_backflow (167.2).")  # not model.width=64: 1,900 s
    assert svg.count('class="mark hollow"') == 1


def test_an_error_below_its_error_bar_is_a_triangle(drawn):
    figure = drawn["helium"]["Energy error against parameters"]
    assert "Triangles" in figure.caption and figure.svg.count("l-5-9h10z") == 2


def test_published_values_are_diamonds_and_doubtful_ones_are_left_out(drawn):
    svg = drawn["quantum_dot_n6"]["Energies"].svg
    assert svg.count('class="other"') == 1 and "CCSD(T)" in svg


def test_the_ladder_goes_by_rungs_not_by_energy(drawn):
    svg = drawn["quantum_dot_n6"]["What each rung recovers"].svg
    names = re.findall(r'text-anchor="end">([a-z_]+)<', svg)
    assert names == ["slater_jastrow", "slater_jastrow_backflow", "neural_backflow", "transformer_backflow"]


def test_a_table_without_ranked_rows_has_no_figures(run):
    [board] = boards([Result(run(energy={"ess": 1.0}))])
    assert figures.of_table(board, board.tables[0]) == []


def test_a_long_name_keeps_the_end_that_tells_it_from_others(run):
    [row] = rank([Result(run("transformer_backflow", arguments="model.width=64"))])
    assert name(row) == "transformer_backflow model.width=64"
    assert label(row) == "transfor…" + name(row)[-15:] and len(label(row)) == 24
    [row] = rank([Result(run("slater_jastrow"))])
    assert label(row) == "slater_jastrow"
