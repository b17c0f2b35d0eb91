"""Between the two faces: what the public one puts in, and what it may read back."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Submission(models.Model):
    """收件: what somebody without an account sent, sealed to the staff side (accounts/sealed_box.py).

    The public role may only insert. Taken once, in the order it came; then the box is emptied, and the row stays a while so
    that the same submission is known when it comes again.
    """

    class Outcome(models.TextChoices):
        TAKEN = "taken", "已办理"
        REFUSED = "refused", "未办理"  # by the same rule that a page would have told
        BROKEN = "broken", "打不开"  # its box stays: manage.py take_inbox --again

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField("事项", max_length=20)
    box = models.BinaryField("封装的内容", null=True, editable=False)
    received_at = models.DateTimeField("收到时间", default=timezone.now)
    taken_at = models.DateTimeField("取件时间", null=True, editable=False)
    outcome = models.CharField("结果", max_length=8, choices=Outcome, blank=True, db_default="", default="")
    # The last file in which it came, where files are carried (members/ferry): known while the public side may still have it.
    ferried_in = models.PositiveIntegerField("随第几号文件到达", null=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "收件"
        indexes = [
            models.Index(fields=["received_at"], condition=Q(taken_at__isnull=True), name="submission_waiting"),
        ]
        constraints = [
            models.CheckConstraint(
                name="submission_waits_with_its_box_or_has_an_outcome",
                condition=Q(taken_at__isnull=True, outcome="", box__isnull=False)
                | (Q(taken_at__isnull=False) & ~Q(outcome="")),
                violation_error_message="没有取的收件要有内容，取了的要写明结果。",
            ),
        ]

    def __str__(self) -> str:
        return f"收件 {self.id}"


class Answer(models.Model):
    """答复: what the holder of a receipt, or of a printed report, may see, sealed to its code (members/sealing.py).

    The public role cannot read this table; a function gives it the one row of a code it knows.
    """

    what = models.CharField("用途", max_length=8, db_default="answer", default="answer", editable=False)
    code_index = models.BinaryField(max_length=32, unique=True, editable=False)
    sealed = models.BinaryField("封装的内容", editable=False)
    written_at = models.DateTimeField("写入时间", default=timezone.now)
    ferried_in = models.PositiveIntegerField(
        "随第几号文件送出", null=True, editable=False
    )  # this writing; None: none yet

    class Meta:
        verbose_name = verbose_name_plural = "答复"

    def __str__(self) -> str:
        return f"答复 {self.pk}"
