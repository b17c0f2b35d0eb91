"""What the engine keeps between two refreshes, all of it made from other tables and made again when it is lost.

The tables are unlogged: after a crash they are empty, with `LastCount`, and the next refresh counts everything. They hold
plain numbers in place of foreign keys: rows come and go with a refresh, never with what they speak of.
"""

from django.db import models


class Touched(models.Model):
    """Something counted has changed: written by triggers in the transaction of the change (reports/touches.py)."""

    kind = models.CharField(max_length=20)
    ref = models.BigIntegerField()  # the row that changed, or what it belongs to
    # Where a row of the kinds that say it stood or stands.
    district_committee = models.BigIntegerField(null=True)
    guidance_station = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "待统计的变动"

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class Placed(models.Model):
    """The four ancestors, by the names that the SQL of this room uses."""

    dc = models.BigIntegerField(null=True)
    gs = models.BigIntegerField(null=True)
    district = models.BigIntegerField(null=True)
    street = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class ChangedBusiness(Placed):
    """A business's own row as it was (n = -1) or is (n = 1), for the counts that are made of nothing else."""

    n = models.SmallIntegerField()
    entity_type = models.CharField(max_length=24)
    scale = models.CharField(max_length=8)
    section = models.CharField(max_length=1)
    is_key = models.BooleanField()
    is_registered = models.BooleanField()
    is_operating = models.BooleanField()
    fixed_premises = models.BooleanField(null=True)
    above_size = models.BooleanField(null=True)
    employees = models.IntegerField(null=True)
    market_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "待统计的经营主体变动"

    def __str__(self) -> str:
        return f"{self.n} {self.entity_type}"


class Flags(models.Model):
    """What is known of a business, of which every count is made (reports/sql/facts.py)."""

    is_key = models.BooleanField()
    is_registered = models.BooleanField()
    is_operating = models.BooleanField()
    three_haves = models.BooleanField()
    above_size = models.BooleanField()
    own = models.BooleanField()
    joint = models.BooleanField()
    market = models.BooleanField()
    work = models.BooleanField()
    instructed = models.BooleanField()
    grouped = models.BooleanField()
    with_members = models.BooleanField()
    due = models.BooleanField()

    class Meta:
        abstract = True


class KnownBusiness(Placed, Flags):
    """A business of which more is known than its own row: who works there, who is linked to it (reports/sql/facts.py)."""

    id = models.BigIntegerField(primary_key=True)  # of the business
    market_id = models.BigIntegerField(null=True)
    entity_type = models.CharField(max_length=24)
    scale = models.CharField(max_length=8)
    section = models.CharField(max_length=1)
    full_members = models.BigIntegerField()

    class Meta:
        verbose_name = verbose_name_plural = "已知情况的经营主体"
        indexes = [
            models.Index(fields=["gs"], name="knownbusiness_gs"),
            models.Index(fields=["market_id"], name="knownbusiness_market"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class KnownPerson(Placed):
    """One way in which a current member belongs somewhere (reports/sql/persons.py). No name, no number."""

    source = models.BigIntegerField(primary_key=True)  # the affiliation, or minus the registration
    member = models.BigIntegerField()
    standing = models.CharField(max_length=20)
    occupation = models.CharField(max_length=20)
    on_roll = models.BooleanField()
    taken_in = models.BooleanField()
    verified = models.BooleanField()
    organization_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = "已知归属的党员"
        indexes = [
            models.Index(fields=["member"], name="knownperson_member"),
            models.Index(fields=["organization_id"], name="knownperson_organization"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class LastCount(models.Model):
    """One row: the day that the kept rows are of, and when all and when the touched ones were last counted."""

    as_of = models.DateField(primary_key=True)
    counted_at = models.DateTimeField()
    joined_at = models.DateTimeField()  # of the newest refresh, of all or of the touched

    class Meta:
        verbose_name = verbose_name_plural = "最近一次统计"

    def __str__(self) -> str:
        return f"{self.as_of}"
