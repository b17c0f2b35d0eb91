"""Every address of the product by its name, and of which table's rows it speaks. The tests walk the same list."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.urls import URLPattern, get_resolver, reverse

ADMIN_VIEWS = ("changelist", "add", "history", "delete", "change")


@dataclass(frozen=True)
class Address:
    name: str  # with namespaces
    parameters: tuple[str, ...]
    unnamed_route: str = ""
    view: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    def url(self, **values) -> str:
        return reverse(self.name, kwargs={name: values[name] for name in self.parameters})


def addresses(resolver=None, spaces: str = "", route: str = "") -> Iterator[Address]:
    for pattern in (resolver or get_resolver()).url_patterns:
        here = route + str(pattern.pattern)
        if not isinstance(pattern, URLPattern):
            space = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from addresses(pattern, spaces + space, here)
            continue
        converters = getattr(pattern.pattern, "converters", {})
        parameters = tuple(converters) or tuple(pattern.pattern.regex.groupindex)
        yield Address(f"{spaces}{pattern.name}", parameters, "" if pattern.name else here, pattern.callback)


def is_bare_admin_row(address: Address) -> bool:
    """/admin/app/model/<id>/ has no name: it redirects to the change page, which is walked."""
    return bool(re.fullmatch(r"admin/\w+/\w+/<path:object_id>/", address.unnamed_route))


def admin_table(name: str) -> tuple[str, str] | None:
    """("orgs_organization", "change") of "admin:orgs_organization_change"."""
    found = re.fullmatch(rf"admin:(\w+_\w+)_({'|'.join(ADMIN_VIEWS)})", name)
    return (found[1], found[2]) if found else None


# Pages whose view names no model: whose rows they show.
_MODELS = {
    "reports:organization": "orgs.Organization", "reports:brief_organization": "orgs.Organization",
    "reports:compare_organization": "orgs.Organization", "reports:siblings_organization": "orgs.Organization",
    "reports:chart": "orgs.Organization", "reports:split": "orgs.Division", "reports:split_chart": "orgs.Division",
    "reports:division": "orgs.Division", "reports:brief_division": "orgs.Division",
    "reports:compare_division": "orgs.Division", "reports:siblings_division": "orgs.Division",
    "reports:audit_event": "accounts.AuditEvent", "stations:check_in_result": "stations.CheckIn",
    "jobs:detail": "jobs.Job", "jobs:progress": "jobs.Job", "lists:bulk_result": "jobs.Job",
    "lists:download": "tables.Export", "tables:batch": "tables.Batch", "tables:undo": "tables.Batch",
    "tables:conflicts": "tables.Batch", "tables:errors_file": "tables.Batch",
    "accounts:sessions_of": "accounts.User", "accounts:tokens_of": "accounts.User",
    "accounts:measure": "accounts.User",
}  # fmt: skip


def model_of(address: Address) -> type[models.Model] | None:
    """The table whose row an address names, or whose rows it lists; None where it speaks of no one table."""
    if label := _MODELS.get(address.name):
        return apps.get_model(label)
    if table := admin_table(address.name):
        room, _, name = table[0].partition("_")
        return apps.get_model(room, name)
    view = getattr(address.view, "view_class", None) or getattr(address.view, "cls", None)
    rows = getattr(view, "queryset", None)
    return getattr(view, "model", None) or getattr(rows, "model", None)


def is_read(address: Address) -> bool:
    """Does it answer GET at all? The others only take what is sent."""
    if actions := getattr(address.view, "actions", None):
        return "get" in actions
    view = getattr(address.view, "view_class", None) or getattr(address.view, "cls", None)
    return view is None or ("get" in view.http_method_names and hasattr(view, "get"))
