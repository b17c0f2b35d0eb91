"""What happens to places when guidance stations merge. Registered with orgs/life.py in StationsConfig.ready()."""

from orgs import life
from stations.models import ServicePoint


def second_counter_closes(merge: life.Merge) -> None:
    """A guidance station has one counter: the one of the station that goes is closed where the other has its own."""
    counters = ServicePoint.objects.filter(kind=ServicePoint.Kind.COUNTER, closed_on__isnull=True)
    if counters.filter(guidance_station=merge.target).exists():
        counters.filter(guidance_station=merge.source).update(closed_on=merge.on)


def register() -> None:
    life.on_merge(second_counter_closes)
