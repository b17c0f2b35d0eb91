"""What this room keeps about persons: by number only, in what is counted from."""

from accounts.personal import ROLL, SENSITIVE, Column, Held, declare
from reports.models import KnownPerson


def register() -> None:
    personal = {"member", "standing", "occupation", "on_roll", "taken_in", "verified"}
    declare(
        Held(
            model=KnownPerson,
            whose="党员",
            purpose="计数：只有编号，没有姓名和号码",
            basis=ROLL,
            retention="随名册或报到，当晚更新",
            columns={name: Column(SENSITIVE) for name in sorted(personal)},
            plain=frozenset(one.name for one in KnownPerson._meta.concrete_fields) - personal,
            rows=lambda person: KnownPerson.objects.filter(member=person.member.pk) if person.member else [],
        )
    )
