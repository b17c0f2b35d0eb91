"""Many organizations founded or changed at once, as a file brings them: the same rows and lines of history as one by
one, written set by set.

The caller holds the tree's lock since before it judged rights, names, codes and terms, and records the one event that
names its batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

from django.db.models import Max
from django.utils import timezone

from accounts.sequences import next_keys
from orgs.models import Organization, OrganizationChange
from orgs.services import tree
from orgs.services.organizations import founded, plain

Event = OrganizationChange.Event


@dataclass(eq=False)
class Founding:
    """A new organization; what it hangs on may be founded just before it."""

    fields: dict[str, Any]
    parent: Union[Organization, "Founding"]
    organization: Organization | None = None


def organizations_found(foundings: Sequence[Founding], *, by) -> list[Organization]:
    """In the order given, parents first; each founding gets its organization. Raises TreeError."""
    paths, made = _Paths(foundings), []
    for pk, founding in zip(next_keys(Organization, len(foundings)), foundings, strict=True):
        above = founding.parent.organization if isinstance(founding.parent, Founding) else founding.parent
        assert above is not None, "parents come first"
        founding.organization = founded(pk=pk, parent=above, path=paths.next(above), **founding.fields)
        made.append(founding.organization)
    Organization.objects.bulk_create(made)
    OrganizationChange.objects.bulk_create(
        OrganizationChange(
            organization=one,
            event=Event.CREATE,
            on=one.approved_on or timezone.localdate(),
            after={"name": one.name, "parent": one.parent.code if one.parent else ""},
            by=by,
        )
        for one in made
    )
    return made


class _Paths:
    """The next path under each parent."""

    def __init__(self, foundings: Sequence[Founding]) -> None:
        standing = {one.parent.pk for one in foundings if isinstance(one.parent, Organization)}
        last = Organization.objects.filter(parent__in=standing).order_by().values_list("parent").annotate(Max("path"))
        self.last = {parent: int(path[-tree.LABEL :], 36) for parent, path in last}

    def next(self, parent: Organization) -> str:
        self.last[parent.pk] = self.last.get(parent.pk, 0) + 1
        return parent.path + tree.path_label(self.last[parent.pk])


def organizations_change(changes: Sequence[tuple[Organization, dict[str, Any]]], *, by, document: str = "") -> None:
    """New names and plain columns of locked rows. A renaming and an edit leave a line of history each."""
    lines: list[OrganizationChange] = []
    columns: set[str] = set()
    for one, values in changes:
        fields = [Organization._meta.get_field(name).name for name in values]
        before = {name: plain(getattr(one, name)) for name in fields}
        for name, value in values.items():
            setattr(one, name, value)
        after = {name: plain(getattr(one, name)) for name in fields}
        columns.update(fields)
        for event, is_part in ((Event.RENAME, "name".__eq__), (Event.EDIT, "name".__ne__)):
            if said := [name for name in fields if is_part(name)]:
                lines.append(
                    OrganizationChange(
                        organization=one,
                        event=event,
                        on=timezone.localdate(),
                        document=document,
                        before={name: before[name] for name in said},
                        after={name: after[name] for name in said},
                        by=by,
                    )
                )
    if columns:
        Organization.objects.bulk_update([one for one, _ in changes], sorted(columns))
    OrganizationChange.objects.bulk_create(lines)
