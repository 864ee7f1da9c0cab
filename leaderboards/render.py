"""From boards to pages: HTML for people, and Markdown from the same rows.

The pages depend on the records and on the reference energies alone, so that the same records give the same bytes. An
HTML page needs nothing but itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from harness.format import shorthand
from leaderboards import figures, overview, rules
from leaderboards.board import RESULTS, Board, Result, Row, Table, boards, collect
from leaderboards.figures.heat import heat_map
from leaderboards.lines import KINDS, Line, columns, describe, lines, model_page, run_line
from zoo import registry
from zoo.errors import ZooError

TEMPLATES = Path(__file__).with_name("templates")
SITE = Path(__file__).with_name("site")

FAMILIES = {
    "quantum_dot": "Quantum dots",
    "molecule": "Atoms and molecules",
    "electron_gas": "Electron gas",
    "hubbard": "Hubbard lattices",
    "t_v": "Spinless fermions",
}
"""Families in words, in their order on the index; others follow under their own names."""
_ON_A_CARD = 4
MOST_SHOWN = 100
"""Rows of a table that are shown at first, where it has more: laying out thousands takes seconds. As in style.css."""


def pages(results: Sequence[Result]) -> dict[str, str]:
    """The text of every page by its name: the index and the overview, then systems, then models."""
    found = boards(results)
    templates = environment()
    models = overview.order({result.record.model.name for result in results})
    templates.globals["linked"] = set(models)
    heats = overview.heats(found)
    written = {
        "index.html": templates.get_template("index.html.j2").render(here="index", cards=_cards(found), models=models),
        "index.md": templates.get_template("index.md.j2").render(boards=found, entries=_entries(found), heats=heats),
        "overview.html": templates.get_template("overview.html.j2").render(
            here="overview", heats=heats, legend=overview.LEGEND
        ),
    }
    if heats:
        written["overview.svg"] = heat_map(heats[0])
    for board in found:
        values = _system(board)
        for ending in ("html", "md"):
            written[f"{board.slug}.{ending}"] = templates.get_template(f"system.{ending}.j2").render(**values)
    for name in models:
        written[model_page(name)] = templates.get_template("model.html.j2").render(**_model(name, found))
    return written


def build(sources: Sequence[Path] = (RESULTS,), site: Path = SITE) -> list[Path]:
    """Write the pages of every system and model found in the sources.

    Args:
        sources: Folders of runs or of results, and single records.
        site: Folder for the pages; made if missing.

    Returns:
        The files written.

    Raises:
        ZooError: A source is missing, or a file is not a valid record.
    """
    written = pages(collect(sources))
    site = Path(site)
    site.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (site / name).write_text(text, encoding="utf-8", newline="\n")
    return [site / name for name in written]


def check(sources: Sequence[Path] = (RESULTS,), site: Path = SITE) -> list[str]:
    """How the pages in a folder differ from what the records give, a line each; empty where they do not.

    Raises:
        ZooError: A source or the folder is missing, or a file is not a valid record.
    """
    site = Path(site)
    if not site.is_dir():
        raise ZooError(f"{site}: expected a folder of pages")
    expected = pages(collect(sources))
    there = {path.name: path for ending in ("html", "md", "svg") for path in site.glob(f"*.{ending}")}
    problems = []
    for name in sorted({*expected, *there}):
        if name not in there:
            problems.append(f"{site / name}: missing")
        elif name not in expected:
            problems.append(f"{site / name}: no record gives this page, delete it")
        else:
            place = _first_difference(there[name].read_text(encoding="utf-8"), expected[name])
            if place is not None:
                problems.append(f"{site / name}: line {place} differs from what the records give")
    return problems


def _first_difference(text: str, expected: str) -> int | None:
    if text == expected:
        return None
    mine, others = text.split("\n"), expected.split("\n")
    same = (n for n, (a, b) in enumerate(zip(mine, others, strict=False), start=1) if a != b)
    return next(same, min(len(mine), len(others)) + 1)


@dataclasses.dataclass(frozen=True)
class _Card:
    board: Board
    family: str
    summary: str
    top: list[Line]
    note: str
    foot: str


def _cards(found: list[Board]) -> list[_Card]:
    """By family, in the order of `FAMILIES`, then by the number of electrons and by name."""
    order = {family: place for place, family in enumerate(FAMILIES)}

    def place(board: Board) -> tuple:
        system = board.system
        return order.get(system.family, len(order)), system.family, system.n_up + system.n_down, board.name, board.slug

    return [_card(board) for board in sorted(found, key=place)]


def _card(board: Board) -> _Card:
    """Of a system: the best row of each model under the largest budget that has ranked any."""
    table = next((table for table in board.tables if table.best is not None), None)
    best: dict[str, Row] = {}
    for row in () if table is None else table.ranked:
        best.setdefault(row.record.model.name, row)
    top = [run_line(board, row) for row in list(best.values())[:_ON_A_CARD]]
    note = ""
    if top and board.reference is not None:
        note = f"{top[0].cells['error']} from the {KINDS[board.reference.kind]} reference"
    counted = sum(len(t.ranked) for t in board.tables)
    foot = (
        f"{counted} ranked {'row' if counted == 1 else 'rows'} of {board.runs} {'run' if board.runs == 1 else 'runs'}"
    )
    if table is not None:
        foot += f" · best under {table.protocol} {table.version}"
    return _Card(board, FAMILIES.get(board.system.family, board.system.family), summary(board), top, note, foot)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def summary(board: Board) -> str:
    """The registry's line on the system, if it is the very same; otherwise its family and electrons."""
    if board.name in registry.list_systems():
        spec = registry.system_spec(board.name)
        if spec.create().sha256 == board.system.sha256:
            return spec.summary
    return f"{board.system.family}, {board.system.n_up} + {board.system.n_down} electrons"


