"""Charts as SVG, drawn on the server: vector on paper and on the print page, without a script.

Plain shapes and the attributes of SVG only, so that the strict policy allows them and the PDF shows the same. Series
differ by shade, outline, dashes and marks, never by colour alone: most of this is copied in black and white.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

WIDTH = 680
NAME, FIGURE = 16, 96  # the longest name at the left of a bar, in characters; room for figures at its right
FILLS = (("#12405c", "#12405c"), ("#c9d3da", "#12405c"), ("#ffffff", "#12405c"))  # fill, outline
DASHES = ("", "6 4", "2 3")
FONT = "Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, sans-serif"


@dataclass(frozen=True)
class Bar:
    """One line of a bar chart: a value for each series; None is told in words instead of drawn as nothing."""

    name: str
    values: tuple[float | None, ...]
    text: str


def _svg(height: float, parts: Sequence[str], label: str) -> SafeString:
    body = "".join(parts)
    return mark_safe(  # noqa: S308  every text in it went through escape()
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}"'
        f' height="{height:.0f}" role="img" aria-label="{escape(label)}" font-family="{FONT}" font-size="12">{body}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#111111">{escape(text)}</text>'
    )


def _ground(x: float, y: float, text: str) -> str:
    """White behind a text of size 11, where it would stand on a line."""
    return f'<rect x="{x - 2:.1f}" y="{y - 10:.1f}" width="{6.2 * len(text) + 4:.1f}" height="13" fill="#ffffff"/>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = "#999999", dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="1"{dashes}/>'


def _rect(x: float, y: float, width: float, height: float, series: int) -> str:
    fill, stroke = FILLS[series % len(FILLS)]
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{fill}"'
        f' stroke="{stroke}" stroke-width="0.8"/>'
    )


def _clip(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _legend(names: Sequence[str], x: float, y: float) -> list[str]:
    parts = []
    for at, name in enumerate(names):
        parts += [_rect(x, y, 12, 10, at), _text(x + 17, y + 9.5, name, size=11)]
        x += 17 + 12 * len(name) + 22
    return parts


def bars(
    rows: Sequence[Bar], names: Sequence[str], label: str, *, stacked: bool = False, top: float | None = None,
    reference: tuple[float, str] | None = None,
) -> SafeString:  # fmt: skip
    """Bars from left to right, one row each; `reference`: a value with its words, as a dashed line through all."""
    known = [value for row in rows for value in row.values if value is not None]
    sums = [sum(value or 0 for value in row.values) for row in rows] if stacked else known
    most = top or max([*sums, reference[0] if reference else 0, 0]) or 1
    left = 12.0 * min(max((len(row.name) for row in rows), default=0), NAME) + 16
    scale = (WIDTH - left - FIGURE) / most
    thick = 14.0 if stacked or len(names) == 1 else 9.0
    step = thick + 8 if stacked or len(names) == 1 else len(names) * thick + 8
    parts, y = _legend(names, left, 2), 26.0
    if reference:
        x, y = left + reference[0] * scale, 44.0
        end = y + step * len(rows)
        middle = "start" if x < WIDTH - 220 else "end"
        parts += [_line(x, y - 6, x, end, "#111111", "4 3"), _text(x, y - 9, reference[1], middle, 11)]
    for row in rows:
        parts.append(_text(left - 8, y + step / 2, _clip(row.name, NAME), "end"))
        x = left
        for at, value in enumerate(row.values):
            if value is None:
                continue
            parts.append(_rect(x, y + (0 if stacked else at * thick), value * scale, thick, at))
            x += value * scale if stacked else 0
        far = max([0.0, *(value for value in row.values if value is not None)]) if not stacked else 0.0
        end_of_bar = max(x, left + far * scale) + 6
        if reference:
            parts.append(_ground(end_of_bar, y + step / 2, row.text))
        parts.append(_text(end_of_bar, y + step / 2, row.text, size=11))
        y += step
    parts.append(_line(left, 24 if not reference else 42, left, y, "#111111"))
    return _svg(y + 6, parts, label)


def _mark(x: float, y: float, series: int) -> str:
    if series == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#12405c"/>'
    if series == 1:
        return (
            f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="#ffffff" stroke="#12405c"'
            ' stroke-width="1.2"/>'
        )
    points = f"{x:.1f},{y - 4:.1f} {x - 4:.1f},{y + 3:.1f} {x + 4:.1f},{y + 3:.1f}"
    return f'<polygon points="{points}" fill="#8b98a3" stroke="#12405c" stroke-width="0.8"/>'


def lines(
    labels: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], label: str, *, unit: str = "%"
) -> SafeString:
    """Lines over time. A value that is not known leaves a gap; one point alone is a mark."""
    left, right, top, bottom = 46.0, WIDTH - 16.0, 34.0, 330.0
    known = [value for _, values in series for value in values if value is not None]
    most = 100.0 if unit == "%" else (max(known, default=1) or 1) * 1.1
    wide = (right - left) / max(len(labels) - 1, 1)

    def at(index: int, value: float) -> tuple[float, float]:
        return left + index * wide, bottom - value / most * (bottom - top)

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - share * (bottom - top)
        parts += [
            _line(left, y, right, y, "#cccccc"), _text(left - 6, y + 4, f"{most * share:.0f}{unit}", "end", 10)
        ]  # fmt: skip
    every = max(1, -(-len(labels) // 7))
    parts += [
        _text(at(index, 0)[0], bottom + 16, text, "end" if index and index == len(labels) - 1 else "middle", 10)
        for index, text in enumerate(labels)
        if index % every == 0
    ]
    x = left
    for number, (name, values) in enumerate(series):
        dash = DASHES[number % len(DASHES)]
        parts += [
            _line(x, 10, x + 26, 10, "#12405c", dash),
            _mark(x + 13, 10, number),
            _text(x + 32, 14, name, size=11),
        ]
        x += 32 + 12 * len(name) + 22
        parts += _stroke([None if value is None else at(index, value) for index, value in enumerate(values)], dash)
        parts += [_mark(*at(index, value), number) for index, value in enumerate(values) if value is not None]
    return _svg(bottom + 26, parts, label)


def _stroke(points: Sequence[tuple[float, float] | None], dash: str) -> list[str]:
    parts = []
    for one, other in zip(points, points[1:], strict=False):
        if one and other:
            parts.append(_line(*one, *other, "#12405c", dash))
    return parts
