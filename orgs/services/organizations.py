"""Founding, editing, renaming and closing organizations. Each act leaves a line of history and one audit event."""

from datetime import date

from django.db import models, transaction
from django.utils import timezone

from accounts import audit
from accounts.sequences import next_keys
from orgs import life, terms
from orgs.models import Organization, OrganizationChange
from orgs.services import tree
from orgs.services.tree import TreeError

Event = OrganizationChange.Event

# What organization_edit may change. The name, the place in the tree and the closing have services of their own.
EDITABLE = (
    "kind", "host_kind", "code", "short_name", "superior", "superior_name", "district", "street", "approved_on",
    "term_starts_on", "term_ends_on", "extended_until", "extension_document",
)  # fmt: skip


def note(organization: Organization, event: str, *, by, on: date | None, document: str = "", before=None, after=None):
    """One line of history."""
    return OrganizationChange.objects.create(
        organization=organization,
        event=event,
        on=on or timezone.localdate(),
        document=document,
        before=before or {},
        after=after or {},
        by=by,
    )


def must_be_open(organization: Organization) -> None:
    if organization.closed_on:
        raise TreeError(f"「{organization.name}」已于 {organization.closed_on} 撤销，不能再改。")


def must_not_be_future(on: date | None) -> None:
    if on and on > timezone.localdate():
        raise TreeError("生效日期不能晚于今天。", "on")


def check_terms(organization: Organization) -> None:
    """Fills the end of the term from its start and the kind. Raises TreeError."""
    if organization.term_starts_on and organization.term_ends_on is None:
        organization.term_ends_on = terms.term_end(organization.kind, organization.term_starts_on)
    if problem := terms.term_problem(organization):
        raise TreeError(problem[1], problem[0])


def founded(*, pk: int, parent: Organization | None, path: str, level: int, kind: str = "", **fields) -> Organization:
    """A new organization with all that follows from its place, not written yet. Raises TreeError."""
    kind = kind or tree.default_kind(level)
    tree.check_place(level, parent)
    tree.check_kind(level, kind)
    organization = Organization(pk=pk, parent=parent, path=path, level=level, kind=kind, **fields)
    if len(path) > tree.PATH_LENGTH:
        raise TreeError("层级太深，请挂在更上一级的组织下面。", "parent")
    tree.set_locality(organization)
    tree.set_ancestors(organization, parent)
    check_terms(organization)
    return organization


@transaction.atomic
def organization_create(*, by, parent: Organization | None, level: int, kind: str = "", document: str = "", **fields):
    """Add an organization under `parent`, with its path, its ancestors and its first line of history.

    `fields` are the plain columns of Organization. `by=None` is the system itself (the seed, a test). The end of the
    term follows from its start and the kind where it is not given. Raises TreeError.
    """
    tree.lock_tree()
    if parent is not None:
        parent = Organization.objects.get(pk=parent.pk)
    (pk,) = next_keys(Organization)  # a district committee and a guidance station name themselves as ancestors
    organization = founded(pk=pk, parent=parent, path=tree.next_path(parent), level=level, kind=kind, **fields)
    tree.check_name(organization.parent_id, organization.name)
    tree.check_code(organization.code)
    organization.save(force_insert=True)
    note(
        organization,
        Event.CREATE,
        by=by,
        on=organization.approved_on,
        document=document,
        after={"name": organization.name, "parent": parent.code if parent else ""},
    )
    audit.record("orgs.organization.create", by=by, subjects=[organization], units=tree.touched(organization))
    return organization


def plain(value):
    """A column's value as history keeps it: text, the code of an organization or division, or None."""
    if isinstance(value, models.Model):
        return getattr(value, "code", value.pk)
    return value.isoformat() if isinstance(value, date) else value


@transaction.atomic
def organization_edit(*, organization: Organization, by, on: date | None = None, document: str = "", **fields):
    """Change plain columns (EDITABLE). Nothing is written where nothing differs. Raises TreeError."""
    if unknown := set(fields) - set(EDITABLE):
        raise TypeError(f"not editable here: {sorted(unknown)}")
    tree.lock_tree()
    row = tree.fresh(organization)
    must_be_open(row)
    must_not_be_future(on)
    changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
    if not changed:
        return row
    before = {name: plain(getattr(row, name)) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    if "street" in changed and "district" not in fields and row.street:
        row.district_id = row.street.parent_id
    tree.check_kind(row.level, row.kind)
    tree.check_code(row.code, but=row.pk)
    tree.set_locality(row)
    check_terms(row)
    row.save(update_fields=[*changed, "district", "term_ends_on"])
    after = {name: plain(getattr(row, name)) for name in changed}
    note(row, Event.EDIT, by=by, on=on, document=document, before=before, after=after)
    audit.record(
        "orgs.organization.edit",
        by=by,
        subjects=[row],
        units=tree.touched(row),
        detail={"columns": sorted(changed)},
    )
    return row


@transaction.atomic
def organization_rename(*, organization: Organization, name: str, by, on: date | None = None, document: str = ""):
    """Give another name; the old one stays in the history. Raises TreeError."""
    tree.lock_tree()
    row = tree.fresh(organization)
    must_be_open(row)
    must_not_be_future(on)
    name = name.strip()
    if not name:
        raise TreeError("请填写名称。", "name")
    if name == row.name:
        return row
    tree.check_name(row.parent_id, name, but=row.pk)
    before, row.name = row.name, name
    row.save(update_fields=["name"])
    note(row, Event.RENAME, by=by, on=on, document=document, before={"name": before}, after={"name": name})
    audit.record("orgs.organization.rename", by=by, subjects=[row], units=tree.touched(row))
    return row


@transaction.atomic
def organization_close(*, organization: Organization, on: date, by, document: str = "", merged_into: str = ""):
    """Close it from `on` (half-open: it does not exist on that day any more). Raises TreeError.

    Refused while something lives on it: open organizations below, and whatever upper rooms say through
    life.before_close.
    """
    tree.lock_tree()
    row = tree.fresh(organization)
    must_be_open(row)
    if on > timezone.localdate():
        raise TreeError("撤销日期不能晚于今天。", "on")
    if row.approved_on and on < row.approved_on:
        raise TreeError(f"撤销日期不能早于批准成立日期 {row.approved_on}。", "on")
    if reasons := life.reasons_against_closing(row, on):
        raise TreeError("现在不能撤销：" + "；".join(reasons) + "。")
    row.closed_on = on
    row.save(update_fields=["closed_on"])
    after = {"closed_on": on.isoformat()} | ({"merged_into": merged_into} if merged_into else {})
    note(row, Event.CLOSE, by=by, on=on, document=document, after=after)
    audit.record("orgs.organization.close", by=by, subjects=[row], units=tree.touched(row))
    return row
