"""Putting a batch right in its preview: a cell, a row, all rows with one reason, the columns."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse

from tables import fixes, services
from tables.forms import ColumnsForm, FixForm, GroupForm, HeaderRowForm
from tables.models import Batch, RowError
from tables.readers.base import HEADER_WITHIN
from tables.register import Cannot
from tables.selectors import Cells, errors_of, fixes_made
from tables.views.base import BADGES, ImportView, title_of
from tables.views.columns import shown_headers


class MendingView(ImportView):
    """Answers with the changed fragment to htmx, else leads back to the batch."""

    http_method_names = ["post", "options"]

    def post(self, request, pk):
        batch = self.get_batch(pk)
        try:
            return self.mend(batch)
        except Cannot as cannot:
            messages.error(request, str(cannot))
            return self.back(batch)

    def mend(self, batch: Batch):
        raise NotImplementedError

    def back(self, batch: Batch, part: str = ""):
        """htmx loads the whole page anew; a browser without scripts is sent there."""
        response = redirect(f"{reverse('tables:batch', args=[batch.pk])}{part}")
        if "HX-Request" in self.request.headers:
            response.status_code, response["HX-Redirect"] = 200, response["Location"]
            del response["Location"]
        return response


class Fix(MendingView):
    """One cell, or with no column one row, of which an error is told."""

    def mend(self, batch: Batch):
        form = FixForm(self.request.POST)
        if not form.is_valid():
            raise BadRequest("这一格没有改成：内容最多 500 个字。")
        row, column = form.cleaned_data["row"], form.cleaned_data["column"]
        error = batch.errors.filter(row=row, **({"column": column} if column else {})).first()
        cells = Cells(batch)
        if error is None or (column and not cells.can_fix(column)):
            raise Http404
        value = error.suggestion if form.cleaned_data["adopt"] else form.cleaned_data["value"]
        fixes.cell_fix(batch=batch, row=row, column=column, value=value if column else "")
        if "HX-Request" not in self.request.headers:
            return self.back(batch, f"?after={row - 1}#errors")
        shown = cells.errors(list(batch.errors.filter(row=row)) if not column else [error])
        context = {"batch": batch, "items": shown, "fixes": fixes_made(batch, cells)}
        return render(self.request, "tables/_fixed.html", context)


class FixGroup(MendingView):
    """All rows with one reason."""

    def mend(self, batch: Batch):
        form = GroupForm(self.request.POST)
        if not form.is_valid() or form.cleaned_data["kind"] not in RowError.Kind.values:
            raise BadRequest("没有认出是哪一组。请刷新页面再试。")
        act = form.cleaned_data.pop("act")
        errors = errors_of(batch, **form.cleaned_data)
        if act == "adopt":
            done = fixes.group_adopt(batch=batch, errors=errors)
            left = "其余请再点一次。" if done == fixes.ADOPTED_AT_ONCE else ""
            messages.success(self.request, f"采用了 {done:,} 格的建议。{left}重新检查后生效。")
        else:
            done = fixes.group_leave(batch=batch, errors=errors)
            messages.success(self.request, f"{done:,} 行改为不导入。重新检查后生效。")
        return self.back(batch)


class Unfix(MendingView):
    """One fix, or all of them, taken back."""

    def mend(self, batch: Batch):
        chosen, asked = batch.fixes.all(), self.request.POST.get("fix", "")
        if asked != "all":
            chosen = chosen.filter(pk=int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0)
        removed = fixes.fix_remove(batch=batch, fixes=chosen)
        messages.success(self.request, f"取消了 {removed:,} 处修改。重新检查后生效。")
        return self.back(batch)


class Columns(MendingView):
    """Which column of the file is which of ours, or where its header stands; checks again with it."""

    def mend(self, batch: Batch):
        if "row" in self.request.POST:
            form = HeaderRowForm(self.request.POST)
            if not form.is_valid():
                raise Cannot(f"请填 0 到 {HEADER_WITHIN} 之间的行号；文件里没有表头的填 0。")
            return self._recheck(batch, form.said(batch))
        columns = ColumnsForm(self.request.POST, batch=batch)
        if columns.is_valid():
            return self._recheck(batch, columns.mapping)
        context = {
            "batch": batch,
            "columns_form": columns,
            "headers": shown_headers(batch, columns),
            "is_unmapped": batch.state == Batch.State.UNMAPPED,
            "heading": "列的对应",
            "state": {"text": batch.get_state_display(), "kind": BADGES[batch.state]},
            "subtitle": f"{batch.file_name} · 导入到{title_of(batch)}",
            "breadcrumbs": [{"label": batch.file_name, "url": batch.get_absolute_url()}, {"label": "列的对应"}],
        }
        return render(self.request, "tables/columns.html", context, status=422)

    def _recheck(self, batch: Batch, mapping: dict):
        batch = services.batch_recheck(batch=batch, by=self.request.user, mapping=mapping)
        return redirect(reverse("jobs:detail", args=[batch.job_id]))
