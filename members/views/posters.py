"""报到码: the list, making one, the printed sheet and the invitation link. The public side is in report.py."""

from django import forms
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.generic import View

from accounts import audit
from markets.models import Market
from members import identity, pdf, qr, services
from members.errors import Refused
from members.models import Poster
from members.pages import page_of
from members.selectors import current_notice
from members.views.base import ActView, Link, Result, refused
from orgs.kinds import Level
from orgs.models import Organization
from orgs.scoped import DoorMixin, ScopedMixin

OWN_KINDS = (Poster.Kind.MARKET, Poster.Kind.GUIDANCE_STATION)


def poster_url(request, poster: Poster, query: str = "") -> str:
    return qr.public_address(request, reverse("members:poster", args=[poster.code]) + query)


class PosterForm(forms.Form):
    """Market or guidance station inside one's own scope that has no live poster yet."""

    use_required_attribute = False
    market = forms.ModelChoiceField(
        label="专业市场", queryset=Market.objects.none(), required=False, empty_label="（不选）"
    )
    organization = forms.ModelChoiceField(
        label="指导站", queryset=Organization.objects.none(), required=False, empty_label="（不选）"
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        live = Poster.objects.live()
        markets = Market.objects.visible_to(user, "members.add_poster").filter(closed_on__isnull=True)
        guidance_stations = Organization.objects.visible_to(user, "members.add_poster").open()
        self.fields["market"].queryset = markets.exclude(
            pk__in=live.filter(market__isnull=False).values("market")
        ).order_by("name")
        self.fields["organization"].queryset = (
            guidance_stations.filter(level=Level.GUIDANCE_STATION)
            .exclude(pk__in=live.filter(organization__isnull=False).values("organization"))
            .order_by("name")
        )

    def clean(self) -> dict:
        data = super().clean() or {}
        if bool(data.get("market")) == bool(data.get("organization")) and not self.errors:
            raise forms.ValidationError("请选择一个市场或一个指导站，二选一。")
        return data


class PosterScoped(ScopedMixin, View):
    model = Poster
    permission = "members.view_poster"

    def get_queryset(self):
        return super().get_queryset().filter(kind__in=OWN_KINDS).select_related("market", "organization")

    def get_poster(self) -> Poster:
        return get_object_or_404(self.get_queryset().live(), code=self.kwargs["code"])


class PosterList(PosterScoped):
    def get(self, request):
        page = page_of(request, self.get_queryset(), "pk")
        columns = [{"key": key, "label": key} for key in ("张贴在", "用途", "码", "状态")]
        rows = [
            {
                "url": None if row.withdrawn_at else reverse("members:poster_print", args=[row.code]),
                "cells": [
                    {"text": str(row.market or row.organization)},
                    {"text": row.get_kind_display()},
                    {"text": identity.grouped(row.code)},
                    {"text": "已停用", "badge": "plain"} if row.withdrawn_at else {"text": "使用中", "badge": "ok"},
                ],
            }
            for row in page.rows
        ]
        context = {
            "heading": "报到码",
            "subtitle": "每个市场、每个指导站一个；停用后旧海报不能再用",
            "table": {"caption": "报到码", "columns": columns, "rows": rows},
            "page": page,
            "total_text": f"共 {self.get_queryset().count()} 个",
            "may_add": request.user.has_perm("members.add_poster"),
            "no_notice": current_notice() is None,
            "empty_reason": "您的范围内还没有报到码。可以为市场或指导站生成。",
            "empty_url": reverse("members:poster_new") if request.user.has_perm("members.add_poster") else "",
            "empty_label": "生成报到码",
        }
        return render(request, "members/posters.html", context)


class PosterNew(DoorMixin, View):
    permission = "members.add_poster"

    def get(self, request):
        return self.show(PosterForm(user=request.user))

    def post(self, request):
        form = PosterForm(request.POST, user=request.user)
        if not form.is_valid():
            return self.show(form, 422)
        market, organization = form.cleaned_data["market"], form.cleaned_data["organization"]
        kind = Poster.Kind.MARKET if market else Poster.Kind.GUIDANCE_STATION
        try:
            poster = services.poster_create(kind=kind, market=market, organization=organization, by=request.user)
        except Refused as error:
            return refused(request, error, [Link("回到报到码", reverse("members:posters"))])
        return redirect("members:poster_print", code=poster.code)

    def show(self, form, status: int = 200) -> HttpResponse:
        crumbs = [{"label": "报到码", "url": reverse("members:posters")}, {"label": "生成报到码", "url": None}]
        context = {
            "heading": "生成报到码", "form": form, "submit_label": "生成", "cancel_url": reverse("members:posters"),
            "intro": "只列出还没有报到码的市场和指导站。", "breadcrumbs": crumbs,
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


def sheet_context(request, poster: Poster) -> dict:
    return {
        "poster": poster,
        "place": str(poster.market or poster.organization),
        "guidance_station": poster.market.guidance_station if poster.market else poster.organization,
        "shown_code": identity.grouped(poster.code),
        "qr": qr.qr_image(poster_url(request, poster), scale=10),
        "address": poster_url(request, poster),
    }


class PosterPrint(PosterScoped):
    """The A4 sheet, as a page to print; with a link to the PDF where one can be made, else with the reason."""

    def get(self, request, code: str):
        poster = self.get_poster()
        context = sheet_context(request, poster) | {
            "heading": "报到码海报",
            "no_pdf": pdf.why_no_pdf(),
            "no_notice": current_notice() is None,
            "may_withdraw": request.user.has_perm("members.change_poster", poster),
            "breadcrumbs": [
                {"label": "报到码", "url": reverse("members:posters")},
                {"label": str(poster), "url": None},
            ],
        }
        return render(request, "members/poster_print.html", context)


class PosterPdf(PosterScoped):
    def get(self, request, code: str):
        poster = self.get_poster()
        context = sheet_context(request, poster) | {"style": staticfiles_storage.url("css/poster.css")}
        try:
            document = pdf.pdf(render_to_string("members/poster_sheet.html", context))
        except pdf.PdfUnavailable as error:
            back = Link("打印页", reverse("members:poster_print", args=[poster.code]))
            return Result("没有生成 PDF", [str(error)], [back], kind="wait", icon="printer").response(request)
        audit.record("members.poster.print", by=request.user, subjects=[poster], request=request)
        response = HttpResponse(document, content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="poster-{poster.code}.pdf"'
        return response


class PosterInvite(PosterScoped):
    """The invitation link: the same form, marked as an invitation."""

    def get(self, request, code: str):
        poster = self.get_poster()
        link = poster_url(request, poster, "?via=invitation")
        context = {
            "heading": "邀请报到",
            "poster": poster,
            "link": link,
            "qr": qr.qr_image(link),
            "breadcrumbs": [{"label": "报到码", "url": reverse("members:posters")}, {"label": "邀请报到", "url": None}],
        }
        return render(request, "members/poster_invite.html", context)


class PosterWithdraw(ActView):
    model = Poster
    permission = "members.change_poster"
    template_name = "generic/confirm.html"
    heading, submit_label = "停用报到码", "停用"

    def get_object(self):
        rows = self.get_queryset().filter(kind__in=OWN_KINDS)
        return get_object_or_404(rows, code=self.kwargs["code"], withdrawn_at__isnull=True)

    def back(self) -> Link:
        return Link("回到报到码", reverse("members:posters"))

    def context(self) -> dict:
        row = self.object
        return {
            "question": f"停用“{row.market or row.organization}”的报到码吗？",
            "consequences": ["已张贴的海报扫码后显示“这个码现在不能用”", "已有的报到和回执不变", "可以再生成一个新的"],
            "danger": True,
        }

    def do(self, row, form) -> Result:
        services.poster_withdraw(poster=row, by=self.request.user)
        return Result("已停用", [str(row.market or row.organization)], [self.back()])
