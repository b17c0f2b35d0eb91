"""The charts of a monthly report, drawn from what was kept of it."""

from django.utils.safestring import SafeString

from reports import drawing
from reports.drawing import Bar

MOST_BARS = 40  # a page; every unit stands in the table


def charts(content: dict) -> dict[str, SafeString | str]:
    return {
        "rank_chart": _rank(content["rank"]),
        "trend_chart": _trend(content["trend"]),
        "gaps_chart": _gaps(content["gaps"]),
    }


def _rank(rank: dict | None) -> SafeString | str:
    if rank is None or rank["empty"]:
        return ""
    pair, rows = rank["pair"], rank["rows"][:MOST_BARS]
    bars = [Bar(row["name"], (row["strict"], row["wide"]) if pair else (row["value"],), row["text"]) for row in rows]
    reference = rank["reference"]
    return drawing.bars(
        bars, ("单独+联合", "含市场覆盖") if pair else (rank["name"],), f"下级单位：{rank['name']}",
        top=100.0 if rank["percent"] else None,
        reference=(reference["value"], reference["text"]) if reference else None,
    )  # fmt: skip


def _trend(trend: dict) -> SafeString | str:
    if trend["empty"]:
        return ""
    return drawing.lines(
        [label[2:7].replace("-", "年") + "月" for label in trend["labels"]],
        [(one["name"], one["values"]) for one in trend["series"]],
        "覆盖率走势",
        unit="%" if trend["percent"] else "",
    )


def _gaps(gaps: dict) -> SafeString | str:
    if gaps["empty"]:
        return ""
    bars = [Bar(row["name"], (row["blank"], row["sheltered"]), f"{row['total']:,} 户") for row in gaps["rows"]]
    return drawing.bars(bars, ("空白", "已有联合或市场覆盖"), "应建未建", stacked=True)
