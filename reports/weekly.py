"""一页纸: the leader's five minutes on one sheet of A4, plain JSON, from what reports/brief.py says of a unit.

It is read by whoever gets the paper, so its reader is nobody in particular, as that of a monthly report: small cells
are kept back everywhere, and no unit above is compared with. Every text is bounded, so that the sheet stays one page.
"""

from datetime import date, timedelta

from orgs.models import Organization
from reports import brief, metrics, monthly_words, selectors, tiles, words
from reports.behind import PERMISSION
from reports.brief import Brief, Point
from reports.monthly import PUBLIC
from reports.printing import PrintRefused
from reports.selectors import Numbers, Unit
from reports.tiles import Tile
from reports.words import Basis

WEEK = timedelta(days=7)
TILES = (
    Tile("organization_coverage_strict"), Tile("organization_coverage"), Tile("work_coverage"), Tile("due_built_rate"),
    Tile("operating"), Tile("organizations"), Tile("market_coverage"), Tile("service_points"),
)  # fmt: skip
NAME, WHO, ANSWERS, LINE = 12, 14, 28, 52  # characters of a name, who is there, who answers, and a sentence

COLUMN, MOST_LINES, GAP_LINE = 29, 31, 60  # characters of a line of a column, lines of one, characters of a gap's
FEW_LINES = 17  # of a column: with larger type the sheet is still one page


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def title_of(unit: Unit) -> str:
    return f"{unit}党建工作一页纸"


def brief_for(unit: Unit, monday: date) -> Brief:
    """What is said of a unit on the last counted day of a week; of the week before where none in it was counted yet.

    Raises PrintRefused with a sentence where there is nothing to print.
    """
    day = selectors.day_counted(unit, monday + WEEK - timedelta(days=1))
    found = brief.brief(PUBLIC, unit, day, PERMISSION) if day and day > monday - WEEK else None
    if found is None:
        raise PrintRefused(
            f"「{unit}」{monday:%Y年%m月%d日}这一周没有统计数字，不能出一页纸。系统每天夜里统计，请明天再试。"
        )
    return found


def source_of(found: Brief) -> str:
    return f"snapshot:{found.own.as_of}:{found.own.computed_at.isoformat()}"


def content_of(unit: Unit, found: Brief, monday: date, address: str = "") -> dict:
    """What the sheet says; `address`: where the product is reached, for the QR code."""
    own = found.own
    week_ago = selectors.for_reader(PUBLIC, unit, own.as_of - WEEK)
    week = week_ago.own if week_ago else None
    content = {
        "address": address,
        "line": "按党组织统计" if isinstance(unit, Organization) else "按区划统计",
        "week": f"{monday:%Y年}{monday.month}月{monday.day}日至{words.day(monday + WEEK - timedelta(days=1), monday)}",
        "computed_at": own.computed_at.isoformat(),
        "compared": {"week": _day(week), "month": _day(found.before)},
        "basis": brief.BASIS.label,
        "tiles": [_tile(tile, own, week, found.before) for tile in TILES],
        "good": [_point(point) for point in found.good],
        "bad": [_point(point) for point in found.bad],
        "gaps": [_gap(code, found) for code in brief.GAPS],
    }
    return content | {"summary": summary(content)}


def _day(numbers: Numbers | None) -> str | None:
    return numbers.as_of.isoformat() if numbers else None


def _clip(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _tile(tile: Tile, own: Numbers, week: Numbers | None, month: Numbers | None) -> dict:
    metric = metrics.METRICS[tile.code]
    fit = brief.BASIS.fitting(metric)
    value = own.value(tile.code, fit.denominator, fit.range)
    above, below = tiles.fraction(metric, own, fit) if metric.kind == metrics.RATE else (None, None)
    known = above is not None and below is not None
    return {
        "code": tile.code, "name": metric.name, "text": words.shown(own, tile.code, fit),
        "measure": metric.unit if metric.kind == metrics.COUNT and value is not None else "",
        "of": f"{above:,} / {below:,}" if known else "",
        "beside": _beside(own, tile.code), "basis": monthly_words.basis_label(tile.code, fit),
        "week": _change(metric, own, week), "month": _change(metric, own, month),
    }  # fmt: skip


def _beside(own: Numbers, code: str) -> str:
    """The share as dashboards open on it: D4, whose parts may be small cells."""
    opens = Basis()
    return f"D4 {words.shown(own, code, opens)}" if opens.denominator in metrics.METRICS[code].denominators else ""


def _change(metric: metrics.Metric, own: Numbers, then: Numbers | None) -> dict:
    """In words and, for the mark beside it, whether that is good; nothing where the other day is not before."""
    if then is None or then.as_of >= own.as_of:
        return {}
    found = tiles.change(metric, own, then, brief.BASIS.fitting(metric))
    return {"by": found["by"], "direction": found["direction"], "good": found["good"]} if found else {}


def _point(point: Point) -> dict:
    return {
        "code": point.code, "name": point.name, "value": point.value, "why": _clip(point.why, LINE),
        "since": ("近 400 天一直如此" if point.from_the_first else f"{point.since:%Y-%m-%d} 起"),
        "places": [
            {"name": _clip(place.name, NAME), "share": place.share, "who": _clip(place.who, WHO)}
            for place in point.places
        ],
        "who": _clip(point.who, ANSWERS), "next": point.next_step,
    }  # fmt: skip


def _gap(code: str, found: Brief) -> dict:
    metric, own = metrics.METRICS[code], found.own
    most = [(brief.name_of(line), int(count)) for line in found.lines if (count := line.value(code))]
    most = sorted(most, key=lambda row: -row[1])[: brief.SHOWN]
    return {
        "code": code, "name": metric.name, "text": words.shown(own, code, brief.BASIS), "measure": metric.unit,
        "month": _change(metric, own, found.before),
        "most": [f"{_clip(name, NAME)} {count:,}" for name, count in most],
    }  # fmt: skip


def layout(content: dict) -> dict:
    """Set in smaller type where a column has so many lines that it would not stay one page, in larger type where few."""
    lines = max(sum(map(_lines, content[side])) for side in ("good", "bad"))
    is_long = max(len(", ".join(gap["most"])) for gap in content["gaps"]) > GAP_LINE
    return {"dense": lines > MOST_LINES or is_long, "roomy": lines <= FEW_LINES and not is_long}


def _lines(point: dict) -> int:
    places = "；".join(f"{one['name']} {one['share']}（{one['who']}）" for one in point["places"])
    texts = (point["name"] + point["value"], point["why"] + point["since"], places, point["who"], point["next"])
    return sum(-(-(len(text) + 5) // COLUMN) for text in texts if text)


def summary(content: dict) -> list[str]:
    """Six sentences at most, for the page of the document."""
    sides = (("做得好", content["good"]), ("要抓紧", content["bad"]))
    found = [f"{word}：{one['name']} {one['value']}，{one['why']}。" for word, side in sides for one in side]
    return found or ["没有达到规则的变化，也没有需要列出的缺口。"]
