"""Everything kept about one person, made from what the rooms declared (accounts/personal.py): whole for the person's own
copy (PIPL Art. 45), masked on the receipt's page. Nothing is listed by hand here, so nothing is forgotten."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.personal import Held, declared
from members.models import Member, Registration
from members.selectors import looks_at
from tables.exports import Mark, as_text

OWN_DATA = "个人信息"  # the label of a person's own copy: it goes to that person

LOOKS = {
    "members.member.list": "在名单上显示（遮盖）", "members.member.read": "打开档案（遮盖）",
    "members.member.reveal": "查看明文", "members.member.export": "导出名单（遮盖）",
    "members.registration.list": "在待办中显示（遮盖）", "members.registration.read": "打开报到（遮盖）",
    "members.registration.call": "经办人看到姓名和电话", "members.registration.reveal": "查看明文",
    "members.affiliation.list": "在组织关系名单上显示（只有编号）", "members.affiliation.read": "打开组织关系（只有编号）",
    "members.seat.list": "在班子成员名单上显示（只有编号）", "members.seat.read": "打开班子任职（只有编号）",
    "members.transfer.list": "在转接名单上显示（只有编号）", "members.transfer.read": "打开转接（只有编号）",
    "members.rights.list": "在权利申请名单上显示（只有编号）", "members.rights.read": "打开您的申请",
    "members.rights.copy": "制作副本", "members.pledge.list": "在三亮名单上显示（遮盖）",
    "members.pledge.read": "打开三亮登记（遮盖）",
    "members.pledge.preview": "给本人核对三亮牌（明文）", "members.pledge.print": "打开三亮牌（明文）",
}  # fmt: skip


def tell_looks(acts: Mapping[str, str]) -> None:
    """For the rooms above: their acts that are a look at a person, as the person is told of them."""
    LOOKS.update(acts)


@dataclass(frozen=True)
class Person:
    """Somebody as the system knows them: the member, the registrations, or both."""

    member: Member | None = None
    registrations: list[Registration] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """One table's rows about the person, and why they are kept."""

    title: str
    purpose: str
    basis: str
    retention: str
    rows: list[list[tuple[str, str]]]


def person_of(*, registration: Registration | None = None, member: Member | None = None) -> Person:
    """Through the member to every registration of theirs that still says something."""
    member = member or (registration.member if registration else None)
    own = Registration.objects.filter(erased_at__isnull=True)
    if member is not None:
        return Person(member, list(own.filter(member=member).order_by("pk")))
    return Person(None, list(own.filter(pk=registration.pk)) if registration else [])


def sections(person: Person, *, masked: bool) -> list[Section]:
    found = []
    for held in declared():
        rows = [lines for row in held.rows(person) if (lines := list(_lines(held, row, masked)))] if held.rows else []
        if rows:
            found.append(Section(held.title, held.purpose, held.basis, held.retention, rows))
    return found


def _lines(held: Held, row: models.Model, masked: bool) -> Iterator[tuple[str, str]]:
    for name, column in held.columns.items():
        value = getattr(row, name) if column.copied else None
        if value in (None, "", []):
            continue
        text = column.mask(value) if masked and column.mask else _text(row, name, value)
        if text:
            yield held.label(name), text


def _text(row: models.Model, name: str, value: Any) -> str:
    named = getattr(row, f"get_{name}_display", None)
    if named is not None:
        return str(named())
    return as_text(value)


def looks(person: Person) -> list[dict[str, str]]:
    """Who saw this person, when and what for: from the audit, newest first."""
    return [
        {
            "时间": as_text(event.at),
            "行为": LOOKS[event.act],
            "目的": event.purpose,
            "谁": str(event.actor or "系统"),
        }
        for event in _looks(person)
    ]


def _looks(person: Person) -> Iterable[AuditEvent]:
    return looks_at(person.member, [row.pk for row in person.registrations], list(LOOKS))


def copy_of(person: Person, *, by) -> dict[str, Any]:
    """The whole copy: what a program reads, and what the page of the copy is made of. `by`: who makes it."""
    kept = sections(person, masked=False)
    return {
        "说明": "系统里关于您的全部个人信息，依据《个人信息保护法》第四十五条提供。",
        "制作时间": as_text(timezone.now()),
        "标记": Mark.by(by, label=OWN_DATA).line,
        "信息": [
            {
                "类别": one.title, "目的": one.purpose, "依据": one.basis, "保存期限": one.retention,
                "记录": [dict(lines) for lines in one.rows],
            }
            for one in kept
        ],
        "谁看过": looks(person),
    }  # fmt: skip
