from django.db import models
from django.db.models import Q

from orgs.querysets import DivisionQuerySet


class Division(models.Model):
    """A place in the locality line (块): city, district, street or town, community.

    `code` is the product's own key: 大鹏新区 and 深汕特别合作区 have no GB/T 2260 code, and the two national lists
    number the streets of four districts differently, so neither list can be the key.
    """

    class Level(models.IntegerChoices):
        CITY = 1, "市"
        DISTRICT = 2, "区"
        STREET = 3, "街道"
        COMMUNITY = 4, "社区"

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children", verbose_name="上级"
    )
    level = models.PositiveSmallIntegerField("层级", choices=Level)
    code = models.CharField("代码", max_length=20, unique=True)
    name = models.CharField("名称", max_length=60)
    type = models.CharField("类型", max_length=20, blank=True)  # 行政区, 功能区, 街道, 镇, 统计功能区
    gb2260 = models.CharField("国标代码", max_length=6, blank=True)
    mca_code = models.CharField("民政代码", max_length=12, blank=True)
    is_statistical = models.BooleanField("统计功能区", default=False)  # not a street: no guidance station of its own
    sort = models.PositiveSmallIntegerField("顺序", default=0)

    objects = DivisionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "区划"
        ordering = ["level", "sort", "code"]
        constraints = [
            models.CheckConstraint(
                name="division_only_city_has_no_parent",
                condition=Q(level=1, parent__isnull=True) | (Q(parent__isnull=False) & ~Q(level=1)),
                violation_error_message="只有市没有上级区划。",
            ),
            models.UniqueConstraint(fields=["parent", "name"], name="division_name_once_per_parent"),
            # What composite keys of other tables point at: a street together with its district.
            models.UniqueConstraint(fields=["id", "parent"], name="division_id_parent"),
        ]

    def __str__(self) -> str:
        return self.name
