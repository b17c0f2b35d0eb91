"""The four ancestor columns, the composite keys by which the database keeps them true, and periods.

Every period is half-open: `starts_on` counts, `ends_on` does not any more; no `ends_on` means it goes on.
"""

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, migrations, models


def organization_key(verbose_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        "orgs.Organization",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=verbose_name,
    )


def division_key(verbose_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        "orgs.Division",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=verbose_name,
    )


class GuidancePlaced(models.Model):
    """Stands under a guidance station and its district committee (条). Indexes are each table's own business."""

    holds_persons: ClassVar[bool] = False  # a row is about a person: few of them are not told in numbers (orgs/life.py)

    district_committee = organization_key("区级党委")
    guidance_station = organization_key("指导站")

    class Meta:
        abstract = True


class Placed(GuidancePlaced):
    """Stands in both lines: guidance station and district committee (条), street and district (块)."""

    district = division_key("所在区")
    street = division_key("所在街道")

    class Meta:
        abstract = True


LATITUDES, LONGITUDES = (3, 54), (73, 136)  # China's land and sea in degrees, whole ones outwards


OUTSIDE_CHINA = "不在中国范围内：纬度应在 {} 到 {} 度之间，经度应在 {} 到 {} 度之间。请看看两项是不是填反了".format(
    *LATITUDES, *LONGITUDES
)


def outside_china(**degrees: Decimal | None) -> list[str]:
    """Which of latitude and longitude no place in China has."""
    bounds = {"latitude": LATITUDES, "longitude": LONGITUDES}
    return [
        name for name, value in degrees.items() if value is not None and not bounds[name][0] <= value <= bounds[name][1]
    ]


def position_problem(latitude: Decimal | None, longitude: Decimal | None) -> str:
    """What is wrong with a position in words that say what to do; empty when nothing is. Half of one is a place nowhere."""
    if (latitude is None) != (longitude is None):
        return "经度和纬度要么都填，要么都不填"
    if latitude is None or longitude is None:
        return ""
    return OUTSIDE_CHINA if outside_china(latitude=latitude, longitude=longitude) else ""


class Positioned(Placed):
    """Has a point on the map, in degrees of WGS-84; to six places, a tenth of a metre."""

    latitude = models.DecimalField("纬度（WGS-84）", max_digits=9, decimal_places=6, null=True, blank=True)
    longitude = models.DecimalField("经度（WGS-84）", max_digits=9, decimal_places=6, null=True, blank=True)

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if problem := position_problem(self.latitude, self.longitude):
            raise ValidationError(f"{problem}。")


def lower_needs_upper(table: str, lower: str, upper: str) -> models.CheckConstraint:
    """A composite key checks nothing while the upper column is null (MATCH SIMPLE), so null is forbidden there."""
    return models.CheckConstraint(
        name=f"{table}_{lower}_needs_{upper}",
        condition=models.Q(**{f"{lower}__isnull": True}) | models.Q(**{f"{upper}__isnull": False}),
    )


def placed_constraints(table: str, *, divisions: bool = True) -> list[models.CheckConstraint]:
    pairs = [("guidance_station", "district_committee")] + ([("street", "district")] if divisions else [])
    return [lower_needs_upper(table, lower, upper) for lower, upper in pairs]


def composite_keys(table: str, *, divisions: bool = True) -> list[migrations.RunSQL]:
    """The migration operations that add the composite keys to `table`.

    When a guidance station moves to another district committee, ON UPDATE CASCADE carries every row along; a row
    whose two columns contradict each other is refused.
    """
    keys = [("guidance_station_id", "district_committee_id", "orgs_organization", "district_committee_id")]
    if divisions:
        keys.append(("street_id", "district_id", "orgs_division", "parent_id"))
    operations = []
    for lower, upper, target, target_upper in keys:
        name = f"{table}_{lower.removesuffix('_id')}_in_{upper.removesuffix('_id')}"
        operations.append(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({lower}, {upper}) "
                f"REFERENCES {target} (id, {target_upper}) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
        )
    return operations


class DateRange(models.Func):
    function = "daterange"
    output_field = DateRangeField()


class NeverTwice(ExclusionConstraint):
    """Says in a form what it is about; to migrations it is Django's own."""

    def validate(self, model, instance, exclude=None, using=DEFAULT_DB_ALIAS) -> None:
        if instance.starts_on and instance.ends_on and instance.ends_on <= instance.starts_on:
            return  # `period_in_order` tells; PostgreSQL makes no range that ends before it starts
        try:
            super().validate(model, instance, exclude, using)
        except ValidationError as error:
            if self.violation_error_message != self.default_violation_error_message:
                raise
            raise ValidationError("这段时间里已有同样的一条。请改原来那条，或把起止期错开。", error.code) from error

    def deconstruct(self) -> tuple:
        _, args, kwargs = super().deconstruct()
        return f"{ExclusionConstraint.__module__}.{ExclusionConstraint.__name__}", args, kwargs


def never_twice(name: str, *fields: str, **more) -> ExclusionConstraint:
    """Two rows that agree in `fields` may not overlap in time."""
    return NeverTwice(
        name=name,
        expressions=[
            (DateRange("starts_on", "ends_on", RangeBoundary()), RangeOperators.OVERLAPS),
            *((field, RangeOperators.EQUAL) for field in fields),
        ],
        **more,
    )


def period_in_order(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name,
        condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gt=models.F("starts_on")),
        violation_error_message="止期必须晚于起期（止期当天不再计入）。",
    )
