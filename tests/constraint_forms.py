"""What the constraints of forms forbid; read by test_constraints.py. Filled forms are append-only: a second row is tried."""

import io
from datetime import date
from typing import Any

from reports.form_services import binding_columns, cells_bind, form_create
from reports.models import FilledForm, FormBinding, MonthClosing, ReportForm
from tests import factories as make
from tests.constraint_cases import Cases, again, changed
from tests.workbook_files import simple

MONTH = date(2026, 3, 1)


def form(city: make.City) -> ReportForm:
    return form_create(
        unit=city.yuehai,
        title="报表",
        asked_by="",
        upload=io.BytesIO(simple()),
        name="a.xlsx",
        with_sources=True,
        by=None,
    )


def binding(city: make.City) -> FormBinding:
    columns = binding_columns("value", metric="organizations", unit=city.yuehai)
    return cells_bind(form=form(city), cells={("表一", (2, 2)): columns}, by=None)[0]


def filled(city: make.City) -> FilledForm:
    closing, _ = MonthClosing.objects.get_or_create(month=MONTH, defaults={"as_of": MONTH})
    return FilledForm.objects.create(
        form=form(city), month=MONTH, edition=1, closing=closing, stored_as="x", digest="x", size=1, basis="x"
    )


def another(city: make.City, *variants: dict[str, Any]):
    return again(filled(city), *({"edition": 2} | columns for columns in variants))


FORMS: Cases = {
    "reportform_of_exactly_one_unit": lambda city: changed(
        form(city), {"organization": None}, {"division": city.divisions["yuehai"]}
    ),
    "reportform_has_title_and_file": lambda city: changed(form(city), {"title": ""}, {"size": 0}),
    "formbinding_cell_once": lambda city: again(binding(city)),
    "formbinding_of_at_most_one_unit": lambda city: changed(binding(city), division=city.divisions["yuehai"]),
    "formbinding_number_has_metric": lambda city: changed(binding(city), {"metric": ""}, {"what": "period"}),
    "formbinding_text_has_words": lambda city: changed(
        binding(city), {"text": "x"}, {"what": "text", "metric": "", "text": ""}
    ),
    "formbinding_cell_is_in_a_sheet": lambda city: changed(binding(city), {"row": 0}, {"column": 0}),
    "filledform_edition_once": lambda city: another(city, {"edition": 1}),
    "filledform_month_is_its_first_day": lambda city: another(city, {"month": MONTH.replace(day=2)}),
    "filledform_is_not_empty": lambda city: another(city, {"size": 0}),
}
