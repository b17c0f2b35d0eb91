"""Bulk acts of a list: say how many rows and what will happen, start the job, show what became of it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from jobs.models import Job
from tables import bulk
from tables.list_views import ListingView, SignedIn, unusable_page
from tables.listing import Unusable, listing


def _numbers(texts: list[str]) -> tuple[int, ...]:
    found = {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19}
    return tuple(sorted(found)[: bulk.MOST_PICKED])


class BulkConfirm(ListingView):
    """GET asks, POST starts. The number said is counted now; rows that come later stay out."""

    def dispatch(self, request, *args, **kwargs):
        asked = listing(kwargs["table"])
        if request.user.is_authenticated and asked and not bulk.acts_for(asked.name, request.user):
            raise PermissionDenied("您的岗位没有批量修改的权限，请联系本单位管理员。")
        try:
            return super().dispatch(request, *args, **kwargs)
        except Unusable as unusable:
            return unusable_page(request, self.listing, unusable)

    def get(self, request, table):
        act = self._act(request.GET)
        chosen = self._chosen(request.GET)
        if act is None or chosen is None:
            messages.error(request, "请先勾选要处理的行，再选择要做什么。")
            return redirect(self.listing.url(QueryDict(request.GET.get("query", ""))))
        return self._page(act, chosen.fixed(self.listing, request.user), act.form(user=request.user))

    def post(self, request, table):
        act = self._act(request.POST)
        chosen = self._chosen(request.POST)
        if act is None or chosen is None:
            raise Http404
        form = act.form(request.POST, user=request.user)
        if not form.is_valid():
            return self._page(act, chosen, form, status=422)
        data = {name: request.POST.get(name, "") for name in form.fields}
        job = bulk.bulk_start(
            by=request.user, asked=self.listing, act=act, chosen=chosen, data=data, count=self._count(act, chosen)
        )
        return redirect(job)

    def _act(self, asked: QueryDict) -> bulk.BulkAct | None:
        act = bulk.bulk_act(self.listing.name, asked.get("act", ""))
        if act is not None and not self.request.user.has_perm(act.permission):
            raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        return act

    def _chosen(self, asked: QueryDict) -> bulk.Chosen | None:
        newest = next(iter(_numbers([asked.get("newest", "")])), None)
        if asked.get("all"):
            return bulk.Chosen(asked.get("query", ""), None, newest)
        ids = _numbers(asked.getlist("row"))
        return bulk.Chosen(asked.get("query", ""), ids, newest) if ids else None

    def _count(self, act: bulk.BulkAct, chosen: bulk.Chosen, permission: str = "") -> int:
        """Raises Unusable."""
        return chosen.rows(self.listing, self.request.user, permission or act.permission).count()

    def _page(self, act: bulk.BulkAct, chosen: bulk.Chosen, form, status: int = 200):
        count = self._count(act, chosen)
        others = self._count(act, chosen, self.listing.view) - count
        unit = self.listing.unit
        consequences = [act.says, "在后台执行，可以随时取消；取消或中断时不会只改一半。"]
        if others > 0:
            consequences.append(f"另有 {others:,} {unit}您只能查看，不会改动。")
        back = self.listing.url(QueryDict(chosen.query))
        context = {
            "heading": f"批量{act.label}",
            "breadcrumbs": [{"label": self.listing.title, "url": back}, {"label": f"批量{act.label}"}],
            "question": f"对{'符合条件的全部' if chosen.ids is None else '选中的'} {count:,} {unit}{act.label}？",
            "consequences": consequences,
            "form": form,
            "act": act,
            "chosen": chosen,
            "count": count,
            "confirm_label": f"确认，处理 {count:,} {unit}",
            "cancel_url": back,
        }
        return render(self.request, "tables/bulk.html", context, status=status)


class BulkResult(SignedIn):
    """What a finished bulk act did, and what it left out and why. Its owner's only."""

    def get(self, request, pk):
        mine = Job.objects.visible_to(request.user).filter(kind="tables.bulk", state=Job.State.DONE)
        job = get_object_or_404(mine, pk=pk)
        asked = listing(job.params["table"])
        if asked is None:
            raise Http404
        skipped = [{**each, "rows": self._named(asked, each["ids"])} for each in job.result["skipped"]]
        left = sum(each["count"] for each in skipped)
        context = {
            "heading": job.title,
            "breadcrumbs": [{"label": "我的任务", "url": reverse("jobs:list")}, {"label": "结果"}],
            "tiles": [
                {"label": "已修改", "value": job.result["changed"], "note": f"确认时 {job.result['confirmed']:,} 条"},
                {"label": "未变", "value": job.result["unchanged"], "note": "原来就是这样"},
                {"label": "跳过", "value": left, "note": "原因见下"},
            ],
            "skipped": skipped,
            "list_url": job.params["url"],
        }
        return render(request, "tables/bulk_result.html", context)

    def _named(self, asked, ids: list[int]) -> list[dict]:
        """Names and links of examples, of those that the person may see now."""
        link = next((column.link for column in asked.table.columns if column.link), None)
        rows = asked.model._default_manager.visible_to(self.request.user, asked.view).filter(pk__in=ids)
        return [{"label": str(row), "url": link(row) if link else ""} for row in rows]
