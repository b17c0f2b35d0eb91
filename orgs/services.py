"""The writes of the guidance line. One place builds paths and ancestors, under one lock."""

from django.db import connection, transaction

from accounts import audit
from orgs.kinds import Kind, Level
from orgs.models import Organization, OrganizationChange

TREE_LOCK = 7_801  # pg_advisory_xact_lock: paths are handed out one writer at a time
LABEL = 4  # characters a level takes in a path
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class TreeError(ValueError):
    """What was asked for cannot stand in the tree; the message is for the person who asked."""


def lock_tree() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])


def path_label(number: int) -> str:
    """The number in base 36 with leading zeros: 36⁴ = 1,679,616 children a parent."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text.rjust(LABEL, "0")


def _next_path(parent: Organization | None) -> str:
    prefix = parent.path if parent else ""
    last = (
        Organization.objects.filter(parent=parent, path__startswith=prefix)
        .order_by("-path")
        .values_list("path")
        .first()
    )
    return prefix + path_label(int(last[0][-LABEL:], 36) + 1 if last else 1)


def _next_pk() -> int:
    """The key is fetched first because a district committee and a guidance station name themselves as ancestors."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('orgs_organization', 'id'))")
        return cursor.fetchone()[0]


def check_place(level: int, parent: Organization | None) -> None:
    """Raises TreeError where an organization of this level cannot hang under this parent."""
    if level == Level.CITY:
        if parent is not None:
            raise TreeError("市级党委没有上级，请不要选择上级。")
        return
    if parent is None:
        raise TreeError("请选择上级党组织。")
    if level == Level.DISTRICT and parent.level != Level.CITY:
        raise TreeError("区级党委的上级必须是市级党委。")
    if level == Level.GUIDANCE_STATION and parent.level != Level.DISTRICT:
        raise TreeError("指导站的上级必须是区级党委。")


@transaction.atomic
def organization_create(*, by, parent: Organization | None, level: int, kind: str = "", document: str = "", **fields):
    """Add an organization under `parent`, with its path, its ancestors and its first line of history.

    `fields` are the plain columns of Organization. `by=None` is the system itself (the seed, a test). Raises TreeError.
    """
    lock_tree()
    if parent is not None:
        parent = Organization.objects.get(pk=parent.pk)
    check_place(level, parent)
    organization = Organization(
        pk=_next_pk(), parent=parent, level=level, kind=kind or default_kind(level), path=_next_path(parent), **fields
    )
    set_ancestors(organization, parent)
    organization.save(force_insert=True)
    OrganizationChange.objects.create(
        organization=organization,
        event=OrganizationChange.Event.CREATE,
        on=organization.approved_on or organization.entered_at.date(),
        document=document,
        after={"name": organization.name, "parent": parent.code if parent else ""},
        by=by,
    )
    audit.record("orgs.organization.create", by=by, subjects=[organization], units=touched(organization))
    return organization


def default_kind(level: int) -> str:
    return {
        Level.CITY: Kind.CITY_COMMITTEE,
        Level.DISTRICT: Kind.DISTRICT_COMMITTEE,
        Level.GUIDANCE_STATION: Kind.GUIDANCE_STATION,
    }.get(level, Kind.BRANCH)


def set_ancestors(organization: Organization, parent: Organization | None) -> None:
    """A district committee and a guidance station are their own ancestors of that level."""
    organization.district_committee_id = parent.district_committee_id if parent else None
    organization.guidance_station_id = parent.guidance_station_id if parent else None
    if organization.level == Level.DISTRICT:
        organization.district_committee_id = organization.pk
    if organization.level == Level.GUIDANCE_STATION:
        organization.guidance_station_id = organization.pk
    if organization.street_id is None and organization.district_id is None and parent is not None:
        organization.street_id, organization.district_id = parent.street_id, parent.district_id


def touched(organization: Organization) -> list[int | None]:
    """The units whose numbers a change of this organization may move."""
    return [organization.guidance_station_id, organization.district_committee_id, organization.pk]
