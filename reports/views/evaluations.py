"""工作评价: the sheets a person may read, one sheet with every line explained, and the file of it."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic import View

from accounts import audit
from orgs.doors import postings_with
from orgs.models import Organization
from orgs.scoped import ScopedMixin
from reports import evaluation_services, evaluation_sheets, metrics, words
from reports.digests import digest_of
from reports.evaluation_forms import own_units
from reports.evaluation_sheets import Sheet
from reports.models import Evaluation, EvaluationRelease
from reports.words import Basis
from tables.exports import Mark, rows_as
from tables.keyset import page_of, total_text
from tables.views.base import chosen_format, file_response

DRAFT, RELEASED, WITHDRAWN = ("草稿", "plain"), ("已发布", "ok"), ("已撤回", "bad")


def crumbs(*more: dict) -> list[dict]:
    return [{"label": "工作评价", "url": reverse("reports:evaluations")}, *more]


def state_of(evaluation: Evaluation) -> tuple[str, str]:
    """In words, with the kind of its badge. Evaluations come with release__withdrawal fetched."""
    release = getattr(evaluation, "release", None)
    if release is None:
        return DRAFT
    return WITHDRAWN if getattr(release, "withdrawal", None) else RELEASED


class EvaluationMixin(ScopedMixin):
    model = Evaluation
    permission = "reports.view_evaluation"
    kwargs: dict[str, Any]

    def get_queryset(self):
        rows = super().get_queryset()
        return rows.select_related("organization", "composed_by", "release__released_by", "release__withdrawal")

    def evaluation(self) -> Evaluation:
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])


class EvaluationList(EvaluationMixin, View):
    COLUMNS = ("评价", "组织单位", "数据", "状态", "发布")

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = self.get_queryset()
        page = page_of(rows, request.GET)
        context = {
            "heading": "工作评价",
            "subtitle": "亮晒比：按公布的指标、权重和分数线比较下级单位；只用覆盖、组织、市场和缺口的数",
            "breadcrumbs": [{"label": "工作评价"}],
            "table": {
                "caption": "工作评价",
                "columns": [{"label": label} for label in self.COLUMNS],
                "rows": [self._row(row) for row in page.rows],
            },
            "page": page,
            "total_text": total_text(rows, "份"),
            "may_add": own_units(request.user).exists(),
            "empty_reason": "还没有您可以看的评价。草稿只有拟稿单位看得到，发布以后参评单位才看得到。",
        }
        return render(request, "reports/evaluations.html", context)

    def _row(self, row: Evaluation) -> dict:
        word, kind = state_of(row)
        release = getattr(row, "release", None)
        at = f"{timezone.localtime(release.released_at):%Y-%m-%d} {release.released_by}" if release else "—"
        period = f"{row.month:%Y 年 %m 月}关账" if row.month else f"截至 {row.as_of:%Y-%m-%d}"
        cells = [row.title, str(row.organization), period]
        return {
            "url": reverse("reports:evaluation", args=[row.pk]),
            "cells": [*({"text": text} for text in cells), {"text": word, "badge": kind}, {"text": at}],
        }


class EvaluationPage(EvaluationMixin, View):
    """One sheet: a draft as it would be now, a released one as it was kept."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        evaluation = self.evaluation()
        return render(request, "reports/evaluation.html", page_context(request, evaluation))


def page_context(request: HttpRequest, evaluation: Evaluation, **more) -> dict[str, Any]:
    release: EvaluationRelease | None = getattr(evaluation, "release", None)
    problem, sheet = "", None
    try:
        sheet = release.sheet if release else evaluation_sheets.sheet_of(evaluation)
    except evaluation_sheets.NoNumbers as none:
        problem = str(none)
    word, kind = state_of(evaluation)
    may_release = evaluation_services.holds(request.user, evaluation_services.RELEASE, evaluation)
    return {
        "heading": evaluation.title,
        "evaluation": evaluation,
        "release": release,
        "withdrawal": getattr(release, "withdrawal", None) if release else None,
        "state": {"text": word, "kind": kind},
        "breadcrumbs": crumbs({"label": evaluation.title}),
        "problem": problem,
        "shown": Shown(sheet, request.user) if sheet else None,
        "digest": release.digest if release else digest_of(sheet) if sheet else "",
        "is_whole": release is None or digest_of(release.sheet) == release.digest,
        "may_change": release is None
        and evaluation_services.holds(request.user, evaluation_services.CHANGE, evaluation),
        "may_release": release is None and may_release and sheet is not None,
        "may_withdraw": release is not None and word != WITHDRAWN[0] and may_release,
        "may_export": sheet is not None and request.user.has_perm("reports.export_evaluation"),
        **more,
    }


