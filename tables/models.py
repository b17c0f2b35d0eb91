"""Batches of rows that came in by file, what was wrong with them, and what they replaced."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.crypto import EncryptedTextField


class Batch(models.Model):
    """One file brought in by one person: read, checked, shown, then applied or left."""

    class State(models.TextChoices):
        READING = "reading", "读取中"
        UNMAPPED = "unmapped", "待对应列"
        CHECKED = "checked", "待确认"
        APPLYING = "applying", "写入中"
        APPLIED = "applied", "已写入"
        REFUSED = "refused", "无法读取"
        CANCELLED = "cancelled", "已放弃"
        UNDOING = "undoing", "撤销中"
        UNDONE = "undone", "已撤销"

    WRITTEN = (State.APPLIED, State.UNDOING)  # what it wrote stands, though it may be about to go

    target = models.CharField("目标表", max_length=40)
    source = models.CharField("数据来源", max_length=20, default="registration")  # whose file: the target names them
    file_date = models.DateField("数据日期", default=timezone.localdate)  # the day on which the source wrote the file
    is_full = models.BooleanField("全量文件", default=False)  # what it does not name did not appear this time
    all_or_nothing = models.BooleanField("全部无误才写入", default=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches", verbose_name="导入人"
    )
    job = models.ForeignKey(
        "jobs.Job", null=True, on_delete=models.PROTECT, related_name="batches", verbose_name="任务"
    )
    file_name = models.CharField("文件名", max_length=200)
    stored_as = models.CharField("存放位置", max_length=200, blank=True)
    digest = models.CharField("文件摘要", max_length=64, blank=True)
    state = models.CharField("状态", max_length=12, choices=State, default=State.READING)
    counts = models.JSONField("计数", default=dict)  # rows, new, changed, unchanged, wrong, duplicate, out_of_scope, …
    unused_columns = models.JSONField("没有用到的列", default=list)  # a misspelt heading loses its whole column
    parts = models.JSONField("文件与工作表", default=list)  # [[offset of its rows, "file · sheet"], …]
    plan_digest = models.CharField("计划摘要", max_length=64, blank=True)  # of the plan that was shown
    plan = models.JSONField("计划", default=dict)  # what the page shows beside counts: columns, samples, fixes applied
    headers = EncryptedTextField("表头", null=True)  # JSON (tables/mapping.py): what is no header may be somebody's row
    mapping = models.JSONField("改过的列对应", default=dict)  # what somebody said of the headers (tables/mapping.py)
    problem = models.TextField("无法读取的原因", blank=True)
    created_at = models.DateTimeField("上传时间", default=timezone.now)
    applied_at = models.DateTimeField("写入时间", null=True)  # the one now() that every row it wrote carries
    undone_at = models.DateTimeField("撤销时间", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "导入批次"
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "-id"], name="batch_owner_newest")]

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("tables:batch", args=[self.pk])


class RowError(models.Model):
    """Why one cell of one row could not be taken. `row` is the file's own number; the header is row 1."""

    class Kind(models.TextChoices):
        WRONG = "wrong", "有误"
        DUPLICATE = "duplicate", "重复"
        OUT_OF_SCOPE = "out_of_scope", "不在权限范围"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="errors", verbose_name="批次")
    row = models.PositiveIntegerField("行")
    kind = models.CharField("类别", max_length=12, choices=Kind)
    column = models.CharField("列", max_length=60, blank=True)
    value = models.TextField("原值", blank=True)
    reason = models.CharField("原因", max_length=200)
    suggestion = models.TextField("建议值", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "错误行"
        ordering = ["row", "id"]
        indexes = [models.Index(fields=["batch", "row"], name="rowerror_batch_row")]

    def __str__(self) -> str:
        return f"第{self.row}行 {self.column}：{self.reason}"


class RowFix(models.Model):
    """A cell that was mended in the preview, or (without a column) a row that was left out. The file stays as it is."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="fixes", verbose_name="批次")
    row = models.PositiveIntegerField("行")
    column = models.CharField("列", max_length=60, blank=True)
    value = EncryptedTextField("改为", null=True)  # any cell may be a person's; blank is stored as nothing

    class Meta:
        verbose_name = verbose_name_plural = "预览中的修改"
        constraints = [models.UniqueConstraint(fields=["batch", "row", "column"], name="rowfix_once_per_cell")]

    def __str__(self) -> str:
        return f"第{self.row}行 {self.column or '不导入'}"


class RowRepair(models.Model):
    """A cell that was damaged on its way through a spreadsheet and read as what it must have been: shown, counted.

    Of a personal column neither value is kept.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="repairs", verbose_name="批次")
    row = models.PositiveIntegerField("行")
    column = models.CharField("列", max_length=60)
    before = models.TextField("原值", blank=True)
    after = models.TextField("读作", blank=True)
    rule = models.CharField("规则", max_length=60)

    class Meta:
        verbose_name = verbose_name_plural = "自动修复"
        ordering = ["row", "id"]
        constraints = [models.UniqueConstraint(fields=["batch", "row", "column"], name="rowrepair_once_per_cell")]

    def __str__(self) -> str:
        return f"第{self.row}行 {self.column}：{self.rule}"


