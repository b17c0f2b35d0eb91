"""Who reads in the measurements: one person for each kind of scope, from the demo's accounts."""

from django.db.models import Count

from accounts.models import User
from markets.models import Business
from orgs.kinds import Level
from orgs.models import Division, Organization, Posting

CITY = "city"


def readers() -> dict[str, User]:
    """City, a big and a small district, a big, a middle and a small guidance station, a street of the other line."""
    found = {CITY: User.objects.get(username="city_leader")}
    for level, column, name, role in (
        (Level.DISTRICT, "district_committee", "district", "leader"),
        (Level.GUIDANCE_STATION, "guidance_station", "guidance_station", "officer"),
    ):
        units = _by_size(column)
        for size, at in (("biggest", 0), ("middle", len(units) // 2), ("smallest", len(units) - 1)):
            unit = Organization.objects.get(pk=units[at], level=level)
            found[f"{name}_{size}"] = _reader(f"bench-{unit.code}", organization=unit, role=role)
    street = Division.objects.get(pk=_by_size("street")[0])
    found["street_biggest"] = _reader(f"bench-{street.code}", division=street, role="leader")
    return found


def _by_size(column: str) -> list[int]:
    """Ids of the units that have businesses, the biggest first."""
    sized = Business.objects.filter(**{f"{column}__isnull": False}).values(column).annotate(number=Count("pk"))
    return [row[column] for row in sized.order_by("-number")]


def _reader(username: str, *, role: str, **unit) -> User:
    user, made = User.objects.get_or_create(username=username, defaults={"password": "!"})
    if made:
        Posting.objects.create(user=user, role=role, **unit)
    return user