class Shown:
    """A sheet as its page shows it to one reader: links to rows only where these may be opened."""

    def __init__(self, sheet: Sheet, user) -> None:
        self.sheet, self.user = sheet, user

    @property
    def period(self) -> str:
        month, as_of = self.sheet["month"], self.sheet["as_of"]
        revision = f"第 {self.sheet['revision']} 版" if self.sheet["revision"] else ""
        return f"{month} 关账{revision}（数据截至 {as_of}）" if month else f"数据截至 {as_of}"

    @cached_property
    def _open(self) -> dict[int, Organization]:
        ids = [unit["id"] for unit in self.sheet["units"]]
        return Organization.objects.visible_to(self.user, "reports.view_snapshot").in_bulk(ids)

    @cached_property
    def _own(self) -> set[int]:
        return {posting.organization_id for posting in postings_with(self.user, "reports.view_evaluation")}

    @property
    def lines(self) -> list[dict]:
        return [
            line | {
                "floor": _value(line, line["floor"]), "full": _value(line, line["full"]),
                "weight": _plain(line["weight"]), "better": "低" if line["good"] == "down" else "高",
            }
            for line in self.sheet["lines"]
        ]  # fmt: skip

    @property
    def units(self) -> list[dict]:
        return [
            unit | {
                "own": unit["id"] in self._own,
                "scores": [self._score(unit, *pair) for pair in zip(self.sheet["lines"], unit["scores"], strict=True)],
            }
            for unit in self.sheet["units"]
        ]  # fmt: skip

    def _score(self, unit: dict, line: dict, score: dict) -> dict:
        fraction = (
            "" if score["denominator"] is None else f"{_count(score['numerator'])} / {_count(score['denominator'])}"
        )
        return score | {
            "label": line["label"], "weight": _plain(line["weight"]), "shown": _value(line, score["value"]),
            "fraction": fraction, "url": self._rows_url(unit, line, score),
            "points": score["points"] or "—",
        }  # fmt: skip

    def _rows_url(self, unit: dict, line: dict, score: dict) -> str | None:
        organization = self._open.get(unit["id"])
        if organization is None or score["value"] is None:
            return None
        try:
            code, denominator, range = metrics.parse_key(line["metric"])
        except metrics.UnknownMetric:  # the registry may have changed since the sheet was released
            return None
        as_of = words.day_of(self.sheet["as_of"])
        return words.rows_page(organization, code, Basis(denominator, range, as_of))


def _count(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _plain(text: str) -> str:
    return evaluation_sheets.plain(Decimal(text))


def _value(line: dict, text: str | None) -> str:
    """A value in the words of its time: by the unit that the sheet kept, whatever the registry says today."""
    if text is None:
        return "—"
    value = Decimal(text)
    if line["unit"] == "%":
        return f"{value * 100:.2f}%" if value * 1000 % 1 else f"{words.percent(value)}%"
    return f"{round(value):,}"


class EvaluationFile(EvaluationMixin, View):
    """The sheet as csv or xlsx: one row for each unit and line."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        evaluation = self.evaluation()
        if not request.user.has_perm("reports.export_evaluation"):
            raise PermissionDenied("您的岗位没有导出评价的权限，请联系本单位管理员。")
        release = getattr(evaluation, "release", None)
        try:
            sheet = release.sheet if release else evaluation_sheets.sheet_of(evaluation)
        except evaluation_sheets.NoNumbers as none:
            return render(request, "reports/evaluation.html", page_context(request, evaluation, refused=str(none)))
        digest = release.digest if release else ""
        rows = evaluation_sheets.file_rows(sheet, state_of(evaluation)[0], digest)
        format = chosen_format(request)
        audit.record("reports.evaluation.export", by=request.user, subjects=[evaluation], request=request,
                     detail={"rows": len(rows), "format": format})  # fmt: skip
        mark = Mark.by(request.user)
        pieces = rows_as(format, "工作评价", evaluation_sheets.HEADER, rows, mark)
        return file_response(pieces, mark.name(f"{evaluation.title}-{sheet['as_of']}"), format)
