"""The day's businesses in groups of the same place, type, scale and industry: what breakdowns are read from.

Narrow rows of plain numbers, written by the statements that count (reports/sql/businesses.py). What changes during a day is
added to them, less what it was: a group may have several rows, and what it counts is their sum.
"""

from django.db import models

from reports.models.kept import Flags, Placed


class Grouped(Placed):
    as_of = models.DateField("截至")
    entity_type = models.CharField(max_length=24)
    scale = models.CharField(max_length=8)
    section = models.CharField(max_length=1)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.as_of} {self.entity_type} {self.scale} {self.section}"


class OwnCount(Grouped):
    """How many businesses of a group there are by what their own rows say."""

    registered = models.IntegerField()
    operating = models.IntegerField()
    fixed_premises_filled = models.IntegerField()
    three_haves = models.IntegerField()
    above_size_filled = models.IntegerField()
    above_size = models.IntegerField()
    key_businesses = models.IntegerField()

    NUMBERS = (
        "registered", "operating", "fixed_premises_filled", "three_haves", "above_size_filled", "above_size",
        "key_businesses",
    )  # fmt: skip

    class Meta:
        verbose_name = verbose_name_plural = "分组统计"
        indexes = [models.Index(fields=["as_of"], name="owncount_day")]  # a day is read whole faster than kept sorted


class KnownCount(Grouped, Flags):
    """How many (`n`) businesses of a group are covered alike: the same flags, of which every count is made."""

    n = models.IntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "分组覆盖统计"
        indexes = [models.Index(fields=["as_of"], name="knowncount_day")]  # a day is read whole faster than kept sorted
