"""Pages from records: the same bytes from the same records, valid, accessible, and with every row."""

import dataclasses
import html.parser
import json
import os
import re
import xml.etree.ElementTree
from pathlib import Path

import pytest

from leaderboards.board import Result, boards, collect
from leaderboards.figures.heat import heat_map
from leaderboards.lines import columns, lines
from leaderboards.overview import heats
from leaderboards.render import TEMPLATES, build, check, pages
from zoo.errors import ZooError

GOLDEN = Path(__file__).with_name("golden")
KEPT = (
    *("index.html", "index.md", "overview.html", "overview.svg", "model-ferminet.html"),
    *("helium-54ebc92c.html", "helium-54ebc92c.md"),
)


@pytest.fixture(scope="module")
def site(standard):
    return pages(standard)


# Golden files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEPT)
def test_pages_are_those_that_were_looked_at(name, site):
    """After a change that is meant: ZOO_WRITE_GOLDEN=1 pytest tests/leaderboards/test_pages.py, then read the diff."""
    text = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", site[name], flags=re.S)
    path = GOLDEN / name
    if os.environ.get("ZOO_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_same_records_give_the_same_bytes(tmp_path, standard, save, site):
    save(tmp_path / "first", *standard)
    save(tmp_path / "second", *reversed(standard))
    assert pages(collect([tmp_path / "first"])) == pages(collect([tmp_path / "second"])) == site


# Building and checking -----------------------------------------------------------------------------------------------


def test_build_writes_a_page_for_each_system_and_model(tmp_path, run, save):
    save(tmp_path / "runs", run("a"), run("b", sha256="d" * 64, system="other"))
    written = build([tmp_path / "runs"], tmp_path / "site")
    names = [path.name for path in written]
    assert names[:4] == ["index.html", "index.md", "overview.html", "overview.svg"]
    assert sorted(names[4:]) == [
        "lattice_x-aaaaaaaa.html",
        "lattice_x-aaaaaaaa.md",
        "model-a.html",
        "model-b.html",
        "other-dddddddd.html",
        "other-dddddddd.md",
    ]
    assert all(path.is_file() for path in written)


def test_build_without_runs(tmp_path):
    (tmp_path / "runs").mkdir()
    for path in build([tmp_path / "runs"], tmp_path / "site"):
        assert "No runs yet." in path.read_text(encoding="utf-8")


def test_check_names_what_differs(tmp_path, run, save):
    runs, site = tmp_path / "runs", tmp_path / "site"
    save(runs, run("a"))
    build([runs], site)
    assert check([runs], site) == []
    page = site / "lattice_x-aaaaaaaa.md"
    page.write_text(page.read_text().replace("-1.9000(10)", "-1.9900(10)"))
    (site / "overview.html").unlink()
    (site / "model-b.html").write_text("left behind")
    problems = check([runs], site)
    assert [problem.split(": ")[0] for problem in problems] == [
        str(site / name) for name in ("lattice_x-aaaaaaaa.md", "model-b.html", "overview.html")
    ]
    line = next(n for n, text in enumerate(page.read_text().splitlines(), start=1) if "-1.9900(10)" in text)
    assert problems[0].endswith(f"line {line} differs from what the records give")


def test_check_notices_a_record_that_was_changed(tmp_path, run, save):
    runs, site = tmp_path / "runs", tmp_path / "site"
    save(runs, run("a"))
    build([runs], site)
    path = next(runs.rglob("record.json"))
    data = json.loads(path.read_text())
    data["energy"]["mean"] = -1.7
    path.write_text(json.dumps(data))
    assert any("lattice_x-aaaaaaaa.html" in problem for problem in check([runs], site))


def test_check_wants_a_folder(tmp_path, run, save):
    save(tmp_path / "runs", run("a"))
    with pytest.raises(ZooError, match="expected a folder of pages"):
        check([tmp_path / "runs"], tmp_path / "nothing")


# Rows ----------------------------------------------------------------------------------------------------------------


def test_published_values_stand_at_their_places(standard):
    board = next(board for board in boards(standard) if board.name == "quantum_dot_n6")
    [table] = board.tables
    found = [(line.kind, line.title, line.cells["rank"]) for line in lines(board, table)]
    assert found == [
        ("ranked", "transformer_backflow", "1"),
        ("ranked", "neural_backflow", "2"),
        ("published", "CCSD(T) basis-extrapolated", ""),
        ("ranked", "slater_jastrow_backflow", "3"),
        ("published", "DMC", ""),
        ("published", "DMC", ""),
        ("ranked", "slater_jastrow", "4"),
        ("published", "UHF", ""),
        ("published", "RHF", ""),
        ("unranked", "ferminet", "–"),
        ("unranked", "slater_jastrow", "–"),
    ]
    doubtful = [line for line in lines(board, table) if "doubtful" in line.settings]
    assert ["low trust" in line.remark for line in doubtful] == [True]


def test_cells_of_a_row(standard):
    board = next(board for board in boards(standard) if board.name == "hubbard_chain_6")
    line = next(line for line in lines(board, board.tables[0]) if line.title == "neural_backflow")
    assert set(columns(board)) <= set(line.cells)
    assert line.cells["energy"] == "-3.66832(14)"
    assert line.cells["error"] == "+0.00039(14)"
    assert line.cells["correlation"] == "99.98"
    assert (line.cells["parameters"], line.cells["seconds"], line.cells["seeds"]) == ("1,300", "114", "2")
    assert line.commands == ("zoo sweep model=neural_backflow system=hubbard_chain_6 protocol=laptop seed=0,1",)
    assert [seed.split(",")[0] for seed in line.seeds] == ["seed 0: -3.6684(2)", "seed 1: -3.6682(2)"]


def test_every_row_of_a_markdown_table_has_every_column(site):
    for name, text in site.items():
        if name.endswith(".md"):
            for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
                rows = [re.split(r"(?<!\\)\|", row) for row in table.splitlines()]
                assert len({len(row) for row in rows}) == 1, name
    assert "someone \\| PRL &lt;1>" in site["lattice_x-aaaaaaaa.md"]


def test_overview_says_what_is_missing_and_what_failed(site):
    cells = dict(re.findall(r"^\| \[(\w+)\]\([^|]*\|(.*)\|$", site["index.md"].partition("## Relative")[2], flags=re.M))
    found = {name: [cell.strip() for cell in row.split("|")] for name, row in cells.items()}
    assert found["helium"][1] == "not ranked" and found["helium"][3:] == ["–", "–", "out of memory"]
    assert found["quantum_dot_n6"][4:] == ["diverged", "–"]
    assert found["quantum_dot_n6"][3].startswith("below, 2.3·10⁻⁴")
    assert found["hubbard_chain_6"][0] == "1.8·10⁻²"


# HTML ----------------------------------------------------------------------------------------------------------------

VOID = {"meta", "br", "input", "wbr"}
CLOSED_BY = {  # HTML lets these end tags be left out before such a tag, or before the end of the parent
    "td": {"td", "th", "tr", "tbody"},
    "th": {"td", "th", "tr", "tbody"},
    "tr": {"tr", "tbody"},
    "tbody": {"tbody"},
    "p": {"p", "div"},
}


class Page(html.parser.HTMLParser):
    """Tags with their attributes; fails where one is closed that is not open, or left open without leave."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        while self.open and tag in CLOSED_BY.get(self.open[-1], ()):
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open[-1] != tag and self.open[-1] in CLOSED_BY:
            self.open.pop()
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def parsed(site):
    return {name: Page(text) for name, text in site.items() if name.endswith(".html")}


def test_pages_need_nothing_but_themselves(parsed, site):
    for name, page in parsed.items():
        names = [tag for tag, _ in page.tags]
        assert not {"link", "img", "iframe", "object", "embed"} & set(names), name
        assert not any("src" in attributes for _, attributes in page.tags), name
        targets = {a["href"] for tag, a in page.tags if tag == "a" and not a["href"].startswith("https://")}
        assert {target.partition("#")[0] for target in targets} <= set(site), name
        for target in targets:
            if "#" in target:
                file, _, anchor = target.partition("#")
                assert anchor in {a.get("id") for _, a in parsed[file].tags}


def test_script_is_small():
    assert len((TEMPLATES / "board.js").read_bytes()) < 3000


def test_text_of_records_is_no_markup(run, failed):
    evil = "<script>alert(1)</script>"
    records = [run(evil, arguments=evil, system=evil), run("b", mean=-1.95, system=evil), failed(message=evil)]
    written = pages([Result(record) for record in records])
    assert len(written) == 9 and all(re.fullmatch(r"[\w.-]+", name) for name in written)
    for name, text in written.items():
        if name.endswith(".html"):
            Page(text)
            assert evil not in text and "alert(1)" in text, name


def test_pages_are_accessible(parsed):
    for name, page in parsed.items():
        assert page.tags[0] == ("html", {"lang": "en"})
        assert [tag for tag, _ in page.tags].count("h1") == 1, name
        assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th"), name
        assert all(len(a.get("aria-label", "")) > 20 for tag, a in page.tags if tag == "svg"), name
        assert all(a.get("role") == "img" for tag, a in page.tags if tag == "svg"), name
        regions = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]
        assert all(("aria-label" in r or "aria-labelledby" in r) and r["tabindex"] == "0" for r in regions), name
        identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(identifiers) == len(set(identifiers)), name
        assert all(a["aria-labelledby"] in identifiers for _, a in page.tags if "aria-labelledby" in a), name
        searches = [a for tag, a in page.tags if tag == "input" and a["type"] == "search"]
        assert all(a["aria-label"] for a in searches), name


def test_the_overview_is_a_picture_too(site):
    tree = xml.etree.ElementTree.fromstring(site["overview.svg"])
    texts = ["".join(element.itertext()) for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"helium", "out of memory", "diverged", "1.8·10⁻²", "transformer_", "backflow"} <= set(texts)
    assert "prefers-color-scheme: dark" in site["overview.svg"] and "var(" not in site["overview.svg"]


def test_names_of_systems_in_the_picture_have_room(standard):
    """A letter takes less than 8 pixels; the cells begin behind the longest name."""
    heat = heats(boards(standard))[0]
    (board, cells), *others = heat.rows
    long_name = "electron_gas_n14 dim=2 rs=10 n_up=21 n_down=0"
    renamed = dataclasses.replace(heat, rows=((dataclasses.replace(board, name=long_name), cells), *others))
    for drawn, expected in ((heat, 170), (renamed, 16 + 8 * len(long_name))):
        boxes = xml.etree.ElementTree.fromstring(heat_map(drawn)).iter("{http://www.w3.org/2000/svg}rect")
        assert min(float(box.get("x")) for box in boxes if box.get("rx") == "5") == expected + 1


def test_figures_have_titles_units_and_captions(site):
    text = site["hubbard_chain_6-1b6d1cba.html"]
    figures = re.findall(r"<figure>\s*<h3>(.*?)</h3>(.*?)<figcaption>(.*?)</figcaption>", text, flags=re.S)
    assert [title for title, _, _ in figures] == [
        "Energies",
        "What each rung recovers",
        "Energy error against parameters",
        "Energy error against training time",
        "Energy against variance",
        "Training",
    ]
    assert all(len(caption) > 40 for _, _, caption in figures)
    for (_, drawing, _), unit in zip(
        figures, ["reference / t", "energy / %", "parameters", "training / s", "energy / t²", "step"], strict=True
    ):
        assert unit in drawing


# Contrast ------------------------------------------------------------------------------------------------------------

TEXT_ON = [
    *(("text", ground) for ground in ("page", "card", "tint")),
    *(("quiet", ground) for ground in ("page", "card", "tint", "grid")),
    *(("accent", ground) for ground in ("page", "card", "tint")),
    ("other", "tint"),
    *(("bad", ground) for ground in ("card", "grid")),
    *((f"h{number}-text", f"h{number}") for number in range(6)),
]
INK_ON_CARD = ["accent", "other", *(f"s{number}" for number in range(6))]


def colours(dark: bool) -> dict[str, str]:
    style = (TEMPLATES / "style.css").read_text()
    light, _, rest = style.partition("@media (prefers-color-scheme: dark)")
    block = rest[: rest.index("\n}")] if dark else light[: light.index("\n}")]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def contrast(first: str, second: str) -> float:
    """Ratio of relative luminances, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, faint = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (faint + 0.05)


def test_contrast_is_that_of_the_definition():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_ink_can_be_told_from_their_ground(dark):
    palette = colours(dark)
    assert len(palette) > 25
    texts = {pair: contrast(*(palette[name] for name in pair)) for pair in TEXT_ON}
    assert {pair: ratio for pair, ratio in texts.items() if ratio < 4.5} == {}
    inks = {name: contrast(palette[name], palette["card"]) for name in INK_ON_CARD}
    assert {name: ratio for name, ratio in inks.items() if ratio < 3} == {}


def test_every_colour_is_a_variable_with_a_value_in_both_modes():
    style = (TEMPLATES / "style.css").read_text()
    body = style[style.index("* { box-sizing") :]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", body)
    assert set(re.findall(r"var\(--([\w-]+)\)", body)) <= set(colours(False)) == set(colours(True))
