"""Pages of what other systems say: differences, absences, and hand-overs for whoever may decide them."""

from django.contrib import messages
from django.db.models import Count
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views import View
from django.views.generic import DetailView
from django.views.generic.detail import SingleObjectMixin

from markets import differences, hand_overs
from markets.listings import ABSENCE_LIST, DIFFERENCE_LIST
from markets.models import HandOver, SourceDifference
from markets.services import CannotSave
from markets.sources import LABELS, Source, source_label
from markets.told_tables import in_words, stands_in_words
from orgs.scoped import ScopedMixin
from tables.keyset import page_of, total_text
from tables.list_views import ListPage


class DifferenceList(ListPage):
    listing = DIFFERENCE_LIST
    template_name = "markets/differences.html"

    def more(self) -> dict:
        """Counts by column and source of all open differences in the own scope."""
        rows = SourceDifference.objects.visible_to(self.request.user).filter(kept_at__isnull=True)
        counted = rows.order_by().values("column", "source").annotate(count=Count("pk")).order_by("-count")
        return {
            "groups": [
                {
                    "column": LABELS[group["column"]],
                    "source": Source(group["source"]).label,
                    "count": group["count"],
                    "query": f"column={group['column']}&source={group['source']}&state=open",
                }
                for group in counted
            ]
        }


class AbsenceList(ListPage):
    listing = ABSENCE_LIST


class DifferencePage(ScopedMixin, DetailView):
    model = SourceDifference
    permission = "markets.view_sourcedifference"
    template_name = "markets/difference.html"

    def get_queryset(self):
        return super().get_queryset().select_related("business")

    def get_context_data(self, **kwargs) -> dict:
        row = self.object
        stands = row.business.provenance.get(row.column, Source.REGISTRATION)
        return {
            "object": row,
            "heading": f"{row.business.name} · {row.get_column_display()}",
            "breadcrumbs": [
                {"label": DIFFERENCE_LIST.title, "url": reverse("markets:difference_list")},
                {"label": row.business.name},
            ],
            "facts": [
                ("现值", stands_in_words(row.business, row.column)),
                ("现值来源", source_label(stands)),
                (f"{row.get_source_display()}的取值", in_words(row.column, row.value)),
                ("数据日期", row.file_date.isoformat() if row.file_date else "更早的文件或事项"),
                ("状态", row.state_in_words),
            ],
            "may_act": self.request.user.has_perm("markets.change_sourcedifference", row),
        }


class _Act(ScopedMixin, SingleObjectMixin, View):
    """One act on one row, sent by a form; tells how it went and leads back to the list."""

    http_method_names = ["post", "options"]
    done: str
    back: str

    def post(self, request, pk):
        row = self.get_object()
        try:
            self.act(row)
        except CannotSave as cannot:
            messages.error(request, str(cannot))
        else:
            messages.success(request, self.done)
        return redirect(self.back)

    def act(self, row) -> None:
        raise NotImplementedError


class _DifferenceAct(_Act):
    model = SourceDifference
    permission = "markets.change_sourcedifference"
    back = "markets:difference_list"


class DifferenceAdopt(_DifferenceAct):
    done = "已采用该值，原来的值留在主体历史里。"

    def act(self, row) -> None:
        differences.difference_adopt(difference=row, by=self.request.user)


class DifferenceKeep(_DifferenceAct):
    done = "已保留现值；该来源以后说法有变时会再次提示。"

    def act(self, row) -> None:
        differences.difference_keep(difference=row, by=self.request.user)


class HandOverList(ScopedMixin, View):
    """Requests that wait for the person first, then all in which the own units take part."""

    model = HandOver
    permission = "markets.view_handover"

    def get(self, request):
        rows = self.get_queryset()
        page = page_of(rows.select_related("to", "business", "to_district", "to_street"), request.GET)
        here, objects = [row.pk for row in page.rows], HandOver.objects
        waiting, own, again = (
            set(of(request.user, "markets.change_handover").filter(pk__in=here).values_list("pk", flat=True))
            for of in (objects.to_decide_by, objects.asked_by_side_of, objects.to_ask_again_by)
        )
        context = {
            "heading": "划转",
            "subtitle": "主体实际所在与登记所在不一致时，由没有发起的一方决定",
            "breadcrumbs": [{"label": "划转"}],
            "rows": [
                {
                    "hand_over": row,
                    "may_decide": row.pk in waiting,
                    "may_withdraw": row.pk in own,
                    "may_ask_again": row.pk in again,
                }
                for row in page.rows
            ],
            "page": page,
            "total_text": total_text(rows, "项"),
            "empty_reason": "没有划转。导入的文件、登记系统发来的事项与登记所在不一致时，会自动在这里发起。",
        }
        return render(request, "markets/hand_overs.html", context)


class _HandOverAct(_Act):
    model = HandOver
    permission = "markets.change_handover"
    back = "markets:hand_over_list"


class HandOverAccept(_HandOverAct):
    done = "已同意划转，两边的统计会随之更新。"

    def act(self, row) -> None:
        hand_overs.hand_over_accept(hand_over=row, by=self.request.user)


class HandOverRefuse(_HandOverAct):
    done = "已记录不同意，对方可以看到原因。"

    def act(self, row) -> None:
        hand_overs.hand_over_refuse(hand_over=row, by=self.request.user, reason=self.request.POST.get("reason", ""))


class HandOverWithdraw(_HandOverAct):
    done = "已撤回，对方不用再处理。"

    def act(self, row) -> None:
        hand_overs.hand_over_withdraw(hand_over=row, by=self.request.user)


class HandOverAskAgain(_HandOverAct):
    done = "已再次发起，请等对方处理。"

    def act(self, row) -> None:
        hand_overs.hand_over_ask_again(hand_over=row, by=self.request.user)
