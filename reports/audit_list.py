"""The audit as a list: its columns, its filters, its export. Here because units and every room's pages are known here.

Subjects stay numbers and units codes: whoever reads the audit sees what was done, not whom or what it was done to.
"""

import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse

from accounts.acts import act_name, halves
from accounts.models import AuditEvent, User
from accounts.querysets import AuditEventQuerySet
from reports.audit_subjects import NotFound, Subject, kind_name, kinds, subject_of, unit_of, with_subtree
from tables.filters import TextFilter
from tables.listing import Listing
from tables.table import Column, Table

FEW = 5  # subjects in a row of the list; its own page and the file have them all
SELDOM = 5_000
OUTCOMES = [("done", "成功"), ("refused", "被拒绝或失败")]
EARLIEST, LATEST = 1900, 2200  # years; beyond them Shanghai has no time of its own


def known_acts() -> list[str]:
    """Every act that ever happened, by hopping along the index: as many steps as there are acts."""
    table = AuditEvent._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE acts AS (
                    (SELECT act FROM {table} ORDER BY act LIMIT 1)
                    UNION ALL
                    SELECT (SELECT e.act FROM {table} e WHERE e.act > acts.act ORDER BY e.act LIMIT 1)
                    FROM acts WHERE acts.act IS NOT NULL
                ) SELECT act FROM acts WHERE act IS NOT NULL"""
        )
        return [row[0] for row in cursor.fetchall()]


def act_choices() -> list[tuple[str, str]]:
    return sorted(((act, act_name(act)) for act in known_acts()), key=lambda pair: halves(pair[0]))


class MomentFilter(django_filters.DateTimeFilter):
    def __init__(self, **more) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(widget=widget, validators=[_of_our_time], **more)


def _of_our_time(at: datetime) -> None:
    if not EARLIEST < at.year < LATEST:
        raise ValidationError("这个时间不在记录的范围里，请核对年份。")


class AuditForm(forms.Form):
    """Reads what names a row, a unit or a network, so that a mistyped one is told of and does not pass for nothing."""

    def clean_subject(self) -> Subject | None:
        text = self.cleaned_data["subject"]
        return self._found(subject_of, text, self.data.get("kind", "")) if text.strip() else None

    def clean_unit(self) -> list[int] | None:
        text = self.cleaned_data["unit"]
        return with_subtree(self._found(unit_of, text)) if text.strip() else None

    def clean_address(self):
        text = self.cleaned_data["address"].strip()
        try:
            return ipaddress.ip_network(text, strict=False) if text else None
        except ValueError:
            raise ValidationError("请填一个地址（如 10.1.2.3）或一个网段（如 10.1.0.0/16）。") from None

    @staticmethod
    def _found(read, *typed):
        try:
            return read(*typed)
        except NotFound as error:
            raise ValidationError(str(error)) from error


class AuditFilter(django_filters.FilterSet):
    since = MomentFilter(label="从（含）", method="by_start")
    until = MomentFilter(label="到（不含）", method="by_end")
    actor = TextFilter(label="操作人账号", method="by_actor", max_length=60)
    act = django_filters.ChoiceFilter(label="行为", choices=act_choices, empty_label="全部")
    kind = django_filters.ChoiceFilter(label="对象类型", choices=kinds, empty_label="全部", method="by_kind")
    subject = TextFilter(label="对象编号或页面地址", method="by_subject", max_length=120)
    unit = TextFilter(label="涉及单位（含下级）：代码或页面地址", method="by_unit", max_length=120)
    address = TextFilter(label="来源地址或网段", method="by_address", max_length=50)
    purpose = TextFilter(label="目的里有", method="by_purpose", max_length=60)
    outcome = django_filters.ChoiceFilter(label="结果", choices=OUTCOMES, empty_label="全部", method="by_outcome")

    class Meta:
        model = AuditEvent
        form = AuditForm
        fields: tuple[str, ...] = ()

    def by_start(self, queryset: AuditEventQuerySet, name: str, value: datetime) -> QuerySet:
        return queryset.since(value)

    def by_end(self, queryset: AuditEventQuerySet, name: str, value: datetime) -> QuerySet:
        return queryset.before(value)

    def by_actor(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            actor=User.objects.filter(username=value.strip()).values_list("pk", flat=True).first() or 0
        )

    def by_kind(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """With a number the subject's own filter asks for the kind, its pages included."""
        return queryset if self.form.cleaned_data.get("subject") else queryset.filter(subject_type=value)

    def by_subject(self, queryset: QuerySet, name: str, value: Subject) -> QuerySet:
        kind = {"subject_type__in": value.types} if value.types else {}
        return _ids_first(queryset, Q(subjects__contains=[value.pk], **kind))

    def by_unit(self, queryset: QuerySet, name: str, value: list[int]) -> QuerySet:
        return queryset.filter(units__overlap=value)

    def by_address(self, queryset: QuerySet, name: str, value) -> QuerySet:
        if value.num_addresses == 1:
            return queryset.filter(address=str(value.network_address))
        return queryset.filter(address__range=(str(value.network_address), str(value.broadcast_address)))

    def by_purpose(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return _ids_first(queryset, ~Q(purpose="") & Q(purpose__contains=value.strip()))

    def by_outcome(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(succeeded=value == "done")


def _ids_first(queryset: QuerySet, condition: Q) -> QuerySet:
    """Rows that are seldom, found by their own index. Statistics do not tell how seldom: left to itself the planner walks
    along all ids, believing that a page is soon full. Where they are many it is."""
    found = queryset.filter(condition)
    ids = list(found.order_by().values_list("pk", flat=True)[: SELDOM + 1])
    return queryset.filter(pk__in=ids) if len(ids) <= SELDOM else found


def _few(event: AuditEvent) -> str:
    more = len(event.subjects) - FEW
    return "、".join(map(str, event.subjects[:FEW])) + (f" 等 {len(event.subjects)} 个" if more > 0 else "")


def _seal(event: AuditEvent) -> int | None:
    seal = getattr(event, "seal", None)
    return seal.sequence if seal else None


EVENTS = Table(
    name="auditevent",
    title="审计记录",
    columns=(
        Column("at", "时间", kind="time", link=lambda event: reverse("reports:audit_event", args=[event.pk])),
        Column("actor", "操作人账号", source="actor.username"),
        Column("act", "行为", value=lambda event: act_name(event.act)),
        Column("code", "行为代码", source="act", shown=False),
        Column("kind", "对象类型", value=lambda event: kind_name(event.subject_type)),
        Column("subjects", "对象编号", value=_few, written=lambda event: " ".join(map(str, event.subjects))),
        Column("units", "涉及单位编号", value=lambda event: " ".join(map(str, event.units)), shown=False),
        Column("purpose", "目的"),
        Column("outcome", "结果", value=lambda event: "成功" if event.succeeded else "被拒绝或失败",
               badge=lambda event: "ok" if event.succeeded else "bad"),
        Column("address", "来源地址"),
        Column("detail", "说明", shown=False,
               value=lambda event: json.dumps(event.detail, ensure_ascii=False) if event.detail else ""),
        Column("pk", "编号", kind="integer", shown=False),
        Column("seal", "封存序号", kind="integer", value=_seal, shown=False),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class AuditListing(Listing):
    def to_export(self, query: QueryDict, user) -> QuerySet:
        """What stands there now: the export's own event, written while the file is, is not part of it."""
        newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        return super().to_export(query, user).filter(pk__lte=newest)


LISTING = AuditListing(
    table=EVENTS,
    model=AuditEvent,
    filter_class=AuditFilter,
    address="reports:audit",
    view="accounts.view_auditevent",
    export="accounts.export_auditevent",
    related=("actor", "seal"),
    accounts=("actor",),
    unit="条",
    empty_reason="没有符合条件的审计记录。请放宽筛选，例如延长时间、去掉对象类型。",
    too_wide="这样的条件要看的记录太多，没有在几秒内找完。请把时间缩短一些，或再加一个条件。",
)
