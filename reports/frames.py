"""What a wall screen shows: one frame of numbers for all of its pages, the same for everybody who passes by.

The reader is nobody in particular: outside every responsible unit, so small cells are kept back as for the widest
public. A frame holds aggregates of the unit and of the units right below it, no row and no address of a page.
"""

import hashlib
import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Max
from django.utils import timezone

from orgs.models import Organization
from reports import boards, caching, metrics, ranking, selectors, tiles, words
from reports.models import Screen, Snapshot
from reports.selectors import Numbers, Released, Unit
from reports.words import Basis

PUBLIC = AnonymousUser()
BASIS, BESIDE = Basis(), Basis(metrics.DEFAULT_DENOMINATOR)  # D4, as pages open, and D2 beside it
KEPT_FOR = 300  # seconds; the name in the cache changes with the numbers, names of units may change without
MOST_LINES = 16  # what can be read from eight metres; more districts than that has no city of this province
OLD_AFTER = 2  # days without a computation before the screen says so
COVERAGES = ranking.RATES[:3]
SHAPE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]  # what an earlier release kept is not read
SHORT = {
    "organization_coverage_strict": "单独+联合",
    "organization_coverage": "含市场覆盖",
    "work_coverage": "工作覆盖",
}
OVERVIEW = ("organizations", "operating", "markets", "service_points", "terms_overdue", "instructors")
MARKETS = ("market_coverage", "due_built_rate", "markets_due_not_built", "due_not_built_blank")
PLACES = ("service_points", "footfall_30d", "delivery_sites")
KINDS = (
    "rest_points", "caring_merchants", "party_service_points", "party_homes", "finance_points", "training_bases",
    "counters",
)  # fmt: skip


