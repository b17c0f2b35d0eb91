"""What this room keeps about persons: who holds which role where."""

from accounts.personal import DUTY, INTERNAL, Column, Held, declare
from orgs.models import Posting


def register() -> None:
    declare(
        Held(
            model=Posting,
            whose="工作人员",
            purpose="谁在哪里有什么岗位，权限由此而来",
            basis=DUTY,
            retention="结束后保留，供审计对照",
            columns={
                "organization": Column(INTERNAL), "division": Column(INTERNAL), "role": Column(INTERNAL),
                "starts_on": Column(INTERNAL), "ends_on": Column(INTERNAL), "may_grant": Column(INTERNAL),
            },
            plain=frozenset({"row_code"}),
            seen_with=("orgs.view_posting",),
            seen_by="本人、所在单位的授权人",
        )
    )  # fmt: skip
