"""`make bench ROWS=430000 OUT=bench.json`: P1–P11 as ratios, both sides of each measured in the same run.

Everything happens on two cities made for it, one with ROWS businesses and one with a tenth of them, on the servers of
the environment. Databases, files and processes are gone when it ends. docs/benchmarks.md says what each P means.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)  # started as a file: imports begin at the project

from devservices import signals_as_interrupt  # noqa: E402
from tools.bench import bare, figures, registry  # noqa: E402  # after the path above
from tools.bench.child import MeasurementFailed, measured  # noqa: E402
from tools.bench.databases import Databases, connected  # noqa: E402
from tools.bench.figures import median  # noqa: E402

ONCE_FROM = 1_000_000  # rows from which an import is measured once: minutes need no repetition
FLAT, LEAST_ROWS = 1.5, 2_000
WORKBOOK_ROWS = 50_000  # of the xlsx whose check is measured for P9: writing one takes longer than reading it
LARGEST_WORKBOOK = 1_000_000  # the same from ONCE_FROM on: the size that P9 names
STEPS = ("coverage", "lists", "names", "web", "alike", "imports")
USUAL_ROWS = 20_000  # what django-import-export is given


@dataclass
class Effort:
    """How often each thing is measured."""

    imports: int = 2
    copies: int = 3
    coverage: int = 3
    pages: int = 60  # of so many times three depths a p95 is no single slow moment of the machine
    searches: int = 10
    rounds: int = 3
    seconds: float = 3.0
    pairs: int = 300


QUICK = Effort(imports=1, copies=1, coverage=1, pages=3, searches=2, rounds=1, seconds=0.5, pairs=2)


@dataclass
class Size:
    """What was measured on one city. A measurement that failed is None, and `why` has the reason."""

    rows: int
    found: dict[str, dict] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


def say(text: str) -> None:
    print(f"[bench {time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def imports(databases: Databases, city: str, rows: int, effort: Effort, folder: Path) -> dict:
    """First loads, the file again with 1 % changed, and the bare COPY of the same rows, in turns."""
    files = [folder / name for name in ("first.csv", "again.csv", "rows.csv")]
    registry.write_file(databases.owner(city), files[0])
    registry.write_file(databases.owner(city), files[1], changed=1)
    first, again, copies = [], [], []
    for number in range(1 if rows >= ONCE_FROM else effort.imports):
        name = databases.create(f"import_{rows}_{number}", template=city)
        with connected(databases.owner(name)) as cursor:
            cursor.execute("TRUNCATE markets_business RESTART IDENTITY CASCADE")
            cursor.execute("VACUUM (ANALYZE)")
        environment = databases.environment(name)
        if not number:
            beside = usual(files[0], folder / "few.csv", environment, rows, databases.owner(name))
        expect = {"rows": rows, "new": rows, "wrong": 0, "duplicate": 0, "out_of_scope": 0}
        first.append(measured("loading", environment, path=str(files[0]), expect=expect))
        with connected(databases.owner(name)) as cursor:
            cursor.execute("VACUUM (ANALYZE) markets_business")  # as autovacuum does between two monthly files
        columns = bare.export(databases.owner(name), files[2])
        copies += [bare.load(databases.owner(name), files[2], columns) for _ in range(effort.copies)]
        again.append(measured("loading", environment, path=str(files[1]), expect={"rows": rows, "new": 0, "wrong": 0}))
        if not number:
            books = workbook(files[0], folder / "rows.xlsx", environment, rows)
        databases.drop(name)
    copy, build = (median([one[key] for one in copies]) for key in ("copy", "build"))
    seconds, repeated = (median([one["seconds"] for one in series]) for series in (first, again))
    return {
        "first_ratio": seconds / (copy + build), "again_ratio": repeated / copy,
        "first_seconds": seconds, "again_seconds": repeated, "copy_seconds": copy, "build_seconds": build,
        "peak_mb": max(one["peak_mb"] for one in first + again), "file_mb": files[0].stat().st_size / 1e6,
        "xlsx": books, "usual": beside,
        "first_counts": first[-1]["counts"], "again_counts": again[-1]["counts"],
        "repetitions": {"imports": len(first), "copies": len(copies)},
    }  # fmt: skip


def usual(source: Path, path: Path, environment: dict[str, str], rows: int, owner_url: str) -> dict:
    """The first rows of the file by django-import-export and, without writing, by ours: seconds of each.

    As the owner: the library sets the sequence of the ids, which the web role may not.
    """
    rows = min(rows, USUAL_ROWS)
    registry.write_first(source, path, rows)
    ours = measured("loading", environment, path=str(path), expect={"rows": rows, "wrong": 0}, dry_run=True)
    as_owner = environment | {"DATABASE_ROLE": "owner", "DATABASE_OWNER_URL": owner_url}
    return measured("usual", as_owner, path=str(path), rows=rows) | {"ours_checked_seconds": ours["seconds"]}


def workbook(source: Path, path: Path, environment: dict[str, str], rows: int) -> dict:
    """Checking an xlsx of the same rows without writing: its peak is that of reading it."""
    rows = registry.write_workbook(source, path, LARGEST_WORKBOOK if rows >= ONCE_FROM else WORKBOOK_ROWS)
    checked = measured("loading", environment, path=str(path), expect={"rows": rows, "wrong": 0}, dry_run=True)
    return {"rows": rows, "peak_mb": checked["peak_mb"], "seconds": checked["seconds"]}


def measure(databases: Databases, rows: int, effort: Effort, *, web: bool, only: Sequence[str] = ()) -> Size:
    size = Size(rows)
    say(f"a city with {rows:,} businesses …")
    city = databases.city(rows)
    environment = databases.environment(city)
    steps = {
        "coverage": lambda: (
            measured("coverage", environment, repetitions=effort.coverage)
            | {"duckdb": measured("duck", environment, repetitions=effort.coverage)}
        ),
        "lists": lambda: measured("lists", environment, repetitions=effort.pages),
        "names": lambda: measured("names", environment, repetitions=effort.searches),
        "web": lambda: measured("web", environment, rounds=effort.rounds, seconds=effort.seconds),
        "alike": lambda: measured("alike", environment, pairs=effort.pairs),
        "imports": lambda: in_folder(lambda folder: imports(databases, city, rows, effort, folder)),
    }
    if not web:
        del steps["web"], steps["alike"]
    for name, step in steps.items():
        if only and name not in only:
            size.why[name] = "not asked for"
            continue
        say(f"{name}, {rows:,} businesses …")
        try:
            size.found[name] = step()
        except (MeasurementFailed, OSError, psycopg2.Error) as failure:
            say(f"{name} was not measured: {failure}")
            size.why[name] = str(failure)
    if not databases.keep:
        databases.drop(city)
    return size


def in_folder(step):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return step(Path(folder))


def growth(large: Size, small: Size) -> dict[str, float]:
    """How much more the tenfold size takes, over what is allowed: the rows' factor for imports and coverage, 1.5 for
    pages, search and one guidance station."""
    factor = large.rows / small.rows
    wanted = {
        "import": ("imports", ("first_seconds",), factor),
        "import_again": ("imports", ("again_seconds",), factor),
        "coverage": ("coverage", ("refresh_seconds",), factor),
        "one_guidance_station": ("coverage", ("one", "p95_seconds"), FLAT),
        "pages": ("lists", ("slowest_p95_ms",), FLAT),
        "search": ("names", ("p95_ms",), FLAT),
    }
    found = {}
    for name, (step, path, allowed) in wanted.items():
        if step in large.found and step in small.found:
            a, b = (_at(size.found[step], path) for size in (large, small))
            found[name] = a / b / allowed
    return found


def _at(found: dict, path: tuple[str, ...]) -> float:
    for key in path:
        found = found[key]
    return found  # type: ignore[return-value]  # the path ends at a number


def _some(found: dict, *keys: str) -> dict:
    return {key: found[key] for key in keys}


def _beside(found: dict, key: str) -> dict:
    return {name: one for name, one in found.items() if name != key}


def _one_unit(found: dict, tenth: dict) -> tuple[float, dict]:
    one, before = found["one"], tenth.get("one", {})
    seconds = one["p95_seconds"]
    times = seconds / before["p95_seconds"] if before else None
    return seconds, one | {"at_a_tenth": before, "times_a_tenth": times}


# figure → the step that measures it; its value and details, from what the step found at full size and at a tenth
MEASURED: dict[str, tuple[str, Callable[[dict, dict], tuple[float | None, dict]]]] = {
    "P1": ("imports", lambda m, _: (m["first_ratio"], _some(
        m, "first_seconds", "copy_seconds", "build_seconds", "file_mb", "first_counts", "repetitions", "usual"))),
    "P2": ("imports", lambda m, _: (m["again_ratio"], _some(m, "again_seconds", "copy_seconds", "again_counts"))),
    "P3": ("coverage", lambda m, _: (m["ratio"], _some(
        m, "counting_alone_ratio", "refresh_seconds", "counting_seconds", "scan_seconds", "businesses_seconds", "duckdb"))),
    "P4": ("coverage", _one_unit),
    "P5": ("lists", lambda m, _: (m["ratio"], _beside(m, "ratio"))),
    "P6": ("names", lambda m, _: (m["p95_ms"], _beside(m, "p95_ms"))),
    "P7": ("web", lambda m, _: (min(m["dashboard"].values()), {
        "by_reader": m["dashboard"], **_some(m, "requests_per_second", "gunicorn")})),
    "P8": ("web", lambda m, _: (m["check_in"], {
        "requests_per_second": _some(m["requests_per_second"], "check_in", "bare_post"), "gunicorn": m["gunicorn"]})),
    "P11": ("alike", lambda m, _: (max(max(abs(one["from_ms"]), abs(one["to_ms"])) for one in m.values()), m)),
    "P9": ("imports", lambda m, _: (m["peak_mb"], {
        "file": "csv", "file_mb": m["file_mb"], "xlsx_checked": m["xlsx"]})),
}  # fmt: skip


def every_figure(large: Size, small: Size) -> dict[str, dict]:
    """P1–P11 with their details, from what was measured on the two cities."""
    got: dict[str, tuple[float | None, dict]] = {}
    for code, (step, read) in MEASURED.items():
        if step in large.found:
            got[code] = read(large.found[step], small.found.get(step, {}))
        else:
            got[code] = (None, {"why": large.why.get(step, "")})
    grown = growth(large, small)
    got["P10"] = (
        max(grown.values()) if len(grown) == 6 else None,
        {"from": small.rows, "to": large.rows, "over_what_is_allowed": grown, **small.why, **large.why},
    )
    return figures.complete(got)  # fmt: skip


def run(rows: int, out: Path, effort: Effort, keep: bool, only: Sequence[str]) -> int:
    databases = Databases(os.environ["DATABASE_OWNER_URL"], os.environ["DATABASE_URL"], keep)
    databases.drop_leftovers()
    say(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    started = time.monotonic()
    try:
        small = measure(databases, rows // 10, effort, web=False, only=only)
        large = measure(databases, rows, effort, web=True, only=only)
    finally:
        databases.drop_mine()
    found = every_figure(large, small)
    figures.write(found, out)
    print(figures.table(found))
    say(f"{time.monotonic() - started:.0f} s; details in {out}")
    return 0 if all(figure["value"] is not None for figure in found.values()) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="P1–P11 of docs/benchmarks.md, as ratios")
    parser.add_argument("--rows", type=int, default=430_000, help="businesses (also measured: a tenth of them)")
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--quick", action="store_true", help="each thing once: shows that it runs, says nothing")
    parser.add_argument("--keep", action="store_true", help="keep the two cities and use them again")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=(), help="some of the steps; the rest is null")
    options = parser.parse_args()
    if options.rows < LEAST_ROWS:
        parser.error(f"--rows needs at least {LEAST_ROWS}")
    if not os.environ.get("DATABASE_OWNER_URL"):
        parser.error("run it by `make bench`, or under devservices.py exec")
    try:
        with signals_as_interrupt():  # told to stop, it still drops its databases
            return run(options.rows, options.out, QUICK if options.quick else Effort(), options.keep, options.only)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
