"""Reads for the pages of this room."""

from datetime import datetime

from django.db.models import Count, Q, QuerySet

from orgs.doors import DUTY_PERMISSIONS, postings_with
from orgs.kinds import Level
from orgs.models import Organization, OrganizationChange, Posting
from orgs.services.tree import LABEL


def live_postings_told(user) -> str:
    """Why the person cannot become an administrator; empty where no posting is in the way."""
    count = Posting.objects.filter(user=user).live().count()
    return f"此人还有 {count} 项任职，不能改任管理员。请先收回任职，再改职责。" if count else ""


def reach_marks(user, permission: str) -> list[str]:
    """The postings that carry a right, and the units from the city to the guidance stations that it reaches; an
    administrator's duty in place of both."""
    if user.is_active and permission in DUTY_PERMISSIONS[user.duty]:
        return [f"duty {user.duty}"]
    postings = postings_with(user, permission)
    units = Organization.objects.within_postings(postings).exclude(level=Level.GRASSROOTS)
    own = {posting.organization_id for posting in postings if posting.organization_id}
    reached = own.union(units.values_list("pk", flat=True))
    return [f"posting {posting.pk}" for posting in postings] + [f"unit {pk}" for pk in reached]


def has_left(user, permission: str, marks: set[str], since: datetime) -> bool:
    """Whether a branch that stood below one of the units of `marks` has been moved since to where the right does not
    reach. Branches are too many to be marks themselves: a city has tens of thousands."""
    moved = OrganizationChange.objects.filter(
        event=OrganizationChange.Event.MOVE, entered_at__gte=since, organization__level=Level.GRASSROOTS
    )
    latest_first = moved.order_by("-pk").values_list("organization", "before")
    came_from = {pk: before.get("parent", "") for pk, before in latest_first}  # by the first move since
    if not came_from:
        return False
    out = set(came_from) - set(
        Organization.objects.within_postings(postings_with(user, permission))
        .filter(pk__in=came_from)
        .values_list("pk", flat=True)
    )
    before = Organization.objects.filter(code__in=[came_from[pk] for pk in out])
    return any(marks & {f"unit {one.pk}" for one in (unit, *ancestors_of(unit))} for unit in before)


def ancestors_of(organization: Organization) -> list[Organization]:
    """From the city down to the parent."""
    path = organization.path
    return list(
        Organization.objects.filter(path__in=[path[:end] for end in range(LABEL, len(path), LABEL)]).order_by("path")
    )


def children_of(organization: Organization, user) -> QuerySet:
    """Open organizations directly below that the person may see, each with `below`: how many are under it."""
    return (
        Organization.objects.open()
        .visible_to(user)
        .filter(parent=organization)
        .annotate(below=Count("children", filter=Q(children__closed_on__isnull=True)))
        .order_by("path")
    )


def _said(value) -> str:
    return "空" if value in (None, "") else str(value)


def _edited(name: str, before, after) -> str:
    """One column in words, with the labels of its choices."""
    field = Organization._meta.get_field(name)
    labels = dict(getattr(field, "flatchoices", None) or ())
    return f"{field.verbose_name}：{_said(labels.get(before, before))} → {_said(labels.get(after, after))}"


def change_text(change: OrganizationChange, names: dict[str, str]) -> str:
    """One line of history in words. `names`: code → name of the organizations that it mentions."""
    before, after = change.before, change.after
    if change.event == OrganizationChange.Event.RENAME:
        return f"{_said(before.get('name'))} → {_said(after.get('name'))}"
    if change.event == OrganizationChange.Event.MOVE:
        ends = (before.get("parent"), after.get("parent"))
        return " → ".join(names.get(code, _said(code)) for code in ends)
    if code := before.get("merged"):
        return f"{names.get(code, code)} 并入本组织"
    if code := after.get("merged_into"):
        return f"并入 {names.get(code, code)}"
    if change.event == OrganizationChange.Event.EDIT:
        return "；".join(_edited(name, before.get(name), after[name]) for name in after)
    return ""


def history_of(organization: Organization) -> list[dict]:
    """The lines of history, newest first: `on`, `event`, `document`, `text`."""
    changes = list(organization.changes.select_related("by", "organization"))
    mentioned = {value for change in changes for value in (*change.before.values(), *change.after.values())}
    codes = [value for value in mentioned if isinstance(value, str)]
    names = dict(Organization.objects.filter(code__in=codes).values_list("code", "name"))
    return [
        {
            "on": change.on,
            "event": change.get_event_display(),
            "document": change.document,
            "text": change_text(change, names),
        }
        for change in changes
    ]
