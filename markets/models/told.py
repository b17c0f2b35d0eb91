"""What other systems say about a business: where they differ, what did not appear, who should take it over."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from markets.models.business import Business
from markets.querysets import BusinessDetailQuerySet, HandOverQuerySet
from markets.sources import ABSENT, LABELS, Source


class SourceDifference(models.Model):
    """系统间差异: what a source says in a column, where something else stands. Gone when they agree again."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="differences", verbose_name="经营主体"
    )
    column = models.CharField("列", max_length=30, choices=list(LABELS.items()))
    source = models.CharField("来源", max_length=20, choices=Source)
    value = models.TextField("该来源的取值")  # as the database writes it
    file_date = models.DateField("数据日期", null=True)  # unknown for what stood before and was written over
    kept_at = models.DateTimeField("确认保留现值", null=True)  # until the source says something else
    # Somebody took another value instead: while that stands, no file brings this one back (markets/imports/becomes.py).
    decided_against = models.BooleanField("已决定不采用", default=False, db_default=False)
    batch = models.ForeignKey(  # that told it last; looked for by an undo only, so without an index
        "tables.Batch", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False, verbose_name="批次"
    )

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "系统间差异"
        constraints = [
            models.UniqueConstraint(fields=["business", "column", "source"], name="sourcedifference_once_per_source"),
            models.CheckConstraint(
                name="sourcedifference_decided_is_kept",
                condition=Q(decided_against=False) | Q(kept_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_id} {self.column} {self.source}"

    @property
    def state_in_words(self) -> str:
        if self.decided_against:
            return "已决定不采用"
        return "已确认保留现值" if self.kept_at else "待处理"


class ReplacedDifference(models.Model):
    """A difference as it was before a batch told another in its place or took it away; put back when that is undone."""

    batch = models.ForeignKey("tables.Batch", on_delete=models.CASCADE, related_name="+", verbose_name="批次")
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="+", verbose_name="经营主体")
    column = models.CharField("列", max_length=30)
    source = models.CharField("来源", max_length=20)
    was = models.JSONField("原差异")  # the whole row
    stays = models.BooleanField("另有新的说法")  # another was told in its place

    class Meta:
        verbose_name = verbose_name_plural = "批次替换的差异"
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "business", "column", "source"], name="replaceddifference_once_per_batch"
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.business_id} {self.column} {self.source}"


class AbsentManager(models.Manager.from_queryset(BusinessDetailQuerySet)):  # type: ignore[misc]  # made at run time
    def get_queryset(self):
        return super().get_queryset().filter(appeared_in=None)


class Absence(models.Model):
    """本次未出现: a registered business in the scope of a full file that did not name it. Nothing closes by itself.

    What it is called depends on the source (markets/sources.py). One that a later file names is over, and comes back
    when that file is undone.
    """

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="absences", verbose_name="经营主体")
    batch = models.ForeignKey("tables.Batch", on_delete=models.CASCADE, related_name="+", verbose_name="批次")
    # Of its name is a row whose code nobody can read: that row may speak of it.
    has_namesake = models.BooleanField("同名行的代码读不出", default=False, db_default=False)
    appeared_in = models.ForeignKey(
        "tables.Batch", null=True, on_delete=models.CASCADE, related_name="+", db_index=False,
        verbose_name="再次出现的批次",
    )  # fmt: skip

    objects = AbsentManager()

    class Meta:
        verbose_name = verbose_name_plural = "本次未出现"
        constraints = [models.UniqueConstraint(fields=["batch", "business"], name="absence_once_per_batch")]

    def __str__(self) -> str:
        return f"{self.business_id} {self.batch_id}"

    @property
    def in_words(self) -> str:
        return ABSENT[Source(self.batch.source)][0]


class EventSighting(models.Model):
    """The latest day of which a system sent an event about a business: what a batch's Sighting is for files.

    A file or an event of an earlier day says nothing against it.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="event_sightings", verbose_name="经营主体"
    )
    source = models.CharField("来源", max_length=20, choices=Source)
    day = models.DateField("事项日期")
    told_at = models.DateTimeField(
        "收到时间", null=True
    )  # of what was said of that day last; unknown for what is older

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "事项所见"
        constraints = [models.UniqueConstraint(fields=["business", "source"], name="eventsighting_latest_per_source")]

    def __str__(self) -> str:
        return f"{self.business_id} {self.source} {self.day}"


class HandOver(models.Model):
    """划转: a business that stands elsewhere than it is registered here. The side that did not ask decides.

    `name` is what the asking side's file, or event, says: nothing of the other side's row is shown.
    """

    class State(models.TextChoices):
        ASKED = "asked", "待处理"
        ACCEPTED = "accepted", "已同意"
        REFUSED = "refused", "不同意"
        WITHDRAWN = "withdrawn", "已撤回"

    class AskedFrom(models.TextChoices):
        HOLDER = "holder", "请对方接收"
        RECEIVER = "receiver", "请对方划出"

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="hand_overs", verbose_name="经营主体")
    name = models.CharField("名称", max_length=200, blank=True)
    to = models.ForeignKey("orgs.Organization", on_delete=models.PROTECT, related_name="+", verbose_name="接收单位")
    to_district = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="+", verbose_name="划入区"
    )
    to_street = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="+", verbose_name="划入街道"
    )
    asked_from = models.CharField("发起方", max_length=10, choices=AskedFrom, default=AskedFrom.HOLDER)
    source = models.CharField("数据来源", max_length=20, choices=Source, default=Source.REGISTRATION)
    state = models.CharField("状态", max_length=10, choices=State, default=State.ASKED)
    batch = models.ForeignKey(
        "tables.Batch", null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="批次"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="发起人"
    )
    asked_by_system = models.CharField("发起系统", max_length=100, blank=True)  # by whose event, where no person asked
    asked_at = models.DateTimeField("发起时间", default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="处理人"
    )
    decided_at = models.DateTimeField("处理时间", null=True)
    reason = models.CharField("不同意的原因", max_length=200, blank=True)

    objects = HandOverQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "划转"
        constraints = [
            models.UniqueConstraint(fields=["business"], condition=Q(state="asked"), name="handover_one_open"),
            models.CheckConstraint(
                name="handover_asked_by_person_or_system",
                condition=Q(asked_by__isnull=False, asked_by_system="")
                | Q(asked_by__isnull=True) & ~Q(asked_by_system=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_id} → {self.to_id}"
