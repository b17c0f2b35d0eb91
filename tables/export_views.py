"""Taking a list out, and the files of one's own long exports."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.people import signed_in
from jobs.models import Job
from tables import approving, taking
from tables.forms import TakeForm
from tables.list_views import SignedIn, unusable_page
from tables.listing import UNFILTERED, Exportable, Unusable, exportable
from tables.models import Export, ExportApproval
from tables.register import targets_for
from tables.views import file_response

SHOWN = 100


class Take(SignedIn):
    """Asks what for and which columns; then streams the filtered list, or starts a job for a long one."""

    what: Exportable

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            what = exportable(kwargs["table"])
            if what is None:
                raise Http404
            if not what.export or not request.user.has_perm(what.export):
                raise PermissionDenied("您的岗位没有导出这个列表的权限，请联系本单位管理员。")
            self.what = what
            self.query = request.GET.copy()
            self.query.pop(UNFILTERED, None)
        try:
            return super().dispatch(request, *args, **kwargs)
        except Unusable as unusable:
            return unusable_page(request, self.what, unusable)

    def get(self, request: HttpRequest, table: str) -> HttpResponseBase:
        return self._page(self._form())

    def post(self, request: HttpRequest, table: str) -> HttpResponseBase:
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        with transaction.atomic():  # one at a time of one person: the parts of a list are counted together
            User.objects.select_for_update(no_key=True).get(pk=signed_in(request).pk)
            return self._take(request, form)

    def _take(self, request: HttpRequest, form: TakeForm) -> HttpResponseBase:
        count = self._count()
        asked = {"by": signed_in(request), "what": self.what, "query": self.query, "chosen": form.cleaned_data}
        if approving.is_needed(count, self.what, self._lately()):
            approving.export_ask(**asked, count=self._rows().count())
            messages.success(
                request, f"已提交申请。批准后文件在后台生成，请到这里下载；{approving.DAYS} 天内没有批准即失效。"
            )
            return redirect("lists:exports")
        if count > taking.AT_ONCE:
            return redirect(taking.take_later(**asked, count=count))
        pieces, name = taking.take_at_once(**asked, count=count)
        return file_response(pieces, name, form.cleaned_data["format"])

    def _form(self, data=None) -> TakeForm:
        return TakeForm(data, comes_back=self._comes_back())

    def _comes_back(self) -> bool:
        """Whether this person may import a file of these columns again."""
        read = {id(column) for target in targets_for(self.request.user) for column in target.table.imported()}
        return any(id(column) in read for column in self.what.columns(self.query, True))

    def _rows(self):
        """Raises Unusable."""
        return self.what.to_export(self.query, self.request.user).order_by().prefetch_related(None)

    def _count(self) -> int:
        """No further than it matters. Raises Unusable."""
        return self._rows()[: max(taking.AT_ONCE, settings.EXPORT_APPROVAL_ROWS) + 1].count()

    def _lately(self) -> int:
        return approving.taken_lately(self.request.user, self.what, self.query.urlencode())

    def _page(self, form, status: int = 200):
        count, lately = self._count(), self._lately()
        amount = f"{count:,} 行"
        needs_word = approving.is_needed(count, self.what, lately)
        if needs_word and count <= approving.limit_of(self.what):
            amount = (
                f"{count:,} 行，连同您 24 小时内按其他条件导出的本列表 {lately:,} 行超过 {approving.limit_of(self.what):,} 行"
                "（分几次导出合并计算，须由另一位有同样权限的人批准，他只看到用途、列、筛选和行数）"
            )
        elif needs_word:
            amount = f"超过 {approving.limit_of(self.what):,} 行（须由另一位有同样权限的人批准，他只看到用途、列、筛选和行数）"
        elif count > taking.AT_ONCE:
            amount = (
                f"超过 {taking.AT_ONCE:,} 行（在后台生成文件，完成后到「导出文件」下载，保留 {taking.KEPT_DAYS} 天）"
            )
        back = self.what.url(self.query)
        context = {
            "heading": f"导出{self.what.title}",
            "breadcrumbs": [{"label": self.what.title, "url": back}, {"label": "导出"}],
            "intro": f"将导出当前筛选下您有权导出的 {amount}。导出人、用途、列和行数会留下记录。",
            "form": form,
            "submit_label": "提交申请" if needs_word else "导出",
            "cancel_url": back,
        }
        return render(self.request, "tables/export.html", context, status=status)


class ExportList(SignedIn):
    """The own exports: what for, how many rows, and the file while it is kept."""

    COLUMNS = [
        {"key": "table", "label": "列表"},
        {"key": "purpose", "label": "用途"},
        {"key": "rows", "label": "行数", "numeric": True},
        {"key": "at", "label": "导出时间"},
        {"key": "file", "label": "文件"},
    ]

    def get(self, request):
        rows = taking.own_exports(request.user)[:SHOWN]
        context = {
            "heading": "导出文件",
            "subtitle": f"只有您自己看得到；后台生成的文件保留 {taking.KEPT_DAYS} 天",
            "breadcrumbs": [{"label": "导出文件"}],
            "table": {"columns": self.COLUMNS, "rows": [self._row(kept) for kept in rows], "caption": "导出文件"},
            "empty_reason": "您还没有导出过列表。在任一列表上点「导出」。",
        }
        return render(request, "generic/list.html", context)

    def _row(self, kept: Export) -> dict:
        what = exportable(kept.table)
        cells = [
            {"text": what.title if what else kept.table},
            {"text": kept.purpose},
            {"text": f"{kept.rows:,}" if kept.rows else "—"},
            {"text": timezone.localtime(kept.created_at).strftime("%Y-%m-%d %H:%M")},
            self._file(kept),
        ]
        return {"cells": cells}

    def _file(self, kept: Export) -> dict:
        approval = getattr(kept, "approval", None)
        if approval and not approval.granted:
            return {"text": self._approval(approval)}
        if kept.job is None:
            return {"text": "已当场下载"}
        if kept.job.state != Job.State.DONE:
            page = {} if kept.job.state in Job.FINISHED else {"url": kept.job.get_absolute_url()}
            return {"text": kept.job.get_state_display(), **page}
        if refusal := taking.why_not_fetched(kept, self.request.user):
            return {"text": refusal}
        return {"text": f"下载 {kept.format}", "url": reverse("lists:download", args=[kept.pk])}

    def _approval(self, approval: ExportApproval) -> str:
        if approval.granted is False:
            return f"未批准：{approval.reason}"
        if approval.expires_at <= timezone.now():
            return "没有人批准，已失效；需要的话请重新申请"
        return f"待批准，期限 {timezone.localtime(approval.expires_at):%m-%d %H:%M}"


class Download(SignedIn):
    def get(self, request, pk):
        kept = get_object_or_404(taking.own_exports(request.user).select_related("owner"), pk=pk)
        what = exportable(kept.table)
        if what is None or taking.why_not_fetched(kept, request.user):
            raise Http404
        return file_response(taking.fetch(kept=kept, what=what), taking.file_name(kept, what), kept.format)
