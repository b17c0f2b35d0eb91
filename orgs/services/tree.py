"""Paths, ancestors and the rules of what may hang where. One lock: the tree has one writer at a time."""

from django.db import connection

from orgs.errors import TreeError
from orgs.kinds import CAPABILITIES, Kind, Level
from orgs.models import Organization

TREE_LOCK = 7_801  # pg_advisory_xact_lock: paths are handed out one writer at a time
LABEL = 4  # characters a level takes in a path
PATH_LENGTH = Organization._meta.get_field("path").max_length or 0
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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


def next_path(parent: Organization | None) -> str:
    """The path of the next child. Only true for the writer that holds the lock."""
    prefix = parent.path if parent else ""
    last = (
        Organization.objects.filter(parent=parent, path__startswith=prefix)
        .order_by("-path")
        .values_list("path")
        .first()
    )
    return prefix + path_label(int(last[0][-LABEL:], 36) + 1 if last else 1)


def fresh(organization: Organization) -> Organization:
    """The row as it is now, locked: what the caller holds may be older than the lock."""
    return Organization.objects.select_for_update().get(pk=organization.pk)


def default_kind(level: int) -> str:
    kinds: dict[int, str] = {
        Level.CITY: Kind.CITY_COMMITTEE,
        Level.DISTRICT: Kind.DISTRICT_COMMITTEE,
        Level.GUIDANCE_STATION: Kind.GUIDANCE_STATION,
    }
    return kinds.get(level, Kind.BRANCH)


def check_place(level: int, parent: Organization | None) -> None:
    """Raises TreeError where an organization of this level cannot hang under this parent."""
    if level == Level.CITY:
        if parent is not None:
            raise TreeError("市级党委没有上级，请不要选择上级。", "parent")
        return
    if parent is None:
        raise TreeError("请选择上级党组织。", "parent")
    if parent.closed_on:
        raise TreeError(f"「{parent.name}」已撤销，请选择别的上级。", "parent")
    if level == Level.DISTRICT and parent.level != Level.CITY:
        raise TreeError("区级党委的上级必须是市级党委。", "parent")
    if level == Level.GUIDANCE_STATION and parent.level != Level.DISTRICT:
        raise TreeError("指导站的上级必须是区级党委。", "parent")


def check_kind(level: int, kind: str) -> None:
    if kind not in CAPABILITIES:
        raise TreeError("没有这种组织类型，请从列表中选择。", "kind")
    if level not in CAPABILITIES[kind].levels:
        raise TreeError(f"「{Kind(kind).label}」不能设在{Level(level).label}这一层，请改选类型。", "kind")


def check_name(parent_id: int | None, name: str, *, but: int | None = None) -> None:
    """Names are unique under one parent. `but` is the organization that keeps its name."""
    if Organization.objects.filter(parent=parent_id, name=name).exclude(pk__in=[but]).exists():
        raise TreeError("同一上级下面已有同名的组织，请换一个名称。", "name")


def check_code(code: str, *, but: int | None = None) -> None:
    if Organization.objects.filter(code=code).exclude(pk__in=[but]).exists():
        raise TreeError("代码已被使用，请换一个。", "code")


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


def set_locality(organization: Organization) -> None:
    """The street decides the district. Raises TreeError where both were given and contradict each other."""
    street = organization.street
    if street is None:
        return
    if street.level != street.Level.STREET:
        raise TreeError("所在街道要选到街道（镇）一级。", "street")
    if organization.district_id is None:
        organization.district_id = street.parent_id
    elif organization.district_id != street.parent_id:
        raise TreeError(f"「{street.name}」不在所选的区，请改选街道，或把区留空由街道带出。", "street")


def touched(*organizations: Organization) -> list[int | None]:
    """The units whose numbers a change of these organizations may move."""
    return [
        unit
        for organization in organizations
        for unit in (organization.guidance_station_id, organization.district_committee_id, organization.pk)
    ]
