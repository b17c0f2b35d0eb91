"""The bench's own arithmetic, its table and file, and that it measures over HTTP what it says."""

import http.server
import itertools
import json
import threading

import pytest
from django.test import Client, override_settings
from django.urls import Resolver404, resolve

from tables.readers import open_source
from tables.table import Column, Table
from tools.bench import client, figures, registry, run

CODES = [f"P{number}" for number in range(1, 12)]
LARGE = {
    "imports": {
        "first_ratio": 2.4, "again_ratio": 4.4, "first_seconds": 20.0, "again_seconds": 6.0, "copy_seconds": 1.0,
        "build_seconds": 2.0, "peak_mb": 420.0, "file_mb": 49.0, "first_counts": {}, "again_counts": {},
        "repetitions": {}, "xlsx": {"peak_mb": 300.0}, "usual": {},
    },
    "coverage": {
        "ratio": 9.0, "counting_alone_ratio": 6.0, "refresh_seconds": 0.9, "counting_seconds": 0.6,
        "scan_seconds": 0.1, "businesses_seconds": 0.3, "duckdb": {"seconds": 0.5},
        "one": {"p95_seconds": 0.12, "median_seconds": 0.1, "by_unit": {}},
    },
    "lists": {"ratio": 1.1, "slowest_p95_ms": 4.0, "worst_scope": "street_biggest"},
    "names": {"p95_ms": 30.0, "times_faster_than_scan": 13.0, "slowest": "city · rare"},
    "web": {
        "dashboard": {"city_leader": 0.25, "officer": 0.4}, "check_in": 0.6, "gunicorn": "2 × 4",
        "requests_per_second": {"check_in": 600.0, "bare_post": 1000.0},
    },
    "alike": {"form": {"from_ms": -0.5, "to_ms": 1.5}, "sign_in": {"from_ms": -3.0, "to_ms": 2.0}},
}  # fmt: skip
SMALL = {
    "imports": {"first_seconds": 4.0, "again_seconds": 2.0},
    "coverage": {"refresh_seconds": 0.3, "one": {"p95_seconds": 0.1}},
    "lists": {"slowest_p95_ms": 2.0},
    "names": {"p95_ms": 20.0},
}


def every() -> dict:
    return run.every_figure(run.Size(430_000, LARGE), run.Size(43_000, SMALL))


def test_every_p_has_a_value_a_reach_and_a_detail():
    found = every()
    assert list(found) == CODES == list(figures.TARGETS)
    for code, figure in found.items():
        assert set(figure) == {"value", "reach", "detail"}, code
        assert isinstance(figure["value"], float), code
        assert figure["reach"] == figures.TARGETS[code].reach and figure["reach"][0] in "≤≥"


def test_values_are_in_the_units_of_the_table():
    found = {code: figure["value"] for code, figure in every().items()}
    assert found["P1"] == 2.4 and found["P2"] == 4.4
    assert found["P4"] == 0.12  # seconds
    assert found["P6"] == 30.0  # milliseconds
    assert found["P7"] == 0.25  # the slower of the two readers
    assert found["P9"] == 420.0  # MB
    assert found["P11"] == 3.0  # milliseconds, the farthest end of either interval


def test_growth_is_the_worst_of_all_against_what_each_may_grow():
    figure = every()["P10"]
    grown = figure["detail"]["over_what_is_allowed"]
    assert grown["import"] == 0.5 and grown["coverage"] == 0.3  # 5 × and 3 × as long for ten times the rows
    assert grown["pages"] == pytest.approx(2 / 1.5, rel=1e-3) == figure["value"]


