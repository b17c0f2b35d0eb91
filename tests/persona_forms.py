"""A form of an upper body and a filled one, for the world of the personas."""

import io
from datetime import date
from typing import Any

from reports import form_books
from reports.form_services import binding_columns, cells_bind, form_create
from reports.models import FilledForm, MonthClosing
from tests.workbook_files import simple


def form_rows(unit, canary: str, by, day: date) -> dict[str, Any]:
    content = simple(f"{canary}党组织")
    form = form_create(
        unit=unit, title=f"{canary}报表", asked_by=f"{canary}上级", upload=io.BytesIO(content), name=f"{canary}.xlsx",
        with_sources=True, by=by,
    )  # fmt: skip
    cells_bind(form=form, cells={("表一", (2, 2)): binding_columns("value", metric="organizations")}, by=by)
    stored_as, digest = form_books.keep(content)
    filled = FilledForm.objects.create(
        form=form, month=day.replace(day=1), edition=1, closing=MonthClosing.objects.get(month=day), digest=digest,
        stored_as=stored_as, size=len(content), basis="0" * 64, filled_by=by,
    )  # fmt: skip
    return {"report_form": form, "filled_form": filled}
