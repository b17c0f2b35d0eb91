"""Single writes of this room. Files come in through imports/; both write the same versions."""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from markets import conversion
from markets.models import Business, BusinessCoverage, BusinessVersion, Declaration, Market, MarketCoverage
from markets.pinyin import initials_of
from markets.rules import COUNTING, KEEPS_HEADS_FROM, TAKEN
from markets.sources import ORDER, Source, key_of
from orgs.kinds import Kind

JOINT_UNITS = 5  # a joint branch covers "一般不超过 5 个" units (支部工作条例)

STAYED = "原前身「{1}」有 {0} 项覆盖关系、派驻或群团组织在转入后有人改过，仍留在本企业，没有转回，请逐项核对。"


class CannotSave(ValueError):
    """What was asked for cannot be saved; the text is for the person who asked."""


def _units(*rows: Any) -> list[int | None]:
    return [unit for row in rows if row is not None for unit in (row.guidance_station_id, row.district_committee_id)]


def keeps_head_counts(business: Business) -> bool:
    """A head-count of members of a sole trader or of under ten people names a person: none is kept."""
    return business.entity_type != Business.EntityType.SOLE_TRADER and (business.employees or 0) >= KEEPS_HEADS_FROM


@transaction.atomic
def business_save(
    *, business: Business, by, columns: list[str] | None = None, tell: Callable[[str], Any] = lambda text: None
) -> Business:
    """Add or change one business. Replaced counting values go to BusinessVersion; head-counts that may not be kept go.

    `columns` are those changed by hand: from now on their values come from a person (markets/sources.py). Raises
    CannotSave where another business has the code. `tell` hears what was not done and is to be done by hand.
    """
    by_hand = {key: str(Source.MANUAL) for column in columns or [] if (key := key_of(column)) in ORDER}
    business.provenance = business.provenance | by_hand
    old = Business.objects.select_for_update().filter(pk=business.pk).first() if business.pk else None
    business.changed_at = timezone.now()
    business.name_pinyin = initials_of(business.name)
    try:
        with transaction.atomic():
            business.save()
    except IntegrityError as error:
        raise CannotSave(TAKEN) from error
    if old is not None:
        _keep_version(old, business)
        if not keeps_head_counts(business):
            business.declarations.all().delete()
    audit.record(
        f"markets.business.{'edit' if old else 'create'}",
        by=by,
        subjects=[business],
        units=_units(old, business),
        detail={"columns": sorted(columns or [])},
    )
    if business.predecessor_id != (old.predecessor_id if old else None):
        if old is not None and old.predecessor is not None:
            _, stay = business_unconvert(business=business, predecessor=old.predecessor, by=by)
            if stay:
                tell(STAYED.format(stay, old.predecessor))
        if business.predecessor is not None:
            business_convert(business=business, predecessor=business.predecessor, by=by)
    return business


@transaction.atomic
def business_convert(*, business: Business, predecessor: Business, by) -> int:
    """个转企: from the day of its registration on, what hung on the sole trader hangs on the enterprise that names it.

    How many rows went over. Raises CannotSave where it cannot have been that one.
    """
    Business.objects.select_for_update().get(pk=predecessor.pk)
    if reason := conversion.problem(entity_type=business.entity_type, pk=business.pk, predecessor=predecessor):
        raise CannotSave(f"{reason}。")
    today = timezone.localdate()
    day = min(business.registered_on or today, today)
    pair = "SELECT %s::bigint AS before_id, %s::bigint AS after_id, %s::date AS day"
    links = list(predecessor.coverages.exclude(ends_on__lte=day).select_related("organization"))
    carried = conversion.carry_over(pair, [predecessor.pk, business.pk, day])
    audit.record(
        "markets.business.convert",
        by=by,
        subjects=[business, predecessor],
        units=[*_units(business), *(unit for link in links for unit in _units_of_link(link)), *_units(predecessor)],
        detail={"carried": carried},
    )
    return carried


