from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.crypto import CannotDecrypt
from tables import services
from tables.exports import Mark
from tables.forms import ColumnsForm
from tables.models import Batch, RowError
from tables.register import EFFECTS, REFUSED, Cannot
from tables.selectors import (
    REASONS_SHOWN,
    Cells,
    conflict_counts,
    conflicts_shown,
    errors_of,
    errors_page,
    fixes_made,
    own_batches,
    reasons,
    repairs_shown,
)
from tables.views.base import BADGES, ImportView, chosen_format, file_response, origin_of, title_of
from tables.views.columns import needed_words, shown_headers
from tables.views.plan import absent_as, tiles, warnings
from tables.wrong_rows import wrong_rows_as

CONFLICTS_SHOWN = 100
ROWS_SHOWN = 20  # a phone's page
ALL = "all"  # row by row, of every kind
BATCHES_SHOWN = 50
LARGE = 200_000  # rows whose writing others may notice


def row_after(request) -> int:
    after = request.GET.get("after", "")
    return int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0


class BatchList(ImportView):
    COLUMNS = [
        {"key": "file", "label": "文件"},
        {"key": "target", "label": "导入到"},
        {"key": "origin", "label": "来源 · 数据日期"},
        {"key": "state", "label": "状态"},
        {"key": "rows", "label": "行数", "numeric": True},
        {"key": "written", "label": "新增/变更", "numeric": True},
        {"key": "wrong", "label": "未写入", "numeric": True},
        {"key": "created_at", "label": "上传时间"},
    ]

    def get(self, request):
        before = request.GET.get("before", "")
        batches = own_batches(request.user).defer("headers")
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
            "subtitle": "只有您自己看得到自己的导入；上传的文件保留 7 天，写入后 30 天内可以撤销",
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
        bad = sum(counts[part] for part in REFUSED) if counts else None
        cells = [
            {"text": batch.file_name},
            {"text": title_of(batch)},
            {"text": origin_of(batch) or "—"},
            {"text": batch.get_state_display(), "badge": BADGES[batch.state]},
            {"text": f"{counts['rows']:,}" if counts else "—"},
            {"text": written},
            {"text": "—" if bad is None else f"{bad:,}"},
            {"text": timezone.localtime(batch.created_at).strftime("%Y-%m-%d %H:%M")},
        ]
        return {"url": reverse("tables:batch", args=[batch.pk]), "cells": cells}


