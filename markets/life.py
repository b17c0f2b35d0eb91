"""How businesses take part in the life of organizations. Registered with orgs/life.py in MarketsConfig.ready()."""

from django.db import connection
from django.utils import timezone

from orgs import life
from orgs.kinds import Level


def places_are_kept(merge: life.Merge) -> None:
    """Where businesses stood before their guidance station went into another: a move by merger is a change as any.

    The move of a whole guidance station to another district writes none: the history of organizations tells it.
    """
    if merge.source.level != Level.GUIDANCE_STATION:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO markets_businessversion (business_id, valid_from, valid_to, values) "
            "SELECT b.id, COALESCE((SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = b.id), "
            "b.entered_at), %s, jsonb_build_object('guidance_station_id', b.guidance_station_id) "
            "|| CASE WHEN b.district_committee_id = %s THEN '{}' "
            "ELSE jsonb_build_object('district_committee_id', b.district_committee_id) END "
            "FROM markets_business b WHERE b.guidance_station_id = %s",
            [timezone.now(), merge.target.district_committee_id, merge.source.pk],
        )


def register() -> None:
    life.on_merge(places_are_kept)
