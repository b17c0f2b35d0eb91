"""Reads for the pages of this room."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count, Q

from orgs.models import Organization
from orgs.querysets import OrganizationQuerySet
from orgs.services.tree import LABEL

PAGE_SIZE = 50


@dataclass
class Page:
    """One page by key: `rows`, and addresses for partials/_pager.html."""

    rows: list[Organization]
    next_url: str = ""
    previous_url: str = ""
    first_url: str = ""


def page_by_path(queryset: OrganizationQuerySet, query: dict, size: int = PAGE_SIZE) -> Page:
    """The page after `query["after"]` or before `query["before"]`, both paths. Order: the tree's own."""
    after, before = query.get("after", ""), query.get("before", "")
    kept = {key: value for key, value in query.items() if key not in ("after", "before") and value}
    if before:
        rows = list(queryset.filter(path__lt=before).order_by("-path")[: size + 1])
        has_previous, has_next = len(rows) > size, True
        rows = rows[:size][::-1]
    else:
        rows = list(queryset.filter(path__gt=after).order_by("path")[: size + 1])
        has_previous, has_next = bool(after), len(rows) > size
        rows = rows[:size]
    page = Page(rows)
    if rows and has_next:
        page.next_url = "?" + urlencode(kept | {"after": rows[-1].path})
    if rows and has_previous:
        page.previous_url = "?" + urlencode(kept | {"before": rows[0].path})
    if after or before:
        page.first_url = "?" + urlencode(kept)
    return page


def ancestors_of(organization: Organization) -> list[Organization]:
    """From the city down to the parent."""
    path = organization.path
    return list(
        Organization.objects.filter(path__in=[path[:end] for end in range(LABEL, len(path), LABEL)]).order_by("path")
    )


def children_of(organization: Organization, user) -> OrganizationQuerySet:
    """Open organizations directly below that the person may see, each with `below`: how many are under it."""
    return (
        Organization.objects.visible_to(user)
        .open()
        .filter(parent=organization)
        .annotate(below=Count("children", filter=Q(children__closed_on__isnull=True)))
        .order_by("path")
    )