@transaction.atomic
def business_unconvert(*, business: Business, predecessor: Business, by) -> tuple[int, int]:
    """个转企 was written down by mistake: what went over from the sole trader returns (conversion.give_back)."""
    Business.objects.select_for_update().get(pk=predecessor.pk)
    back, stay = conversion.give_back(predecessor.pk, business.pk)
    links = predecessor.coverages.select_related("organization")
    audit.record(
        "markets.business.unconvert",
        by=by,
        subjects=[business, predecessor],
        units=[*_units(business), *(unit for link in links for unit in _units_of_link(link)), *_units(predecessor)],
        detail={"returned": back, "stayed": stay},
    )
    return back, stay


def _keep_version(old: Business, new: Business) -> None:
    replaced = {name: getattr(old, name) for name in COUNTING if getattr(old, name) != getattr(new, name)}
    if not replaced:
        return
    if replaced.get("registered_on"):
        replaced["registered_on"] = replaced["registered_on"].isoformat()
    since = old.versions.aggregate(last=Max("valid_to"))["last"] or old.entered_at
    BusinessVersion.objects.create(business=old, valid_from=since, valid_to=new.changed_at, values=replaced)


@transaction.atomic
def market_save(*, market: Market, by, columns: list[str] | None = None) -> Market:
    """Add or change one market."""
    old = Market.objects.filter(pk=market.pk).first() if market.pk else None
    market.save()
    audit.record(
        f"markets.market.{'edit' if old else 'create'}",
        by=by,
        subjects=[market],
        units=_units(old, market),
        detail={"columns": sorted(columns or [])},
    )
    return market


def _covered(link: BusinessCoverage | MarketCoverage) -> Business | Market:
    return link.business if isinstance(link, BusinessCoverage) else link.market


@transaction.atomic
def coverage_link(*, link: BusinessCoverage | MarketCoverage, by) -> BusinessCoverage | MarketCoverage:
    """Link an organization to a business or a market, or change such a link. Raises CannotSave where both overlap."""
    old = type(link)._default_manager.filter(pk=link.pk).first() if link.pk else None
    noun = link._meta.model_name
    link.save()
    audit.record(
        f"markets.{noun}.{'edit' if old else 'create'}",
        by=by,
        subjects=[link],
        units=[unit for one in (old, link) if one is not None for unit in _units_of_link(one)],
    )
    return link


def _units_of_link(link: BusinessCoverage | MarketCoverage) -> list[int | None]:
    organization = link.organization
    return [
        *_units(_covered(link)), organization.guidance_station_id, organization.district_committee_id, organization.pk,
    ]  # fmt: skip


@transaction.atomic
def coverage_end(*, link: BusinessCoverage | MarketCoverage, ends_on, by) -> BusinessCoverage | MarketCoverage:
    """End a link; `ends_on` itself does not count any more."""
    if ends_on <= link.starts_on:
        raise CannotSave("止期必须晚于起期（止期当天不再计入）。")
    link.ends_on = ends_on
    return coverage_link(link=link, by=by)


def joint_warning(organization) -> str:
    """A joint branch above five units is allowed, but said."""
    if organization.kind != Kind.JOINT_BRANCH:
        return ""
    today = timezone.localdate()
    count = BusinessCoverage.objects.filter(organization=organization).exclude(ends_on__lte=today).count()
    if count <= JOINT_UNITS:
        return ""
    return f"联合党支部「{organization}」现在覆盖 {count} 个单位；一般不超过 {JOINT_UNITS} 个，请考虑分设。"


@transaction.atomic
def declaration_save(*, declaration: Declaration, by) -> Declaration:
    """Keep head-counts told by an enterprise. Raises CannotSave where they would name a person."""
    if not keeps_head_counts(declaration.business):
        raise CannotSave("个体工商户和从业人数不足 10 人（或未填）的主体不保存党员人数，以免指认到个人。")
    declaration.save()
    audit.record("markets.declaration.save", by=by, subjects=[declaration], units=_units(declaration.business))
    return declaration
