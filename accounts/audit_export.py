"""The audit as a CSV file for the audit administrator."""

import csv
import json
from collections.abc import Iterable, Iterator

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, StreamingHttpResponse
from django.utils import timezone

from accounts import audit
from accounts.heads import BadHead, files, head_export
from accounts.models import AuditEvent

HEADER = (
    "编号", "时间", "操作人账号", "行为", "对象类型", "对象编号", "涉及单位", "目的", "说明", "成功", "来源地址",
    "封存序号",
)  # fmt: skip
CHUNK = 2_000


class _Echo:
    """A file that hands back what is written into it, so that rows stream."""

    def write(self, text: str) -> str:
        return text


def guard(cell) -> str:
    """A cell that a spreadsheet would take for a formula is told to be text."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def export_row(event: AuditEvent) -> list[str]:
    seal = getattr(event, "seal", None)
    cells = (
        event.pk,
        timezone.localtime(event.at).strftime("%Y-%m-%d %H:%M:%S"),
        event.actor.username if event.actor else "",
        event.act,
        event.subject_type,
        " ".join(map(str, event.subjects)),
        " ".join(map(str, event.units)),
        event.purpose,
        json.dumps(event.detail, ensure_ascii=False) if event.detail else "",
        "是" if event.succeeded else "否",
        event.address,
        seal.sequence if seal else "",
    )
    return [guard(cell) for cell in cells]


def lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"  # tells the spreadsheet that this is UTF-8
    yield writer.writerow(HEADER)
    for event in events:
        yield writer.writerow(export_row(event))


def export(request, changelist) -> StreamingHttpResponse:
    """The filtered rows of the list, newest first. The export is written down first and is not part of itself."""
    if not request.user.has_perm("accounts.export_auditevent"):
        raise PermissionDenied("您的岗位没有导出审计记录的权限。")
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    events = changelist.queryset.filter(pk__lte=newest).select_related("actor", "seal").order_by("-pk")
    filters = sorted(changelist.get_filters_params())
    audit.record(
        "accounts.auditevent.export",
        by=request.user,
        detail={"rows": events.count(), "filters": filters},
        request=request,
    )
    response = StreamingHttpResponse(lines(events.iterator(chunk_size=CHUNK)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.localdate()}.csv"'
    return response


def head_file(*, by) -> FileResponse:
    """The newest head, made now if something was sealed since. Raises BadHead, also where nothing was ever sealed."""
    head_export(by=by)
    if not (kept := files()):
        raise BadHead("还没有封存过任何审计事件。")
    audit.record("accounts.audit.head_download", by=by, detail={"file": kept[-1].name})
    return FileResponse(kept[-1].open("rb"), as_attachment=True, filename=kept[-1].name)
