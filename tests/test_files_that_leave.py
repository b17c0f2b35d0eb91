"""Every place that answers with a file is known: lists leave by tables.taking, the others say here why they do not."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("accounts", "jobs", "tables", "orgs", "markets", "members", "stations", "reports", "config")
FILE = re.compile(
    r"Content-Disposition|content_disposition_header\(|\bfile_response\(|\bFileResponse\(|\bStreamingHttpResponse\("
)

WHY = {
    "tables/export_views.py": "the rule itself",
    "tables/views/base.py": "file_response: the headers of a file",
    "tables/views/batches.py": "wrong rows of one's own upload, back to who sent them",
    "tables/views/undo.py": "numbers of the rows of one's own upload that stayed",
    "tables/views/upload.py": "an empty template",
    "members/views/posters.py": "a poster for everybody to see",
    "members/views/receipt.py": "a person's own data, to that person",
    "members/views/rights.py": "a person's own data, made at their request, recorded by services.rights_copy",
    "members/views/feedback.py": "states of events without business or person; purpose asked, recorded",
    "reports/tidy_files.py": "aggregate numbers, small cells hidden; recorded",
    "reports/views/evaluations.py": "points of units; recorded",
    "reports/views/report_forms.py": "aggregate numbers in a superior's form; recorded",
    "reports/views/printed.py": "papers of aggregate numbers with edition and digest; recorded",
    "reports/views/inventory.py": "names of fields, no data",
    "reports/views/audit.py": "the signed head of the chain, no events",
    "reports/views/dashboard.py": "the map of districts",
    "reports/views/kiosk.py": "the map of districts and the screen's script",
}


def test_every_place_that_answers_with_a_file_goes_by_the_rule_or_says_why_not():
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in sources if FILE.search(path.read_text())}
    assert found == set(WHY)
