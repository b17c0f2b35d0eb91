"""Importing a file: choose and send, look at what it would do, confirm or leave, take the wrong rows home."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views import View

from tables import services
from tables.exports import TYPES
from tables.forms import UploadForm
from tables.models import Batch, RowError
from tables.register import Cannot, target, targets_for
from tables.selectors import errors_page, own_batches, reasons
from tables.templates import template
from tables.wrong_rows import wrong_rows_as

ERRORS_SHOWN = 100
BATCHES_SHOWN = 50
BADGES: dict[str, str] = {
    Batch.State.READING: "info",
    Batch.State.CHECKED: "warn",
    Batch.State.APPLYING: "info",
    Batch.State.APPLIED: "ok",
    Batch.State.REFUSED: "bad",
    Batch.State.CANCELLED: "plain",
    Batch.State.UNDOING: "info",
    Batch.State.UNDONE: "plain",
}
TILES = (
    ("new", "新增", "文件里有、系统里还没有"),
    ("changed", "变更", "系统里已有，内容不同"),
    ("unchanged", "未变", "与系统里一致"),
    ("wrong", "有误", "不会写入，可下载改好再传"),
    ("duplicate", "重复", "文件里前面已有同一号码"),
    ("out_of_scope", "不在权限范围", "请由所在单位导入"),
)


def file_response(pieces, name: str, format: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=TYPES[format])
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.{format}") or ""
    response["Cache-Control"] = "no-store"
    return response


def chosen_format(request) -> str:
    return "csv" if request.GET.get("format") == "csv" else "xlsx"


class ImportView(View):
    """Signed in, and allowed to import something."""

    def dispatch(self, request, *args, **kwargs):
        if not request.user.is_authenticated:
            return redirect(f"{reverse('accounts:sign_in')}?next={request.path}")
        self.targets = targets_for(request.user)
        if not self.targets:
            raise PermissionDenied("您的岗位没有导入的权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)

    def get_batch(self, pk: int) -> Batch:
        batch = get_object_or_404(own_batches(self.request.user), pk=pk)
        services.batch_settle(batch)
        return batch


class Upload(ImportView):
    def get(self, request):
        return self._page(UploadForm(targets=self.targets))

    def post(self, request):
        form = UploadForm(request.POST, request.FILES, targets=self.targets)
        if not form.is_valid():
            return self._page(form, status=422)
        batch = services.batch_start(
            by=request.user, target_name=form.cleaned_data["target"], upload=form.cleaned_data["file"]
        )
        return redirect(batch.job)

    def _page(self, form, status: int = 200):
        context = {
            "heading": "数据导入",
            "subtitle": "先检查、再确认，确认之前不会写入任何内容",
            "form": form,
            "submit_label": "上传并检查",
            "targets": [{"name": each.table.name, "table": each.table} for each in self.targets],
            "breadcrumbs": [{"label": "数据导入"}],
        }
        return render(self.request, "tables/upload.html", context, status=status)


class Template(ImportView):
    def get(self, request, **kwargs):
        try:
            chosen = target(kwargs["target"])
        except Cannot as cannot:
            raise Http404 from cannot
        if chosen not in self.targets:
            raise PermissionDenied(f"您的岗位没有导入{chosen.table.title}的权限，请联系本单位管理员。")
        format = chosen_format(request)
        pieces = template(chosen.table, format, chosen.offer(request.user))
        return file_response(pieces, f"{chosen.table.title}导入模板", format)


class BatchList(ImportView):
    COLUMNS = [
        {"key": "file", "label": "文件"},
        {"key": "target", "label": "导入到"},
        {"key": "state", "label": "状态"},
        {"key": "rows", "label": "行数", "numeric": True},
        {"key": "written", "label": "新增/变更", "numeric": True},
        {"key": "wrong", "label": "有误", "numeric": True},
        {"key": "created_at", "label": "上传时间"},
    ]

    def get(self, request):
        before = request.GET.get("before", "")
        batches = own_batches(request.user)
        if before.isascii() and before.isdigit() and len(before) < 19:
            batches = batches.filter(pk__lt=int(before))
        rows = list(batches[: BATCHES_SHOWN + 1])
        for batch in rows:
            services.batch_settle(batch)
        page = {"first_url": request.path, "previous_url": request.path} if before else {}
        if len(rows) > BATCHES_SHOWN:
            page["next_url"] = f"?before={rows[BATCHES_SHOWN - 1].pk}"
        context = {
            "heading": "导入记录",
            "subtitle": "只有您自己看得到自己的导入",
            "table": {
                "columns": self.COLUMNS,
                "rows": [self._row(b) for b in rows[:BATCHES_SHOWN]],
                "caption": "导入记录",
            },
            "page": page,
            "empty_reason": "您还没有导入过文件。",
            "empty_url": reverse("tables:upload"),
            "empty_label": "导入文件",
        }
        return render(request, "generic/list.html", context)

    def _row(self, batch: Batch) -> dict:
        counts = batch.counts
        written = f"{counts['new']:,} / {counts['changed']:,}" if counts else "—"
        bad = counts["wrong"] + counts["duplicate"] + counts["out_of_scope"] if counts else None
        cells = [
            {"text": batch.file_name},
            {"text": _title(batch)},
            {"text": batch.get_state_display(), "badge": BADGES[batch.state]},
            {"text": f"{counts['rows']:,}" if counts else "—"},
            {"text": written},
            {"text": "—" if bad is None else f"{bad:,}"},
            {"text": timezone.localtime(batch.created_at).strftime("%Y-%m-%d %H:%M")},
        ]
        return {"url": reverse("tables:batch", args=[batch.pk]), "cells": cells}


def _title(batch: Batch) -> str:
    try:
        return target(batch.target).table.title
    except Cannot:
        return batch.target


class BatchDetail(ImportView):
    def get(self, request, pk):
        batch = self.get_batch(pk)
        after = request.GET.get("after", "")
        after = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
        kind = request.GET.get("kind", "")
        errors, more = errors_page(batch, after, ERRORS_SHOWN, kind)
        counts = batch.counts
        context = {
            "batch": batch,
            "heading": batch.file_name,
            "state": {"text": batch.get_state_display(), "kind": BADGES[batch.state]},
            "subtitle": f"导入到{_title(batch)} · {timezone.localtime(batch.created_at):%Y-%m-%d %H:%M} 上传",
            "breadcrumbs": [{"label": "导入记录", "url": reverse("tables:list")}, {"label": batch.file_name}],
            "tiles": [{"label": label, "value": counts[key], "note": note} for key, label, note in TILES]
            if counts
            else [],
            "to_write": counts.get("new", 0) + counts.get("changed", 0),
            "reasons": reasons(batch) if not after else [],
            "errors": errors,
            "next_url": f"?after={errors[-1].row}&kind={kind}" if more and errors else "",
            "first_url": f"?kind={kind}" if after else "",
            "kinds": [
                {"value": value, "label": label, "current": value == kind} for value, label in RowError.Kind.choices
            ],
            "has_wrong_file": bool(batch.stored_as) and services.wrong_rows(batch).exists(),
            "is_waiting": batch.state == Batch.State.CHECKED,
            "is_running": batch.state in (Batch.State.READING, Batch.State.APPLYING, Batch.State.UNDOING),
        }
        return render(request, "tables/batch.html", context)


class Confirm(ImportView):
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        batch = self.get_batch(pk)
        try:
            batch = services.batch_confirm(batch=batch, by=request.user)
        except Cannot as cannot:
            messages.error(request, str(cannot))
            return redirect("tables:batch", pk=pk)
        return redirect(batch.job)


class Cancel(ImportView):
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        if services.batch_cancel(batch=self.get_batch(pk), by=request.user):
            messages.success(request, "已放弃，没有写入任何内容，上传的文件已删除。")
        else:
            messages.info(request, "这一批已经写入或已结束，不能再放弃。正在写入的请在任务页取消。")
        return redirect("tables:batch", pk=pk)


class ErrorsFile(ImportView):
    def get(self, request, pk):
        batch = self.get_batch(pk)
        path = services.wrong_rows(batch)
        if not batch.stored_as or not path.exists():
            raise Http404
        format = chosen_format(request)
        name = f"{batch.file_name.rsplit('.', 1)[0]}-有误的行"
        return file_response(wrong_rows_as(path, format), name, format)
