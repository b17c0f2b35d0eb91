"""Printed documents: what was put on paper for a unit, kept whole, so that a sheet can be shown to be genuine.

What a document says is one JSON object (`content`) with its SHA-256; every page, PDF and spreadsheet is rendered from
it alone. Documents and voidings are append-only for the application's role; only the stored files come and go.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from reports.querysets import PrintedQuerySet


class PrintedDocument(models.Model):
    """One edition of one document of one unit. A further edition of the same period takes this one's place."""

    class Kind(models.TextChoices):
        MONTHLY = "monthly", "月报"
        WEEKLY = "weekly", "一页纸"

    class Classification(models.TextChoices):
        INTERNAL = "internal", "内部"
        PUBLIC = "public", "公开"  # state secrets are never in this system, so there is no further label

    kind = models.CharField("种类", max_length=12, choices=Kind)
    organization = models.ForeignKey(
        "orgs.Organization", null=True, on_delete=models.PROTECT, related_name="printed", verbose_name="党组织"
    )
    division = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="printed", verbose_name="区划"
    )
    period = models.DateField("月份或周（首日）")
    edition = models.PositiveSmallIntegerField("版次")
    as_of = models.DateField("数据截至")
    closing = models.ForeignKey(  # empty: the month was not closed, and the paper says so
        "reports.MonthClosing", null=True, on_delete=models.PROTECT, related_name="printed", verbose_name="关账"
    )
    title = models.CharField("名称", max_length=120)
    number = models.CharField("编号", max_length=60, unique=True)
    code = models.CharField("核验码", max_length=32, unique=True)
    classification = models.CharField("标识", max_length=8, choices=Classification)
    content = models.JSONField("内容")
    digest = models.CharField("摘要", max_length=64)
    source = models.CharField("数据来源", max_length=120)  # the same source makes no further edition
    made_at = models.DateTimeField("生成时间")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="生成人"
    )

    objects = PrintedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "印发的报告"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="printeddocument_of_exactly_one_unit",
                condition=Q(organization__isnull=False, division__isnull=True)
                | Q(organization__isnull=True, division__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["kind", "organization", "division", "period", "edition"], nulls_distinct=False,
                name="printeddocument_edition_once",
            ),
            models.CheckConstraint(
                name="printeddocument_month_is_its_first_day", condition=~Q(kind="monthly") | Q(period__day=1)
            ),
            models.CheckConstraint(
                name="printeddocument_classification_is_known", condition=Q(classification__in=["internal", "public"])
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["kind", "-period", "-id"], name="printeddocument_newest")]

    def __str__(self) -> str:
        return f"{self.title} {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("reports:printed", args=[self.pk])

    @property
    def unit(self):
        return self.organization or self.division


class PrintedFile(models.Model):
    """A file that was made of a document: the bytes while they are kept, and for good the SHA-256 of them."""

    document = models.ForeignKey(
        PrintedDocument, on_delete=models.PROTECT, related_name="files", verbose_name="印发的报告"
    )
    format = models.CharField("格式", max_length=8)
    digest = models.CharField("文件摘要", max_length=64, db_index=True)
    size = models.PositiveIntegerField("字节")
    stored_as = models.CharField("存放位置", max_length=200, blank=True)
    made_at = models.DateTimeField("生成时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "报告的文件"
        constraints = [
            models.UniqueConstraint(
                fields=["document", "format"], condition=~Q(stored_as=""), name="printedfile_kept_once"
            ),
            models.CheckConstraint(name="printedfile_is_not_empty", condition=Q(size__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.format}"


class PrintedVoid(models.Model):
    """作废: the sheet does not hold any more. It stays to be read, with the reason."""

    document = models.OneToOneField(
        PrintedDocument, on_delete=models.PROTECT, related_name="void", verbose_name="印发的报告"
    )
    reason = models.CharField("作废原因", max_length=200)
    voided_at = models.DateTimeField("作废时间", default=timezone.now)
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="作废人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "报告作废"
        constraints = [models.CheckConstraint(name="printedvoid_has_a_reason", condition=~Q(reason=""))]

    def __str__(self) -> str:
        return str(self.document)
