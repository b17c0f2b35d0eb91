"""Taking a written batch back: asked first, and afterwards what stayed."""

from collections.abc import Iterator
from itertools import islice

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone

from tables import services
from tables.exports import Mark, rows_as
from tables.models import Batch
from tables.register import Cannot
from tables.selectors import conflicts_shown, written
from tables.views.base import ImportView, chosen_format, file_response, title_of

NOT_WRITTEN = "这一批没有写入内容，或已经撤销，不用再撤销。"
STEP = 1_000


class Undo(ImportView):
    def get(self, request, pk):
        batch = self.get_batch(pk)
        if refusal := self._refusal(batch):
            messages.info(request, refusal)
            return redirect("tables:batch", pk=pk)
        until = services.undo_ends(batch)
        made, changed = written(batch)
        context = {
            "heading": "撤销导入",
            "subtitle": f"{batch.file_name} · 导入到{title_of(batch)}",
            "breadcrumbs": [{"label": batch.file_name, "url": batch.get_absolute_url()}, {"label": "撤销导入"}],
            "question": "撤销这一批写入的内容？",
            "consequences": [
                *([f"这一批新增的 {made:,} 条记录会被删除。"] if made else []),
                *([f"这一批修改的 {changed:,} 条记录会恢复到写入之前的内容。"] if changed else []),
                "写入之后有人改过、之后的批次又写过或也这样说，或已有其他记录用到的，保持现状；撤销后逐条列出，可以下载。",
                f"可以撤销到 {timezone.localtime(until):%Y-%m-%d %H:%M}。撤销本身不能再撤销，但可以重新导入原文件。",
            ],
            "confirm_label": "撤销这一批",
            "danger": True,
            "cancel_url": batch.get_absolute_url(),
        }
        return render(request, "generic/confirm.html", context)

    def post(self, request, pk):
        batch = self.get_batch(pk)
        if refusal := self._refusal(batch):
            messages.error(request, refusal)
            return redirect("tables:batch", pk=pk)
        try:
            batch = services.batch_undo(batch=batch, by=request.user)
        except Cannot as cannot:
            messages.error(request, str(cannot))
            return redirect("tables:batch", pk=pk)
        return redirect(batch.job)

    def _refusal(self, batch: Batch) -> str:
        if batch.state != Batch.State.APPLIED:
            return NOT_WRITTEN
        return services.why_not_undone(batch, self.request.user)


class Conflicts(ImportView):
    """The records that stayed, as a file."""

    def get(self, request, pk):
        batch = self.get_batch(pk)
        header, format = ["编号", "记录", "没有撤销的原因"], chosen_format(request)
        mark = Mark.by(request.user)
        pieces = rows_as(format, "未撤销的记录", header, self._rows(batch), mark)
        return file_response(pieces, mark.name(f"{batch.file_name.rsplit('.', 1)[0]}-未撤销的记录"), format)

    def _rows(self, batch: Batch) -> Iterator[list]:
        conflicts = batch.conflicts.iterator(STEP)
        while some := list(islice(conflicts, STEP)):
            for each in conflicts_shown(batch, some, self.request.user):
                yield [each["id"], each["name"], each["reason"]]
