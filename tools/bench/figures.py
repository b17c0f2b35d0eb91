"""What P1–P11 are, what is to be reached, and how a run's figures become a table and a JSON file."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    name: str
    reach: str
    unit: str
    reached: Callable[[float, dict], bool]


def at_most(limit: float) -> Callable[[float, dict], bool]:
    return lambda value, detail: value <= limit


def at_least(limit: float) -> Callable[[float, dict], bool]:
    return lambda value, detail: value >= limit


TARGETS: dict[str, Target] = {
    "P1": Target("first load ÷ (bare COPY + index build)", "≤ 2.5", "ratio", at_most(2.5)),
    "P2": Target("same file again, 1 % changed ÷ bare COPY", "≤ 4", "ratio", at_most(4)),
    "P3": Target("full coverage of the tree ÷ parallel seq-scan count(*)", "≤ 10", "ratio", at_most(10)),
    "P4": Target(
        "one guidance station after a change",
        "≤ 0.25 s, ≤ 1.5 × the same at a tenth of the rows",
        "s",
        lambda value, detail: value <= 0.25 and (detail["times_a_tenth"] or math.inf) <= 1.5,
    ),
    "P5": Target(
        "list page, first and deep: p95 of the slowest scope ÷ p95 city-wide",
        "≤ 1.2, and ≤ 5 ms in SQL",
        "ratio",
        lambda value, detail: value <= 1.2 and detail["slowest_p95_ms"] <= 5,
    ),
    "P6": Target(
        "name search, 2 characters, p95 of the slowest scope and word",
        "≤ 50 ms, ≥ 12 × faster than the scan",
        "ms",
        lambda value, detail: value <= 50 and detail["times_faster_than_scan"] >= 12,
    ),
    "P7": Target("dashboard page ÷ bare template view (requests/s)", "≥ 0.2", "ratio", at_least(0.2)),
    "P8": Target("check-in POST ÷ bare POST of the same JSON (requests/s)", "≥ 0.5", "ratio", at_least(0.5)),
    "P9": Target(
        "peak memory of an import",
        "≤ 700 MB, xlsx ≤ 500 MB",
        "MB",
        lambda value, detail: value <= 700 and detail["xlsx_checked"]["peak_mb"] <= 500,
    ),
    "P10": Target("growth from a tenth of the rows, against what is allowed", "≤ 1", "ratio", at_most(1)),
    "P11": Target(
        "answer to known − to unknown: far end of the median's 95 % interval, form and sign-in",
        "≤ 20 ms",
        "ms",
        at_most(20),
    ),
}


def p95(values: Sequence[float]) -> float:
    """The 95th percentile by nearest rank: a value that was measured, not one between two."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def rounded(value):
    """Four significant digits in whatever is measured, however deep it lies."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value


def complete(measured: dict[str, tuple[float | None, dict]]) -> dict[str, dict]:
    """Every P with value, reach and detail; what was not measured has the value null and says why."""
    found = {}
    for code, target in TARGETS.items():
        value, detail = measured.get(code, (None, {"why": "not measured"}))
        found[code] = {"value": rounded(value), "reach": target.reach, "detail": rounded(detail)}
    return found


def verdict(code: str, figure: dict) -> str:
    if figure["value"] is None:
        return "not measured"
    return "yes" if TARGETS[code].reached(figure["value"], figure["detail"]) else "NO"


def table(figures: dict[str, dict]) -> str:
    rows = [("", "what", "value", "to reach", "reached")]
    for code, figure in figures.items():
        target = TARGETS[code]
        value = "—" if figure["value"] is None else f"{figure['value']:g}"
        unit = "" if target.unit == "ratio" or figure["value"] is None else f" {target.unit}"
        rows.append((code, target.name, value + unit, target.reach, verdict(code, figure)))
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-|-".join("-" * width for width in widths), *lines[1:]])


def write(figures: dict[str, dict], path: Path) -> None:
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
