"""Moving a sub-tree to another parent, and merging one organization into another."""

from datetime import date

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat, Substr

from accounts import audit
from orgs import life
from orgs.kinds import Level
from orgs.models import Organization, OrganizationChange
from orgs.services import tree
from orgs.services.organizations import must_be_open, must_not_be_future, note, organization_close
from orgs.services.tree import TreeError

Event = OrganizationChange.Event


def check_move(organization: Organization, parent: Organization) -> None:
    """Raises TreeError where the organization cannot hang under this parent."""
    must_be_open(organization)
    if organization.level == Level.CITY:
        raise TreeError("市级党委没有上级，不能调整。", "parent")
    if parent.pk == organization.parent_id:
        raise TreeError("新上级就是现在的上级，请选择另一个。", "parent")
    if parent.path.startswith(organization.path):
        raise TreeError("不能移到自己或自己的下级下面，请选择另一个上级。", "parent")
    tree.check_place(organization.level, parent)
    tree.check_name(parent.pk, organization.name, but=organization.pk)


def _rewrite(organization: Organization, parent: Organization) -> None:
    """Paths and ancestors of the whole sub-tree in one statement, then the one parent.

    Moving a guidance station changes (id, district_committee), so the composite keys carry along every row of every
    table that stands under it.
    """
    new, old = tree.next_path(parent), organization.path
    subtree = Organization.objects.filter(path__startswith=old)
    deepest = max(len(path) for path in subtree.values_list("path", flat=True))
    if deepest - len(old) + len(new) > tree.PATH_LENGTH:
        raise TreeError("移过去以后层级太深，请选择更高一级的上级。", "parent")
    ancestors = {}
    if organization.level > Level.DISTRICT:
        ancestors["district_committee"] = parent.district_committee_id
    if organization.level > Level.GUIDANCE_STATION:
        ancestors["guidance_station"] = parent.guidance_station_id
    subtree.update(path=Concat(Value(new), Substr("path", len(old) + 1)), **ancestors)
    organization.parent = parent
    organization.save(update_fields=["parent"])


@transaction.atomic
def organization_move(
    *, organization: Organization, parent: Organization, by, on: date | None = None, document: str = ""
) -> Organization:
    """Hang an organization and everything below it under another parent. Raises TreeError.

    The caller has checked that `by` may change both ends. Locality (块) does not follow: an office stays where it is.
    """
    tree.lock_tree()
    row, target = tree.fresh(organization), tree.fresh(parent)
    must_not_be_future(on)
    check_move(row, target)
    old_parent, old_units = row.parent, tree.touched(row)
    _rewrite(row, target)
    row.refresh_from_db()
    ids = tuple(Organization.objects.within(row).values_list("pk", flat=True))
    life.run_movers(
        life.Move(
            organization=row,
            ids=ids,
            guidance_station_id=row.guidance_station_id,
            district_committee_id=row.district_committee_id,
            by=by,
        )
    )
    note(
        row, Event.MOVE, by=by, on=on, document=document,
        before={"parent": old_parent.code if old_parent else ""}, after={"parent": target.code},
    )  # fmt: skip
    audit.record(
        "orgs.organization.move",
        by=by,
        subjects=[row],
        units=[*old_units, old_parent.pk if old_parent else None, *tree.touched(row), target.pk],
        detail={"organizations": len(ids)},
    )
    return row


def check_merge(source: Organization, target: Organization) -> None:
    """Raises TreeError where `source` cannot be merged into `target`."""
    must_be_open(source)
    must_be_open(target)
    if source.pk == target.pk:
        raise TreeError("不能并入自己，请选择另一个组织。", "target")
    if source.level != target.level or source.level not in (Level.GUIDANCE_STATION, Level.GRASSROOTS):
        raise TreeError("只有同为指导站或同为基层的组织才能合并。", "target")
    if target.path.startswith(source.path):
        raise TreeError("不能并入自己的下级，请先把它移出来。", "target")
    if source.capability.holds_rolls and not target.capability.holds_rolls:
        raise TreeError(f"「{target.get_kind_display()}」不管理党籍，不能接收。", "target")


@transaction.atomic
def organization_merge(*, source: Organization, target: Organization, by, on: date, document: str = "") -> Organization:
    """Everything of `source` goes over to `target`, then `source` is closed. Returns `target`. Raises TreeError.

    Organizations below move; rows that stand under a guidance station change it; what else hangs on the organization
    is carried by the mergers of life.py. What nobody carries keeps the source open: closing is refused and the whole
    merge with it.
    """
    tree.lock_tree()
    source, target = tree.fresh(source), tree.fresh(target)
    check_merge(source, target)
    children = list(Organization.objects.open().filter(parent=source).order_by("path"))
    for child in children:
        organization_move(organization=child, parent=target, by=by, on=on, document=document)
    life.run_mergers(life.Merge(source=source, target=target, on=on, by=by))
    if source.level == Level.GUIDANCE_STATION:
        life.carry_placed_rows(source, target)
    closed = organization_close(organization=source, on=on, by=by, document=document, merged_into=target.code)
    note(target, Event.MERGE, by=by, on=on, document=document, before={"merged": closed.code})
    audit.record(
        "orgs.organization.merge",
        by=by,
        subjects=[source, target],
        units=tree.touched(source, target),
        detail={"children": len(children)},
    )
    return target
