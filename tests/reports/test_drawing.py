"""Charts drawn on the server: every value in its place, nothing that the strict policy drops, nothing unescaped."""

from xml.etree import ElementTree

import pytest

from reports import drawing
from reports.drawing import Bar

SVG = "{http://www.w3.org/2000/svg}"


def shapes(svg: str, tag: str) -> list:
    return ElementTree.fromstring(svg).findall(f"{SVG}{tag}")


def texts(svg: str) -> list[str]:
    return [one.text for one in shapes(svg, "text")]


def test_bars_are_as_long_as_their_values_and_unknown_ones_are_told_in_words():
    svg = drawing.bars([Bar("甲", (50.0,), "50.0%"), Bar("乙", (None,), "—"), Bar("丙", (25.0,), "25.0%")], ("率",), "图",
                       top=100.0)  # fmt: skip
    drawn = [float(one.get("width")) for one in shapes(svg, "rect")][1:]  # the first is the legend's
    assert len(drawn) == 2 and drawn[0] == pytest.approx(2 * drawn[1], abs=0.2)
    assert "—" in texts(svg) and "乙" in texts(svg)


def test_stacked_bars_stand_one_after_the_other():
    svg = drawing.bars([Bar("甲", (3, 1), "4 户")], ("空白", "已有"), "图", stacked=True)
    first, second = shapes(svg, "rect")[2:]
    assert float(second.get("x")) == pytest.approx(float(first.get("x")) + float(first.get("width")), abs=0.2)


def test_a_gap_in_a_line_is_not_bridged():
    whole = drawing.lines(["1", "2", "3", "4"], [("率", [10, 20, 30, 40])], "图")
    broken = drawing.lines(["1", "2", "3", "4"], [("率", [10, None, 30, 40])], "图")
    assert len(shapes(whole, "line")) == len(shapes(broken, "line")) + 2
    assert len(shapes(whole, "circle")) == len(shapes(broken, "circle")) + 1


@pytest.mark.parametrize("rows", [[], [Bar("甲", (0,), "0")], [Bar("甲", (None,), "—")]])
def test_nothing_to_draw_does_not_break(rows):
    assert shapes(drawing.bars(rows, ("率",), "图"), "text")
    assert drawing.lines([], [], "图")


def test_names_are_escaped_and_no_style_or_script_is_in_it():
    svg = drawing.bars([Bar('<script>&"', (1,), "<b>")], ("<i>",), '"><script>', reference=(1.0, "<u>"))
    assert "<script" not in svg and "style=" not in svg
    assert "<b>" in texts(svg) and "<u>" in texts(svg)
