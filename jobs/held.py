"""What this room keeps about persons: whose job it is."""

from accounts.personal import DUTY, INTERNAL, Column, Held, declare
from jobs.models import Job


def register() -> None:
    plain = {one.name for one in Job._meta.concrete_fields} - {"title", "params", "result"}
    declare(
        Held(
            model=Job,
            whose="工作人员",
            purpose="后台任务的进度和结果",
            basis=DUTY,
            retention="随审计保留；不含名册和报到的内容",
            columns={
                "title": Column(INTERNAL),
                "params": Column(INTERNAL, "所选的条件；查找人员用的姓名不进地址，也不进任务"),
                "result": Column(INTERNAL, "计数"),
            },
            plain=frozenset(plain),
            seen_with=("jobs.view_job",),
            seen_by="本人",
        )
    )