def frame_of(screen: Screen) -> tuple[bytes, str]:
    """(the answer to a screen, its ETag). All pages come in one; what was worked out is kept by unit and computation."""
    unit = screen.unit
    body = _numbers_of(unit)
    body["screen"] = {
        "pages": [page for page in screen.pages if page in body["pages"]] or list(body["pages"])[:1],
        "seconds": screen.seconds,
        "expires_at": screen.expires_at.isoformat(),
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'


def _numbers_of(unit: Unit) -> dict:
    own = selectors.latest(unit)
    if own is None:
        return {"unit": str(unit), "empty": "这个单位还没有统计数字。系统每天夜里计算，算好后自动显示。", "pages": {}}
    # small cells depend on every unit's numbers of that day, so the newest computation of any of them is in the name
    newest = Snapshot.objects.filter(as_of=own.as_of).aggregate(at=Max("computed_at"))["at"]
    today = timezone.localdate()
    line = "o" if isinstance(unit, Organization) else "d"
    name = (
        f"reports:screen:public:{SHAPE}:{line}{unit.pk}:{own.as_of}:{newest.timestamp()}:{today}:{settings.SMALL_CELL}"
    )

    def made() -> dict:
        released = selectors.for_reader(PUBLIC, unit, own.as_of)
        assert released is not None  # it has numbers: they were read just now
        return _frame(unit, released, (today - own.as_of).days)

    return caching.kept(name, KEPT_FOR, made)


def _frame(unit: Unit, released: Released, age: int) -> dict:
    own = released.own
    before = boards.compared_with(PUBLIC, unit, own.as_of)
    known = {tile["code"]: tile for group in tiles.groups(own, before, BASIS) for tile in group["tiles"]}
    since = f"变化是较 {before.as_of.month}月{before.as_of.day}日；" if before else ""
    pages = {
        Screen.Page.OVERVIEW: _overview(own, known),
        Screen.Page.AREAS: _areas(released),
        Screen.Page.MARKETS: _markets(released, known),
        Screen.Page.PLACES: _places(released, known),
        Screen.Page.TREND: _trend(own, known),
    }
    return {
        "unit": str(unit),
        "line": "按党组织统计" if isinstance(unit, Organization) else "按区划统计",
        "as_of": own.as_of.isoformat(),
        "computed_at": f"{timezone.localtime(own.computed_at):%m-%d %H:%M}",
        "old": f"统计已 {age} 天没有重新计算" if age >= OLD_AFTER else "",
        "note": f"{since}涉及个人的数字小于 {settings.SMALL_CELL} 的不显示",
        "pages": {str(page): {"title": str(page.label), **shown} for page, shown in pages.items() if shown},
    }


# --- pages ------------------------------------------------------------------------------------------------------------


def _overview(own: Numbers, known: dict) -> dict:
    return {
        "basis": BASIS.label,
        "coverages": [_coverage(own, code, known[code]) for code in COVERAGES],
        "note": f"口径：大数字的分母是 {BASIS.label}（全部主体），下面一行是 {BESIDE.label}",
        "tiles": [_tile(own, known[code]) for code in OVERVIEW],
    }


def _coverage(own: Numbers, code: str, tile: dict) -> dict:
    above, below = tiles.fraction(metrics.METRICS[code], own, BESIDE)
    return _short(own, tile) | {
        "label": SHORT[code],  # the heading names the denominator
        "beside": {
            "basis": BESIDE.label,
            "text": words.shown(own, code, BESIDE),
            "detail": f"{above:,} / {below:,} 户" if above is not None and below is not None else "",
        },
    }


def _areas(released: Released) -> dict | None:
    """Rates of the units below; a guidance station's are grassroots organizations, whose names tell businesses."""
    unit = released.own.unit
    if not released.children or not ranking.compares_coverage(unit):
        return None
    code = ranking.chosen(unit, None)
    basis = ranking.ranked_in(BASIS, code, unit)
    below, found = boards.level_below(unit), {}
    if boards.is_city(unit):
        shapes = boards.district_map(released, code, basis)
        found["map"] = {
            "title": f"{below}{metrics.METRICS[code].name} · {basis.label}",
            "rows": [_line(row) | {"text": ranking.text_of(row, code)} for row in shapes["rows"]],
            "outside": [_line(row) | {"text": ranking.text_of(row, code)} for row in shapes["outside"]],
        }
    work = {row["name"]: row for row in ranking.rank(released, COVERAGES[2], basis)["rows"]}
    rows, left = _fitting(ranking.rank(released, code, basis)["rows"])
    lines = [
        {key: row[key] for key in ("name", "value", "rest", "strict", "wide", "texts")}
        | {"work": work[row["name"]]["value"], "work_text": work[row["name"]]["text"]}
        for row in rows
    ]
    return found | {
        "rows_title": f"{below}两个覆盖 · {basis.label}{left}",
        "rows": [*lines, _total(released.own, basis)],
    }


def _total(own: Numbers, basis: Basis) -> dict:
    texts = [words.shown(own, code, basis) for code in COVERAGES]
    shares = [own.value(code, basis.denominator) for code in COVERAGES]
    return {
        "name": "合计",
        "value": None,
        "rest": True,
        "own": True,
        **dict(
            zip(("strict", "wide", "work"), (None if one is None else float(one * 100) for one in shares), strict=True)
        ),
        "texts": texts[:2],
        "work_text": texts[2],
    }


def _markets(released: Released, known: dict) -> dict:
    found: dict = {"tiles": [_tile(released.own, known[code]) for code in MARKETS]}
    if released.children and ranking.compares_coverage(released.own.unit):
        gaps = boards.gaps(released, BASIS)
        found["gaps"] = {
            "title": f"{boards.level_below(released.own.unit)}应建未建（户）",
            "labels": gaps["labels"][:MOST_LINES],
            "totals": gaps["totals"][:MOST_LINES],
            "series": [{**one, "values": one["values"][:MOST_LINES]} for one in gaps["series"]],
            "empty": gaps["empty"],
        }
    return found


def _places(released: Released, known: dict) -> dict:
    own = released.own
    kinds = [(metrics.METRICS[code].name, own.value(code)) for code in KINDS]
    found: dict = {
        "tiles": [_tile(own, known[code]) for code in PLACES],
        "kinds": {
            "title": "服务点类型（个）",
            "rows": [_row(name, value) for name, value in sorted(kinds, key=lambda kind: -(kind[1] or 0))],
        },
    }
    if released.children and ranking.compares_coverage(own.unit):
        rows, left = _fitting(ranking.rank(released, "service_points", BASIS)["rows"])
        found["below"] = {
            "title": f"{boards.level_below(own.unit)}服务点（个）{left}",
            "rows": [_line(row) for row in rows],
        }
    return found


def _trend(own: Numbers, known: dict) -> dict:
    lines = [(basis, boards.trend(PUBLIC, own, basis, 90)) for basis in (BASIS, BESIDE)]
    return {
        "charts": [
            {
                "title": f"近 90 天 · {basis.label}",
                "labels": one["labels"],
                "series": [
                    {"name": SHORT[code], "values": series["values"]}
                    for code, series in zip(COVERAGES, one["series"], strict=True)
                ],
                "empty": one["empty"],
            }
            for basis, one in lines
        ],
        "tiles": [_short(own, known[code]) for code in COVERAGES],
    }


# --- parts ------------------------------------------------------------------------------------------------------------


def _tile(own: Numbers, tile: dict) -> dict:
    """A tile of the dashboard without its link."""
    metric = metrics.METRICS[tile["code"]]
    fit = BASIS.fitting(metric)
    value = own.value(metric.code, fit.denominator, fit.range)
    share = metric.kind == metrics.RATE
    fraction = f"{tile['numerator']} / {tile['denominator']} {tile['of_unit']}" if tile.get("numerator") else ""
    if share and metric.denominators:
        fraction = f"{fraction}（{fit.label}）" if fraction else fit.label
    return {
        "code": metric.code,
        "label": tile["label"],
        "number": None if value is None else float(value * 100) if share else int(value),
        "share": share,
        "text": words.SMALL if tile["hidden"] else tile["value"],
        "unit": tile["unit"],
        "detail": fraction if share else _whole(tile.get("detail", "")),
        "change": tile.get("change", "").split(" ", 2)[-1],  # since when stands once at the foot
        "direction": tile.get("direction", ""),
        "good": tile.get("good"),
    }


def _whole(detail: str) -> str:
    """A line that breaks between its parts, not between a name and its number."""
    return " · ".join(part.replace(" ", "\u00a0") for part in detail.split(" · "))


def _short(own: Numbers, tile: dict) -> dict:
    """A coverage whose denominator stands in its name, so that the line below has room for a province's numbers."""
    shown = _tile(own, tile)
    detail = shown["detail"].removesuffix(f"（{BASIS.label}）").removesuffix(BASIS.label)
    return shown | {"label": f"{SHORT[tile['code']]} · {BASIS.label}", "detail": detail}


def _line(row: dict) -> dict:
    return {key: row[key] for key in ("name", "value", "text", "rest")}


def _row(name: str, value) -> dict:
    return {"name": name, "value": value, "text": words.figure(value, metrics.COUNT), "rest": False}


def _fitting(rows: list[dict]) -> tuple[list[dict], str]:
    """As many as can be read: the first ones and the 直属/待分派 line; how many are not here is said."""
    left = len(rows) - MOST_LINES
    if left <= 0:
        return rows, ""
    return [*rows[: MOST_LINES - 1], rows[-1]], f"（另有 {left} 个单位见看板）"
