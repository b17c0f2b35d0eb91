"""What this room keeps about persons: a member's own check-ins."""

from accounts.personal import CONSENT, INTERNAL, SENSITIVE, Column, Held, declare
from stations.models import CheckIn


def register() -> None:
    declare(
        Held(
            model=CheckIn,
            whose="党员",
            purpose="本人在服务点签到的记录",
            basis=CONSENT,
            retention="24 个月，此后只留人次；本人可以随时删除",
            columns={
                "occurred_at": Column(SENSITIVE),
                "place": Column(SENSITIVE),
                "purpose": Column(SENSITIVE),
                "channel": Column(INTERNAL),
                "on": Column(SENSITIVE, copied=False),
                "received_at": Column(INTERNAL),
                "disputed_at": Column(INTERNAL),
            },
            plain=frozenset({
                "district_committee", "guidance_station", "district", "street", "member", "nonce",
            }),
            seen_with=("stations.view_checkin",),
            leaves_by=("接口 /api/v1/check-ins/（遮盖）",),
            rows=lambda person: CheckIn.objects.filter(member=person.member).select_related("place").order_by("pk"),
        )
    )  # fmt: skip
