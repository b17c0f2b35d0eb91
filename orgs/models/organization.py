from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.row_codes import CodedRecord, RowCodeField
from orgs.errors import TreeError
from orgs.kinds import CAPABILITIES, Capability, HostKind, Kind, Level, kinds_at
from orgs.querysets import OrganizationQuerySet


class Organization(CodedRecord):
    """A body in the guidance line (条): city committee, district committee, guidance station, grassroots organization.

    `path` is fixed-width labels of four characters, the parent's path + the own label; branches nest inside
    GRASSROOTS, so depth is not level. `district_committee` and `guidance_station` are the ancestors of those levels
    (a district committee is its own, a guidance station likewise); null where there is none (直属). Written only by
    orgs/services.py.
    """

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name="上级（指导线）"
    )
    district_committee = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="区级党委"
    )
    guidance_station = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="指导站"
    )
    superior = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="subordinates", verbose_name="隶属党组织"
    )
    superior_name = models.CharField("隶属党组织（系统外）", max_length=100, blank=True)
    district = models.ForeignKey(
        "orgs.Division", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="所在区"
    )
    street = models.ForeignKey(
        "orgs.Division", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="所在街道"
    )
    level = models.PositiveSmallIntegerField("层级", choices=Level)
    kind = models.CharField("类型", max_length=30, choices=Kind)
    host_kind = models.CharField("依托", max_length=20, choices=HostKind, blank=True)
    code = models.CharField("代码", max_length=40, unique=True, error_messages={"unique": "代码已被使用，请换一个。"})
    name = models.CharField("名称", max_length=100)
    short_name = models.CharField("简称", max_length=40, blank=True)
    path = models.CharField(max_length=80, unique=True, editable=False)
    approved_on = models.DateField("批准成立日期", null=True, blank=True)
    term_starts_on = models.DateField("本届起", null=True, blank=True)
    term_ends_on = models.DateField("本届止", null=True, blank=True)
    extended_until = models.DateField("延期至", null=True, blank=True)
    extension_document = models.CharField("延期批复文号", max_length=60, blank=True)
    closed_on = models.DateField("撤销日期", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    row_code = RowCodeField(
        "校验码",
        over=(
            "id", "parent", "superior", "superior_name", "district", "street", "level", "kind", "host_kind", "code",
            "name", "short_name", "approved_on", "term_starts_on", "term_ends_on", "extended_until",
            "extension_document", "closed_on", "entered_at",
        ),
    )  # fmt: skip

    refusal: ClassVar[type[ValueError]] = TreeError

    objects = OrganizationQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "党组织"
        ordering = ["path"]
        indexes = [
            models.Index(fields=["district_committee", "level"], name="organization_district"),
            models.Index(fields=["guidance_station"], name="organization_guidance"),
        ]
        constraints = [
            models.CheckConstraint(
                name="organization_only_city_has_no_parent",
                condition=Q(level=Level.CITY, parent__isnull=True) | (Q(parent__isnull=False) & ~Q(level=Level.CITY)),
                violation_error_message="只有市级党委没有上级。",
            ),
            models.CheckConstraint(
                name="organization_guidance_needs_district",
                condition=Q(guidance_station__isnull=True) | Q(district_committee__isnull=False),
                violation_error_message="有指导站就必须有区级党委。",
            ),
            models.CheckConstraint(
                name="organization_extension_needs_document",
                condition=Q(extended_until__isnull=True) | ~Q(extension_document=""),
                violation_error_message="延期换届要填批复文号。",
            ),
            models.CheckConstraint(
                name="organization_term_in_order",
                condition=Q(term_ends_on__isnull=True)
                | Q(term_starts_on__isnull=True)
                | Q(term_ends_on__gt=F("term_starts_on")),
                violation_error_message="本届止必须晚于本届起。",
            ),
            models.CheckConstraint(
                name="organization_kind_fits_level",
                condition=Q(level=Level.CITY, kind=Kind.CITY_COMMITTEE)
                | Q(level=Level.DISTRICT, kind=Kind.DISTRICT_COMMITTEE)
                | Q(level=Level.GUIDANCE_STATION, kind=Kind.GUIDANCE_STATION)
                | Q(level=Level.GRASSROOTS, kind__in=sorted(kinds_at(Level.GRASSROOTS))),
                violation_error_message="这一层不能设这种类型的组织。",
            ),
            models.CheckConstraint(
                name="organization_is_its_own_ancestor",
                # Null is named because a CHECK lets "unknown" pass.
                condition=(~Q(level=Level.DISTRICT) | Q(district_committee__isnull=False, district_committee=F("id")))
                & (~Q(level=Level.GUIDANCE_STATION) | Q(guidance_station__isnull=False, guidance_station=F("id"))),
                violation_error_message="区级党委和指导站是自己这一层的上级。",
            ),
            # A composite key checks nothing while the upper column is null.
            models.CheckConstraint(
                name="organization_street_needs_district",
                condition=Q(street__isnull=True) | Q(district__isnull=False),
                violation_error_message="有街道就必须有区。",
            ),
            models.CheckConstraint(
                name="organization_extension_after_term",
                condition=Q(extended_until__isnull=True)
                | Q(term_ends_on__isnull=False, term_ends_on__lt=F("extended_until")),
                violation_error_message="延期至必须晚于本届止。",
            ),
            models.CheckConstraint(
                name="organization_closed_after_approved",
                condition=Q(closed_on__isnull=True) | Q(approved_on__isnull=True) | Q(closed_on__gte=F("approved_on")),
                violation_error_message="撤销日期不能早于批准成立日期。",
            ),
            models.UniqueConstraint(
                fields=["parent", "name"],
                name="organization_name_once_per_parent",
                violation_error_message="同一上级下面已有同名的组织，请换一个名称。",
            ),
            # What composite keys point at: an organization together with the district committee it stands under.
            models.UniqueConstraint(fields=["id", "district_committee"], name="organization_id_district"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def capability(self) -> Capability:
        return CAPABILITIES[self.kind]


class OrganizationChange(models.Model):
    """One event in the life of an organization. Nothing is deleted; the past is read from here."""

    class Event(models.TextChoices):
        CREATE = "create", "成立"
        RENAME = "rename", "更名"
        MOVE = "move", "调整隶属"
        MERGE = "merge", "合并"
        SPLIT = "split", "拆分"
        CLOSE = "close", "撤销"
        EDIT = "edit", "变更"

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="changes", verbose_name="党组织"
    )
    event = models.CharField("事项", max_length=10, choices=Event)
    on = models.DateField("生效日期")
    document = models.CharField("批复文号", max_length=60, blank=True)
    before = models.JSONField("变更前", default=dict)
    after = models.JSONField("变更后", default=dict)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="经办人"
    )
    entered_at = models.DateTimeField("录入时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "组织沿革"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.organization} {self.get_event_display()}"
