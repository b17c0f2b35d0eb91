from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.member import Member
from members.querysets import AssignmentQuerySet, InstructorQuerySet, PledgeQuerySet, SeatQuerySet
from orgs.fields import never_twice, period_in_order


class Instructor(models.Model):
    """党建工作指导员 or 联络员: works from a guidance station (or a body above it) with businesses and markets."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="instructors", verbose_name="所属单位"
    )
    name = models.CharField("姓名", max_length=60)
    background = models.CharField("来源", max_length=60, blank=True)  # 机关选派, 退休干部, 监管所干部 …
    ends_on = models.DateField("不再担任的日期", null=True, blank=True)

    objects = InstructorQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "指导员"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class InstructorAssignment(models.Model):
    """An instructor or liaison is assigned to one business or one market. To a business it gives work coverage."""

    class Role(models.TextChoices):
        INSTRUCTOR = "instructor", "指导员"
        LIAISON = "liaison", "联络员"

    instructor = models.ForeignKey(
        Instructor, on_delete=models.PROTECT, related_name="assignments", verbose_name="指导员"
    )
    business = models.ForeignKey(
        "markets.Business",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="instructor_assignments",
        verbose_name="经营主体",
    )
    market = models.ForeignKey(
        "markets.Market",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="instructor_assignments",
        verbose_name="市场",
    )
    role = models.CharField("身份", max_length=12, choices=Role, default=Role.INSTRUCTOR)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "指导员派驻"
        constraints = [
            period_in_order("instructorassignment_period_in_order"),
            models.CheckConstraint(
                name="instructorassignment_to_exactly_one",
                condition=Q(business__isnull=False, market__isnull=True)
                | Q(business__isnull=True, market__isnull=False),
                violation_error_message="派驻到经营主体或市场，二选一。",
            ),
            # Two of them: NULL equals nothing, so one over both columns would bind neither.
            never_twice("instructorassignment_never_twice", "instructor", "business"),
            never_twice("instructorassignment_market_never_twice", "instructor", "market"),
        ]

    def __str__(self) -> str:
        return f"{self.instructor} → {self.business or self.market}"


class Seat(models.Model):
    """A post in an organization's committee: 书记, 委员 …"""

    class Post(models.TextChoices):
        SECRETARY = "secretary", "书记"
        DEPUTY = "deputy", "副书记"
        ORGANIZATION = "organization", "组织委员"
        PUBLICITY = "publicity", "宣传委员"
        DISCIPLINE = "discipline", "纪检委员"
        MEMBER = "member", "委员"

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="seats", verbose_name="党组织"
    )
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="seats", verbose_name="党员")
    post = models.CharField("职务", max_length=12, choices=Post)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "班子成员"
        constraints = [
            period_in_order("seat_period_in_order"),
            never_twice("seat_never_twice", "organization", "member", "post"),
            never_twice("seat_one_secretary", "organization", condition=Q(post="secretary")),
        ]

    def __str__(self) -> str:
        return f"{self.organization} {self.get_post_display()}"


class Pledge(models.Model):
    """三亮 (亮身份、亮职责、亮承诺): the words of one plaque, as the member agreed to show them in public (PIPL Art. 25).

    Never changed: other words are another pledge with another consent. Name, standing and the organization's name are those
    that were agreed to; where they stand otherwise by now the pledge ends (PledgeQuerySet.groundless).
    """

    AGREED = ("name", "standing", "organization_name", "duty", "promise", "place", "number")
    IDENTITY: ClassVar[dict[str, str]] = {
        Member.Standing.FULL: "中共党员", Member.Standing.PROBATIONARY: "中共预备党员",
    }  # fmt: skip

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="pledges", verbose_name="党员")
    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="pledges", verbose_name="党组织"
    )
    name = models.CharField("牌上的姓名", max_length=60)
    standing = models.CharField("亮身份", max_length=12, choices=Member.Standing)
    organization_name = models.CharField("牌上的党组织", max_length=100)
    duty = models.CharField("亮职责", max_length=100)
    promise = models.CharField("亮承诺", max_length=200)
    place = models.CharField("挂牌地点", max_length=200, blank=True)
    number = models.CharField("牌号", max_length=20, blank=True)
    consented_at = models.DateTimeField("本人同意公开的时间")
    withdrawn_at = models.DateTimeField("撤下时间", null=True, blank=True)
    taken_off_on = models.DateField("确认取下的日期", null=True, blank=True)

    objects = PledgeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "三亮"
        constraints = [
            models.UniqueConstraint(fields=["member"], condition=Q(withdrawn_at__isnull=True), name="pledge_one_live"),
            models.UniqueConstraint(
                fields=["number"],
                condition=~Q(number="") & Q(taken_off_on__isnull=True),
                name="pledge_number_hangs_once",
            ),
            models.CheckConstraint(
                name="pledge_taken_off_once_withdrawn",
                condition=Q(taken_off_on__isnull=True) | Q(withdrawn_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"三亮 {self.pk}"

    @property
    def identity(self) -> str:
        """亮身份, in the words of the plaque."""
        return self.IDENTITY[self.standing]