def facts(board: Board) -> dict[str, Any]:
    """What the head of a page says of a system."""
    reference = board.reference
    return {
        "board": board,
        "summary": summary(board),
        "parameters": describe(board.system.parameters),
        "reference": reference and shorthand(reference.energy, reference.uncertainty),
        "kind": reference and KINDS[reference.kind],
        "hartree_fock": None if board.hartree_fock is None else shorthand(board.hartree_fock, None),
    }


def _system(board: Board) -> dict[str, Any]:
    tables = [_table(board, table) for table in board.tables]
    return {"here": "", **facts(board), "columns": columns(board), "tables": tables}


def _table(board: Board, table: Table) -> tuple[Table, list[Line], list[str], list[figures.Figure]]:
    """With its lines, figures, and the software of its rows where a long table has it in a list of its own."""
    found = lines(board, table)
    long = len(found) > MOST_SHOWN
    software = list(dict.fromkeys(line.versions for line in found if line.versions)) if long else []
    return table, found, software, figures.of_table(board, table)


def _model(name: str, found: list[Board]) -> dict[str, Any]:
    rows: list[tuple[Board, Table, Row]] = [
        (board, table, row)
        for board in found
        for table in board.tables
        for row in table.rows
        if row.record.model.name == name
    ]
    spec = registry.model_spec(name) if name in registry.list_models() else None
    return {
        "here": "",
        "name": name,
        "spec": spec,
        "card": None if spec is None else MarkdownIt("commonmark", {"html": False}).render(spec.card.strip("\n")),
        "distributions": ", ".join(sorted({row.record.model.distribution for _, _, row in rows})),
        "results": [(board, table, run_line(board, row)) for board, table, row in rows],
    }


def _entries(found: list[Board]) -> list[tuple[Board, Table, Line | None]]:
    return [
        (board, table, None if table.best is None else run_line(board, table.best))
        for board in found
        for table in board.tables
    ]


def environment() -> jinja2.Environment:
    """The templates, with what they share."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"cell": _markdown_cell, "minus": _minus, "breakable": _breakable, "page": model_page}
    templates.globals |= {
        "rules": rules.IN_WORDS,
        "most_shown": MOST_SHOWN,
        "style": Markup(_compact((TEMPLATES / "style.css").read_text(encoding="utf-8"))),
        "script": Markup((TEMPLATES / "board.js").read_text(encoding="utf-8").strip()),
    }
    return templates


def _compact(style: str) -> str:
    """A style sheet without the white space that is there for its readers."""
    return re.sub(r"\s*([{};])\s*", r"\1", style).replace("}", "}\n").strip()


def _markdown_cell(text: str) -> str:
    """Text that stays within one cell of a Markdown table, and is no HTML."""
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").split())


def _minus(text: str | None) -> str:
    """Numbers with the sign that is as wide as a plus."""
    return "" if text is None else re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def _breakable(name: str) -> Markup:
    """A name that may be broken after its underscores."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
