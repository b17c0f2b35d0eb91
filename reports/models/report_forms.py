"""一次填报: forms of upper bodies, what their cells are bound to, and each month's filled form with its sources."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from reports.querysets import OfFormQuerySet, UnitQuerySet
from tables.workbooks import address


class ReportForm(models.Model):
    """A form that an upper body asks for every month, as it was uploaded: its bytes are kept sealed and filled as they
    are. It belongs to the unit that hands it in."""

    organization = models.ForeignKey(
        "orgs.Organization", null=True, on_delete=models.PROTECT, related_name="report_forms", verbose_name="党组织"
    )
    division = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="report_forms", verbose_name="区划"
    )
    title = models.CharField("报表名称", max_length=100)
    asked_by = models.CharField("来文单位", max_length=100, blank=True)
    file_name = models.CharField("文件名", max_length=200)
    stored_as = models.CharField("存放位置", max_length=200)
    digest = models.CharField("文件摘要", max_length=64)
    size = models.PositiveIntegerField("字节")
    sheets = models.JSONField("工作表", default=list)  # [{name, hidden, protected}]
    with_sources = models.BooleanField("附上数据来源表", default=True)
    is_active = models.BooleanField("每月自动填报", default=True)
    uploaded_at = models.DateTimeField("上传时间", default=timezone.now)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="上传人"
    )

    objects = UnitQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "报表模板"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="reportform_of_exactly_one_unit",
                condition=Q(organization__isnull=False, division__isnull=True)
                | Q(organization__isnull=True, division__isnull=False),
                violation_error_message="报表属于一个党组织或一个区划，二选一。",
            ),
            models.CheckConstraint(
                name="reportform_has_title_and_file", condition=~Q(title="") & Q(size__gt=0),
                violation_error_message="请填报表名称，并选择文件。",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("reports:report_form", args=[self.pk])

    @property
    def unit(self):
        return self.organization or self.division


class FormBinding(models.Model):
    """What stands in one cell of a form, every month anew. `metric`: a key of the registry, `code[@denominator][#range]`.
    Without a unit of its own it speaks of the form's unit."""

    class What(models.TextChoices):
        VALUE = "value", "数值"
        PERCENT = "percent", "百分数"
        NUMERATOR = "numerator", "分子"
        DENOMINATOR = "denominator", "分母"
        UNIT_NAME = "unit_name", "单位名称"
        PERIOD = "period", "填报月份"
        FILLED_ON = "filled_on", "填报日期"
        TEXT = "text", "固定文字"

    NUMBERS = (What.VALUE, What.PERCENT, What.NUMERATOR, What.DENOMINATOR)

    form = models.ForeignKey(ReportForm, on_delete=models.PROTECT, related_name="bindings", verbose_name="报表模板")
    sheet = models.CharField("工作表", max_length=31)
    row = models.PositiveIntegerField("行")
    column = models.PositiveIntegerField("列")
    what = models.CharField("填什么", max_length=12, choices=What)
    metric = models.CharField("指标", max_length=80, blank=True)
    organization = models.ForeignKey(
        "orgs.Organization", null=True, on_delete=models.PROTECT, related_name="+", verbose_name="党组织"
    )
    division = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="+", verbose_name="区划"
    )
    text = models.CharField("固定文字", max_length=200, blank=True)
    bound_at = models.DateTimeField("绑定时间", default=timezone.now)
    bound_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="绑定人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "格子的绑定"
        ordering = ["form", "sheet", "row", "column"]
        constraints = [
            models.UniqueConstraint(
                fields=["form", "sheet", "row", "column"], name="formbinding_cell_once",
                violation_error_message="这一格已经绑定了，请修改原来的绑定。",
            ),
            models.CheckConstraint(
                name="formbinding_of_at_most_one_unit", condition=Q(organization=None) | Q(division=None),
                violation_error_message="一格只填一个单位的数，请在党组织和区划里选一个。",
            ),
            models.CheckConstraint(
                name="formbinding_number_has_metric",
                condition=Q(what__in=["value", "percent", "numerator", "denominator"]) & ~Q(metric="")
                | ~Q(what__in=["value", "percent", "numerator", "denominator"]) & Q(metric=""),
                violation_error_message="填数的格子要选指标，其他的不选。",
            ),
            models.CheckConstraint(
                name="formbinding_text_has_words", condition=Q(what="text") & ~Q(text="") | ~Q(what="text") & Q(text=""),
                violation_error_message="请写要填的文字。",
            ),
            models.CheckConstraint(
                name="formbinding_cell_is_in_a_sheet", condition=Q(row__gte=1, column__gte=1),
                violation_error_message="没有这一格。",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sheet}!{self.address}"

    @property
    def address(self) -> str:
        return address((self.row, self.column))

    @property
    def unit(self):
        return self.organization or self.division or self.form.unit


class FilledForm(models.Model):
    """One edition of a form for one closed month: the file that was made, and where each number in it comes from.

    Append-only for the application's role. The same closing, form and bindings make no further edition.
    """

    form = models.ForeignKey(ReportForm, on_delete=models.PROTECT, related_name="filled", verbose_name="报表模板")
    month = models.DateField("月份（1日）")
    edition = models.PositiveSmallIntegerField("版次")
    closing = models.ForeignKey(
        "reports.MonthClosing", on_delete=models.PROTECT, related_name="filled_forms", verbose_name="关账"
    )
    stored_as = models.CharField("存放位置", max_length=200)
    digest = models.CharField("文件摘要", max_length=64)
    size = models.PositiveIntegerField("字节")
    basis = models.CharField("依据摘要", max_length=64)  # of closing, form and bindings
    sources = models.JSONField("数据来源", default=list)
    problems = models.JSONField("没有填上的", default=list)
    filled_at = models.DateTimeField("填报时间", default=timezone.now)
    filled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="填报人"
    )

    objects = OfFormQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "填好的报表"
        ordering = ["-month", "-edition", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["form", "month", "edition"], name="filledform_edition_once",
                violation_error_message="这个月的这一版已经有了。",
            ),
            models.CheckConstraint(
                name="filledform_month_is_its_first_day", condition=Q(month__day=1),
                violation_error_message="月份写成当月 1 日。",
            ),
            models.CheckConstraint(
                name="filledform_is_not_empty", condition=Q(size__gt=0), violation_error_message="文件是空的。"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.form} {self.month:%Y-%m} 第{self.edition}版"

    def get_absolute_url(self) -> str:
        return reverse("reports:filled_form", args=[self.pk])
