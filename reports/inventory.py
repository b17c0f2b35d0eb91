"""个人信息字段清单: every personal column in one list, generated from what the rooms declared and from the table of roles."""

from collections.abc import Iterator

from django.utils import timezone

from accounts.models import User
from accounts.personal import INTERNAL, Held, declared, staff_traces
from members.models import ImpactAssessment
from orgs.doors import DUTY_PERMISSIONS, ROLE_PERMISSIONS
from orgs.models import Role

HEADER = ("表", "字段", "谁的", "分级", "目的", "依据", "保存期限", "谁能看", "从哪里出去", "加密保存")


def inventory() -> Iterator[tuple[str, ...]]:
    """One line for each column, in the order of HEADER."""
    for held in declared():
        seen, leaves = who_sees(held), "、".join(held.leaves_by) or "不出去"
        for name, column in held.columns.items():
            field = held.model._meta.get_field(name)
            yield (
                held.title, held.label(name), held.whose, column.grade, column.purpose or held.purpose, held.basis,
                held.retention, seen, leaves if column.copied else "不出去",
                "是" if type(field).__name__ == "EncryptedTextField" else "",
            )  # fmt: skip
    for held in declared():
        for name in staff_traces(held.model):
            yield (
                held.title, held.label(name), "工作人员", "内部", "写明谁办的", "履行职责的记录", "随记录", who_sees(held),
                "不出去", "",
            )  # fmt: skip


def not_assessed() -> list[str]:
    """Tables with sensitive columns that no finished assessment covers which is not due for review (PIPL Art. 55)."""
    standing = ImpactAssessment.objects.filter(finished_at__isnull=False, review_on__gte=timezone.localdate())
    covered = {label for labels in standing.values_list("covers", flat=True) for label in labels}
    return [
        held.title
        for held in declared()
        if held.model._meta.label not in covered and any(one.grade != INTERNAL for one in held.columns.values())
    ]


def who_sees(held: Held) -> str:
    roles = [Role(role).label for role in Role.values if ROLE_PERMISSIONS.get(role, frozenset()) & set(held.seen_with)]
    duties = [User.Duty(duty).label for duty in User.Duty.values if DUTY_PERMISSIONS[duty] & set(held.seen_with)]
    return "、".join(filter(None, [*roles, *duties, held.seen_by])) or "没有页面显示"
