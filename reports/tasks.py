"""When numbers are computed: at night, after an import, and within seconds of a change in a guidance station."""

from collections.abc import Iterable

from celery import shared_task
from django.core.cache import cache

DEBOUNCE = 1  # seconds in which further changes of the same guidance station join the refresh already queued
MANY = 12  # touched guidance stations from which one full refresh is less work


@shared_task(name="reports.refresh_coverage", acks_late=True)
def refresh_coverage() -> None:
    from reports.services import coverage_refresh
    from reports.withheld import keep_ready

    coverage_refresh()
    keep_ready()


@shared_task(name="reports.refresh_guidance_stations", acks_late=True)
def refresh_guidance_stations(ids: list[int]) -> None:
    """Count again what these guidance stations touch. In place of one, a district committee or the city stands for
    what is directly under it. Changes that come while this runs queue the next refresh."""
    from orgs.models import Organization
    from reports.selectors import direct_holders, linked_holders
    from reports.services import coverage_refresh

    cache.delete_many([_mark(pk) for pk in ids])
    holders = linked_holders(ids)
    if len(holders) > MANY:
        coverage_refresh()
    elif holders:
        coverage_refresh(guidance_station=Organization.objects.filter(pk__in=holders | direct_holders(ids)))


@shared_task(name="reports.monthly", acks_late=True)
def monthly() -> None:
    """On the first of the month: close the one that is over, and queue its reports."""
    from reports.monthly_making import monthly_due

    monthly_due()


@shared_task(name="reports.printed_retention")
def printed_retention() -> None:
    from reports.printing import retention

    retention()


def _mark(pk: int) -> str:
    return f"reports:queued:{pk}"


def queue_refresh(ids: Iterable[int]) -> None:
    """Queue a refresh of these holders in a second, unless one is queued already. A lost task's mark lapses."""
    fresh = [pk for pk in sorted(set(ids)) if cache.add(_mark(pk), True, 30)]
    if len(fresh) > MANY:
        cache.delete_many([_mark(pk) for pk in fresh])
        queue_full_refresh()
    elif fresh:
        refresh_guidance_stations.apply_async(kwargs={"ids": fresh}, countdown=DEBOUNCE)


def queue_full_refresh() -> None:
    refresh_coverage.apply_async()


def hear_sealed(events: list) -> None:
    """Listener of the audit's sealer: the units that acts touched. Imports tell of themselves when they are applied."""
    from reports.selectors import holders_of

    acts = {
        tuple(event.units)
        for event in events
        if event.succeeded and event.units and not event.act.startswith("tables.")
    }
    touched = {holder for units in acts for holder in holders_of(units)}  # most acts touch the same few units
    if touched:
        queue_refresh(touched)


def hear_applied(target: str, units: list[int]) -> None:
    """Listener of applied imports: anything may have changed, and much of it."""
    queue_full_refresh()