class ColumnMapping(models.Model):
    """Which column of a file is which of ours, as somebody confirmed it for files of this source with this header."""

    target = models.CharField("目标表", max_length=40)
    source = models.CharField("数据来源", max_length=20)
    header_digest = models.CharField("表头摘要", max_length=64)
    mapping = models.JSONField("列对应", default=dict)  # {key of our column: place in the file's row}
    changed_at = models.DateTimeField("确认时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "列对应"
        constraints = [
            models.UniqueConstraint(fields=["target", "source", "header_digest"], name="columnmapping_once_per_header")
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.source}"


class BatchRange(models.Model):
    """Records that a batch made: every id from first to last, and no other's."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="ranges", verbose_name="批次")
    first = models.BigIntegerField("从")
    last = models.BigIntegerField("到")

    class Meta:
        verbose_name = verbose_name_plural = "批次新增"
        constraints = [
            models.UniqueConstraint(fields=["batch", "first"], name="batchrange_once"),
            models.CheckConstraint(name="batchrange_not_empty", condition=Q(first__lte=F("last"))),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.first}–{self.last}"


class BatchChange(models.Model):
    """What one record was before a batch changed it: the columns that it replaced, `changed_at` among them."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="changes", verbose_name="批次")
    record_id = models.BigIntegerField("记录")
    before = models.JSONField("原值")

    class Meta:
        verbose_name = verbose_name_plural = "批次变更"
        constraints = [models.UniqueConstraint(fields=["batch", "record_id"], name="batchchange_once_per_record")]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.record_id}"


class BatchConflict(models.Model):
    """A record that could not be taken back with its batch, and why; it stays as it is."""

    class Kind(models.TextChoices):
        EDITED = "edited", "写入后又有人修改过"
        LATER = "later", "之后的批次又写过"
        CONFIRMED = "confirmed", "之后的文件或事项也这样说"
        REFERRED = "referred", "已有其他记录用到它"
        TAKEN = "taken", "原来的号码已由其他记录使用"
        GONE = "gone", "原来所属的单位或市场已有变动"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="conflicts", verbose_name="批次")
    record_id = models.BigIntegerField("记录")
    kind = models.CharField("原因", max_length=12, choices=Kind)

    class Meta:
        verbose_name = verbose_name_plural = "未能撤销的记录"
        ordering = ["record_id"]
        constraints = [models.UniqueConstraint(fields=["batch", "record_id"], name="batchconflict_once_per_record")]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.record_id}"


class Sighting(models.Model):
    """Which records a batch's file spoke of, changed or not: bit n of the bitmap is the record with id n."""

    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, related_name="sighting", verbose_name="批次")
    ids = models.BinaryField("记录")

    class Meta:
        verbose_name = verbose_name_plural = "出现过的记录"

    def __str__(self) -> str:
        return str(self.batch_id)