@pytest.mark.parametrize(
    ("code", "value", "detail", "said"),
    [
        ("P1", 2.5, {}, "yes"),
        ("P1", 2.51, {}, "NO"),
        ("P4", 0.2, {"times_a_tenth": 1.6}, "NO"),
        ("P4", 0.2, {"times_a_tenth": 1.5}, "yes"),
        ("P4", 0.2, {"times_a_tenth": None}, "NO"),
        ("P5", 1.0, {"slowest_p95_ms": 5.1}, "NO"),
        ("P6", 10.0, {"times_faster_than_scan": 11.0}, "NO"),
        ("P7", 0.19, {}, "NO"),
        ("P8", 0.5, {}, "yes"),
        ("P9", None, {}, "not measured"),
        ("P9", 600.0, {"xlsx_checked": {"peak_mb": 501.0}}, "NO"),
    ],
)
def test_a_figure_says_whether_it_reaches_its_target(code, value, detail, said):
    assert figures.verdict(code, {"value": value, "detail": detail}) == said


def test_what_failed_is_null_with_its_reason_and_the_rest_stands():
    without = {name: found for name, found in LARGE.items() if name != "web"}
    found = run.every_figure(run.Size(430_000, without, {"web": "gunicorn did not answer"}), run.Size(43_000, SMALL))
    assert found["P7"] == {"value": None, "reach": "≥ 0.2", "detail": {"why": "gunicorn did not answer"}}
    assert found["P6"]["value"] == 30.0


def test_growth_is_not_told_from_half_of_it():
    small = {name: found for name, found in SMALL.items() if name != "names"}
    figure = run.every_figure(run.Size(430_000, LARGE), run.Size(43_000, small, {"names": "lost"}))["P10"]
    assert figure["value"] is None and figure["detail"]["names"] == "lost"


def test_file_and_table(tmp_path):
    path = tmp_path / "bench.json"
    figures.write(every(), path)
    assert json.loads(path.read_text("utf-8")) == every()
    lines = figures.table(every()).splitlines()
    assert [line.split("|")[0].strip() for line in lines[2:]] == CODES
    assert "0.12 s" in lines[5] and lines[3].endswith("NO") and lines[2].endswith("yes")


def test_p95_is_a_value_that_was_measured():
    assert figures.p95(range(1, 101)) == 95
    assert figures.p95([3.0]) == 3.0
    assert figures.p95([1.0, 9.0]) == 9.0


def test_a_workbook_has_the_first_rows_of_the_file(tmp_path):
    (tmp_path / "rows.csv").write_text("名称,从业人数\n甲店,1\n乙店,2\n丙店,3\n", "utf-8")
    assert registry.write_workbook(tmp_path / "rows.csv", tmp_path / "rows.xlsx", 2) == 2
    source = open_source(tmp_path / "rows.xlsx", Table("t", "表", (Column("name", "名称", needed=True),)))
    assert [list(block.columns[0]) for block in source.blocks()] == [["甲店", "乙店"]]


# --- bare views and the client ----------------------------------------------------------------------------------------


def test_only_the_bench_has_the_bare_views():
    with pytest.raises(Resolver404):
        resolve("/bench/post/")
    with override_settings(ROOT_URLCONF="tools.bench.urls"):
        page = Client().get("/bench/page/")
        sent = Client().post("/bench/post/", '{"nonce": "n"}', content_type="application/json")
        assert resolve("/dashboard/").view_name == "reports:dashboard"
    assert page.status_code == 200 and "第 11 行" in page.text
    assert sent.status_code == 201 and sent.json()["url"] == "n"


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.send_response(201 if body != b"bad" else 400)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words):
        """Quiet."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as found:
        found.bodies = []
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def posts(bodies):
    return (client.request("POST", "/", {}, body) for body in bodies)


def test_each_request_is_sent_once_over_all_connections(server):
    bodies = [str(number).encode() for number in range(60)]
    heard = client.ask(server.server_port, posts(bodies), seconds=20, connections=4)
    assert sorted(server.bodies) == sorted(bodies)
    assert heard.statuses == {201: 60} and heard.rate(201) > 0


def test_the_client_stops_in_time(server):
    heard = client.ask(server.server_port, posts(itertools.repeat(b"x")), seconds=0.2, connections=2)
    assert 0.2 <= heard.seconds < 5


def test_a_quick_error_is_no_figure(server):
    heard = client.ask(server.server_port, posts([b"good", b"bad"]), seconds=5, connections=1)
    with pytest.raises(ValueError, match="400"):
        heard.rate(201)
