"""What this room keeps about persons: by number only, in what is counted from."""

from accounts.personal import DUTY, INTERNAL, ROLL, SENSITIVE, Column, Held, declare
from reports.models import Alarm, KnownPerson, SelfCheck


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
        ),
        Held(
            model=Alarm,
            whose="工作人员",
            purpose="告诉管理员发生了什么；只有种类、时间、次数，没有姓名、账号和号码",
            basis=DUTY,
            retention="处理后三年，与审计一样长",
            columns={"note": Column(INTERNAL, "怎样处理的")},
            plain=frozenset(one.name for one in Alarm._meta.concrete_fields) - {"note"},
            seen_with=("reports.view_alarm",),
            leaves_by=("告警邮件、syslog（只有种类、时间、次数）",),
        ),
        Held(
            model=SelfCheck,
            whose="工作人员",
            purpose="查权限有没有漏：谁有什么岗位、看得到多少",
            basis=DUTY,
            retention="保留，供审计对照",
            columns={
                "accounts": Column(INTERNAL, "受检账号的编号"),
                "content": Column(INTERNAL, "受检账号的姓名、账号、任职；没有业务数据"),
            },
            plain=frozenset({"number", "code", "job", "verdict", "reason", "digest", "paper", "made_at"}),
            seen_with=("reports.view_selfcheck",),
            leaves_by=("权限自检报告（PDF）",),
        ),
    )