class ColumnSighting(models.Model):
    """In which of those records the file's cell of one column was not blank, as a bitmap like that of Sighting.

    Only of records that an earlier batch had changed and could still take back: nobody else asks (tables/said_again.py).
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="column_sightings", verbose_name="批次")
    column = models.CharField("列", max_length=60)
    ids = models.BinaryField("记录")

    class Meta:
        verbose_name = verbose_name_plural = "说到的列"
        constraints = [models.UniqueConstraint(fields=["batch", "column"], name="columnsighting_once_per_column")]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.column}"


class SavedView(models.Model):
    """A list's filters, columns and order under a name; shared with a unit (its id as a plain number) or private."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views", verbose_name="所有者"
    )
    table = models.CharField("列表", max_length=40)
    name = models.CharField("名称", max_length=60)
    query = models.TextField("条件")
    unit = models.BigIntegerField("共享单位", null=True, blank=True)
    is_default = models.BooleanField("打开列表时使用", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "保存的视图"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "table", "name"], name="savedview_name_once"),
            models.UniqueConstraint(
                fields=["owner", "table"], condition=Q(is_default=True), name="savedview_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Export(models.Model):
    """One list taken out of the system: who, what for, which columns, how many rows."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exports", verbose_name="导出人"
    )
    table = models.CharField("列表", max_length=40)
    purpose = models.CharField("用途", max_length=200, blank=True)
    columns = models.JSONField("列", default=list)
    query = models.TextField("条件", blank=True)
    format = models.CharField("格式", max_length=8)
    rows = models.PositiveIntegerField("行数", default=0)
    job = models.ForeignKey(  # of a list too long to wait for
        "jobs.Job", null=True, on_delete=models.PROTECT, related_name="exports", verbose_name="任务"
    )
    stored_as = models.CharField("存放位置", max_length=200, blank=True)
    created_at = models.DateTimeField("导出时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "导出"
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "-id"], name="export_owner_newest")]

    def __str__(self) -> str:
        return f"{self.table} {self.created_at:%Y-%m-%d %H:%M}"


class ExportApproval(models.Model):
    """A second person's word on an export above the row limit; never that of the one who asked."""

    export = models.OneToOneField(Export, on_delete=models.CASCADE, related_name="approval", verbose_name="导出")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="申请人"
    )
    counted = models.PositiveIntegerField("申请时的行数")
    expires_at = models.DateTimeField("期限")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="批准人"
    )
    decided_at = models.DateTimeField("办理时间", null=True)
    granted = models.BooleanField("批准", null=True)
    reason = models.CharField("不批准的原因", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "导出审批"
        constraints = [
            models.CheckConstraint(
                name="exportapproval_by_another_person",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                violation_error_message="不能批准自己的导出。",
            ),
            models.CheckConstraint(
                name="exportapproval_decided_whole",
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, granted__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False, granted__isnull=False),
                violation_error_message="办理人、时间和结果必须一并写下。",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="exportapproval_waiting", condition=Q(granted__isnull=True)),
        ]

    def __str__(self) -> str:
        return str(self.export)


class IdempotencyKey(models.Model):
    """A request that was already answered: the same key with the same body gets the same answer.

    `scope` keeps the keys of callers apart that are no users ("intake:7"). The answer is the text that was sent, so that
    it can be sent again byte by byte. A row is written in the transaction of the work itself (tables/idempotency.py).
    """

    key = models.CharField("幂等键", max_length=100)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", verbose_name="调用方"
    )
    scope = models.CharField("范围", max_length=40, blank=True)
    body_digest = models.CharField("请求摘要", max_length=64)
    answer = models.TextField("应答")
    status = models.PositiveSmallIntegerField("状态码")
    created_at = models.DateTimeField("时间", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "幂等键"
        constraints = [
            models.UniqueConstraint(fields=["owner", "scope", "key"], name="idempotencykey_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.key