class BatchDetail(ImportView):
    def get(self, request, pk):
        batch = self.get_batch(pk)
        origin = origin_of(batch)
        sent = f"{timezone.localtime(batch.created_at):%Y-%m-%d %H:%M} 上传"
        context = {
            "batch": batch,
            "heading": batch.file_name,
            "state": {"text": batch.get_state_display(), "kind": BADGES[batch.state]},
            "subtitle": " · ".join(filter(None, [f"导入到{title_of(batch)}", origin, sent])),
            "breadcrumbs": [{"label": "导入记录", "url": reverse("tables:list")}, {"label": batch.file_name}],
            "tiles": tiles(batch),
            "warnings": warnings(batch),
            "has_wrong_file": bool(batch.stored_as) and services.wrong_rows(batch).exists(),
            "is_waiting": batch.state == Batch.State.CHECKED,
            "is_running": batch.state in (Batch.State.READING, Batch.State.APPLYING, Batch.State.UNDOING),
        }
        if batch.state == Batch.State.APPLIED:
            context["undo_refusal"] = services.why_not_undone(batch, request.user)
        if batch.state == Batch.State.UNDONE:
            context["conflict_counts"] = conflict_counts(batch)
            context["conflicts"] = conflicts_shown(batch, list(batch.conflicts.all()[:CONFLICTS_SHOWN]), request.user)
        if batch.headers:
            context |= self._columns(batch)
        if batch.counts:
            context |= self._plan(batch) | self._errors(batch)
        return render(request, "tables/batch.html", context)

    def _columns(self, batch: Batch) -> dict:
        waiting = batch.state in (Batch.State.CHECKED, Batch.State.UNMAPPED)
        form = ColumnsForm(batch=batch) if waiting else None
        is_unmapped = batch.state == Batch.State.UNMAPPED
        return {
            "columns_form": form,
            "headers": shown_headers(batch, form),
            "is_unmapped": is_unmapped,
            "needed": needed_words(batch) if is_unmapped else "",
        }

    def _plan(self, batch: Batch) -> dict:
        cells, counts = Cells(batch), batch.counts
        job = batch.job
        told = batch.state in (Batch.State.CHECKED, Batch.State.APPLIED) and job and job.state == "failed"
        return {
            "to_write": counts["new"] + counts["changed"],
            "has_effect": any(counts.get(effect) for effect in EFFECTS),  # also where no row is written
            "absent_as": absent_as(batch)[0],
            "refused": sum(counts[part] for part in REFUSED),
            "is_large": counts["new"] + counts["changed"] >= LARGE,
            "failed": job.message if told else "",
            "samples": [sample | {"place": cells.place(sample["row"])} for sample in batch.plan.get("samples", [])],
            "repairs": repairs_shown(batch, cells),
            "fixes": fixes_made(batch, cells),
        }

    def _errors(self, batch: Batch) -> dict:
        """By reason first; row by row where that, a kind or a reason was asked for."""
        cells = Cells(batch)
        asked = {name: self.request.GET.get(name, "") for name in ("kind", "column", "reason")}
        after = row_after(self.request)
        listed = bool(after or any(asked.values()))
        rows = self._rows(batch, cells, asked, after) if listed else {"groups": self._groups(batch, cells)}
        kinds = [(ALL, "逐行"), *RowError.Kind.choices]
        current = listed and (asked["kind"] if asked["kind"] in RowError.Kind.values else ALL)
        return rows | {
            "is_listed": listed,
            "reasons_shown": REASONS_SHOWN,
            "kinds": [{"value": value, "label": label, "current": value == current} for value, label in kinds],
        }

    def _groups(self, batch: Batch, cells: Cells) -> list[dict]:
        found = reasons(batch)
        shown = {item["error"].pk: item for item in cells.errors([error for each in found for error in each.first])}
        return [
            {
                "reason": each,
                "items": [shown[error.pk] for error in each.first],
                "query": urlencode({"kind": each.kind, "column": each.column, "reason": each.group}),
            }
            for each in found
        ]

    def _rows(self, batch: Batch, cells: Cells, asked: dict, after: int) -> dict:
        errors, more = errors_page(errors_of(batch, **asked), after, ROWS_SHOWN)
        kept = urlencode({name: said for name, said in (asked | {"kind": asked["kind"] or ALL}).items() if said})
        return {
            "errors": cells.errors(errors),
            "next_url": f"?{kept}&after={errors[-1].row}" if more and errors else "",
            "first_url": f"?{kept}" if after else "",
            "one_reason": asked["reason"] and " · ".join(filter(None, [asked["column"], asked["reason"]])),
        }


class Confirm(ImportView):
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        batch = self.get_batch(pk)
        try:
            batch = services.batch_confirm(
                batch=batch, by=request.user, all_or_nothing=request.POST.get("mode") == "all"
            )
        except Cannot as cannot:
            messages.error(request, str(cannot))
            return redirect("tables:batch", pk=pk)
        return redirect(batch.job)


class Recheck(ImportView):
    http_method_names = ["post", "options"]

    def post(self, request, pk):
        try:
            batch = services.batch_recheck(batch=self.get_batch(pk), by=request.user)
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
        format, mark = chosen_format(request), Mark.by(request.user, "改正后重新导入")
        try:
            pieces = wrong_rows_as(path, format, mark)
        except CannotDecrypt as error:  # the key is gone: so are the rows
            raise Http404 from error
        audit.record("tables.batch.download", by=request.user, subjects=[batch], purpose=mark.purpose,
                     detail={"part": "wrong", "format": format})  # fmt: skip
        return file_response(pieces, mark.name(f"{batch.file_name.rsplit('.', 1)[0]}-有误的行", is_dated=False), format)
