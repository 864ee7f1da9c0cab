"""The overview as one picture, for places that take no page: a README."""

from __future__ import annotations

import html
import re
from pathlib import Path

from leaderboards.figures.axes import short
from leaderboards.overview import LEGEND, Heat

_NAMES, _LETTER, _CELL, _ROW, _HEAD, _FOOT = 170, 8, 104, 34, 62, 46
_STYLE = Path(__file__).parents[1] / "templates" / "style.css"


def heat_map(heat: Heat) -> str:
    """An SVG file that looks as the table on the overview page does, in light and in dark."""
    names = max(_NAMES, *(16 + _LETTER * len(board.name) for board, _ in heat.rows))
    width, height = names + _CELL * len(heat.models) + 8, _HEAD + _ROW * len(heat.rows) + _FOOT
    title = f"Relative error of the energy, {heat.protocol} {heat.version}, zoo {heat.zoo_version}"
    parts = [_text(8, 18, title, "title")]
    for column, model in enumerate(heat.models):
        for number, line in enumerate(_two_lines(model)):
            parts.append(_text(names + _CELL * (column + 0.5), _HEAD - 22 + 14 * number, line, "head"))
    for row, (board, cells) in enumerate(heat.rows):
        top = _HEAD + _ROW * row
        parts.append(_text(8, top + 21, board.name, "system"))
        for column, cell in enumerate(cells):
            left = names + _CELL * column
            box = f'x="{left + 1}" y="{top + 1}" width="{_CELL - 2}" height="{_ROW - 2}" rx="5"'
            parts.append(f'<rect class="{cell.kind}" {box}><title>{html.escape(cell.hint)}</title></rect>')
            parts.append(_text(left + _CELL / 2, top + 21, cell.text, f"{cell.kind}-text"))
    for number, (kind, text) in enumerate(LEGEND):
        left, top = 8 + 64 * number, height - 32
        parts.append(f'<rect class="{kind}" x="{left}" y="{top}" width="58" height="22" rx="4"/>')
        parts.append(_text(left + 29, top + 15, text, f"{kind}-text"))
    label = html.escape(f"{title}: {len(heat.rows)} systems, {len(heat.models)} models")
    size = f'viewBox="0 0 {width} {height}" width="{width}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">'
    ground = f'<rect class="ground" width="{width}" height="{height}"/>'
    return "\n".join([head, f"<style>\n{_style()}\n</style>", ground, *parts, "</svg>", ""])


def _style() -> str:
    """Colours of the pages, as classes of this picture."""
    light, _, rest = _STYLE.read_text(encoding="utf-8").partition("@media (prefers-color-scheme: dark)")
    palettes = [dict(re.findall(r"--([\w-]+): (#\w+)", text[: text.index("\n}")])) for text in (light, rest)]
    blocks = []
    for palette in palettes:
        inks = [(kind, palette[kind], palette[f"{kind}-text"]) for kind, _ in LEGEND]
        rules = [f".{kind} {{ fill: {ground} }} .{kind}-text {{ fill: {ink} }}" for kind, ground, ink in inks]
        rules += [f".ground {{ fill: {palette['card']} }}", f".title, .system {{ fill: {palette['text']} }}"]
        rules += [f".head, .none-text {{ fill: {palette['quiet']} }}", f".bad-text {{ fill: {palette['bad']} }}"]
        rules += [f".none, .bad {{ fill: none; stroke: {palette['line']} }}"]
        blocks.append("\n".join(rules))
    fonts = 'text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; text-anchor: middle }\n'
    fonts += ".title, .system { text-anchor: start } .title, .system { font-weight: 600 } .title { font-size: 14px }\n"
    return f"{fonts}{blocks[0]}\n@media (prefers-color-scheme: dark) {{\n{blocks[1]}\n}}"


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{short(x)}" y="{short(y)}">{html.escape(text, quote=False)}</text>'


def _two_lines(name: str) -> list[str]:
    """A long name broken at the underscore that makes both halves most alike."""
    places = [place for place, letter in enumerate(name) if letter == "_"]
    if len(name) <= 14 or not places:
        return ["", name]
    middle = min(places, key=lambda place: abs(2 * place - len(name)))
    return [name[: middle + 1], name[middle + 1 :]]
