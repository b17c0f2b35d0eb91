"""Global search: a few hits of each kind, each inside the person's scope; an empty answer says why."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db.models import Q

from accounts import audit
from markets.models import Business, Market
from members.identity import mask_name
from members.models import Member
from orgs.models import Organization
from reports.links import page
from stations.models import ServicePoint
from tables.keyset import Walk, first_rows
from tables.patience import TooLong, patience

LIMIT = 50
CREDIT_CODE = re.compile(r"^[0-9A-HJ-NP-RT-UW-Y]{18}$")
OLD_NUMBER = re.compile(r"^\d{13,15}$")


@dataclass(frozen=True)
class Hit:
    name: str
    detail: str
    url: str


@dataclass
class Section:
    """Hits of one kind. `reason` says why there are none."""

    label: str
    icon: str
    hits: list[Hit] = field(default_factory=list)
    reason: str = ""
    cut: bool = False  # more than LIMIT were found


def normal(text: str) -> str:
    """Full-width letters and blanks as people paste them, made plain."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def search(user, text: str) -> list[Section]:
    """Sections of hits for a normalised text of at least two characters."""
    code = text.upper().replace(" ", "")
    if CREDIT_CODE.match(code) or OLD_NUMBER.match(code):
        return [_by_code(user, code)]
    kinds: tuple[tuple[str, str, str, Callable], ...] = (
        ("党组织", "sitemap", "orgs.view_organization", _organizations),
        ("专业市场", "building-warehouse", "markets.view_market", _markets),
        ("经营主体", "building-store", "markets.view_business", _businesses),
        ("服务点", "map-pin", "stations.view_servicepoint", _service_points),
    )
    return [_section(label, icon, find, user, text) for label, icon, right, find in kinds if user.has_perm(right)]


def _section(label: str, icon: str, find: Callable, user, text: str) -> Section:
    section = Section(label, icon)
    try:
        with patience():
            hits = find(user, text)
    except TooLong:
        section.reason = f"含“{text}”的{label}太多，没有在几秒内找完。请多输入几个字，或用信用代码查找。"
        return section
    section.hits, section.cut = hits[:LIMIT], len(hits) > LIMIT
    if not hits:
        section.reason = f"您的管辖范围内没有名称含“{text}”的{label}。"
    return section


def _organizations(user, text: str) -> list[Hit]:
    rows = (
        Organization.objects.visible_to(user)
        .filter(Q(name__icontains=text) | Q(short_name__icontains=text) | Q(code__iexact=text))
        .order_by("level", "path")[: LIMIT + 1]
    )
    return [
        Hit(row.name, f"{row.get_kind_display()} · {row.code}", page("reports:organization", row.code)) for row in rows
    ]


def _placed(row) -> str:
    return " · ".join(str(part) for part in (row.district, row.street) if part)


def _markets(user, text: str) -> list[Hit]:
    rows = (
        Market.objects.visible_to(user)
        .filter(Q(name__icontains=text) | Q(code__iexact=text))
        .select_related("district", "street")[: LIMIT + 1]
    )
    return [Hit(row.name, _placed(row), page("markets:market_detail", row.pk)) for row in rows]


def _businesses(user, text: str) -> list[Hit]:
    """The newest ones whose name or pinyin initials contain the text, or whose code begins with it."""
    rows = Business.objects.visible_to(user).named(text).select_related("district", "street")
    return [_business(row) for row in first_rows(rows, Walk(), LIMIT + 1)]


def _business(row) -> Hit:
    place = _placed(row)
    detail = f"{row.code} · {row.get_status_display()}{' · ' + place if place else ''}"
    return Hit(row.name, detail, page("markets:business_detail", row.pk))


def _service_points(user, text: str) -> list[Hit]:
    rows = (
        ServicePoint.objects.visible_to(user)
        .filter(Q(name__icontains=text) | Q(code__iexact=text))
        .select_related("district", "street")[: LIMIT + 1]
    )
    return [
        Hit(row.name, f"{row.get_kind_display()} · {_placed(row)}", page("stations:detail", row.pk)) for row in rows
    ]


def _by_code(user, code: str) -> Section:
    """A credit code is a public fact: that another unit has it may be said, nothing more."""
    section = Section("经营主体", "building-store")
    if not user.has_perm("markets.view_business"):
        section.reason = "您的岗位不查看经营主体。"
        return section
    same = Q(uscc=code) | Q(legacy_registration_no=code)
    row = Business.objects.visible_to(user).filter(same).select_related("district", "street").first()
    if row is not None:
        section.hits = [_business(row)]
    elif Business.objects.filter(same).exists():
        section.reason = f"代码 {code} 已由其他单位登记，不在您的管辖范围内。"
    else:
        section.reason = f"没有登记代码为 {code} 的经营主体。请核对代码；新主体可由登记人员导入或录入。"
    return section


def search_members(user, *, name: str = "", phone_tail: str = "", request=None) -> list[Hit]:
    """Members in the person's scope by exact name or phone tail, masked; audited with the ids shown."""
    same = Q(name=name) if name else Q(phone_tail=phone_tail)
    rows = list(Member.objects.visible_to(user).current().filter(same).order_by("-pk")[:LIMIT])
    audit.record(
        "reports.members.search", by=user, subjects=rows, subject_type="members.member", request=request,
        detail={"by": "name" if name else "phone_tail", "found": len(rows)},
    )  # fmt: skip
    return [
        Hit(
            mask_name(row.name),
            f"{row.get_standing_display()} · 手机尾号 {row.phone_tail or '未填'}",
            page("members:detail", row.pk),
        )
        for row in rows
    ]
