"""Forms with bindings, for their tests."""

import io

from reports.form_services import binding_columns, cells_bind, form_create
from reports.models import ReportForm
from tables.workbooks import read_address
from tests import workbook_files as files


def form_of(unit, content: bytes | None = None, by=None, **more) -> ReportForm:
    upload = io.BytesIO(files.ugly() if content is None else content)
    facts = {"title": "情况统计表", "asked_by": "省委组织部", "with_sources": True} | more
    return form_create(unit=unit, upload=upload, name="报表.xlsx", by=by, **facts)


def bind(form: ReportForm, sheet: str, by=None, **cells) -> None:
    """`B5={"what": "value", "metric": "organizations"}`, or only the key of a metric."""
    asked = {
        address: {"what": "value", "metric": one} if isinstance(one, str) else one for address, one in cells.items()
    }
    columns = {(sheet, read_address(address)): binding_columns(**one) for address, one in asked.items()}
    cells_bind(form=form, cells=columns, by=by)
