"""What the constraints of printed documents forbid; read by test_constraints.py.

Documents are append-only for the application's role: a second row is tried, never a change of the first.
"""

from datetime import date

from reports import printing
from reports.models import PrintedDocument, PrintedVoid
from tests import factories as make
from tests.constraint_cases import Cases, again, changed

MONTH = date(2026, 3, 1)


def document(city: make.City) -> PrintedDocument:
    return printing.document_create(
        kind="monthly", unit=city.yuehai, period=MONTH, as_of=MONTH, title="月报", body={}, source="none",
        classification="internal", by=None,
    )[0]  # fmt: skip


def twin(city: make.City, *variants: dict):
    """Further rows, each with a number and a code of its own."""
    row = document(city)
    return again(
        row,
        *(
            {"number": f"N{at}", "code": printing.new_code(), "edition": 9} | columns
            for at, columns in enumerate(variants)
        ),
    )


def file(city: make.City):
    return printing.file_store(document=document(city), format="pdf", content=b"%PDF")


def void(row: PrintedDocument, by):
    return [lambda: PrintedVoid.objects.create(document=row, reason="", voided_by=by)]


PRINTED: Cases = {
    "printeddocument_of_exactly_one_unit": lambda city: twin(
        city, {"organization": None}, {"division": city.divisions["yuehai"]}
    ),
    "printeddocument_edition_once": lambda city: twin(city, {"edition": 1}),
    "printeddocument_month_is_its_first_day": lambda city: twin(city, {"period": MONTH.replace(day=2)}),
    "printeddocument_classification_is_known": lambda city: twin(city, {"classification": "secret"}),
    "printedfile_kept_once": lambda city: again(file(city), stored_as="printed/other"),
    "printedfile_is_not_empty": lambda city: changed(file(city), size=0),
    "printedvoid_has_a_reason": lambda city: void(document(city), make.make_user("leader", city.city)),
}
