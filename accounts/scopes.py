"""What a token may be made for: the short list that its owner chooses from, and the rights that each choice carries.

A right that no choice carries cannot be had by a token at all. A choice gives nothing that its owner does not have at the
moment of asking: the door (orgs/doors.py) reads both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import User

# Nothing could be asked for by unit without the tree.
_TREE = frozenset({"orgs.view_organization", "orgs.view_division"})


@dataclass(frozen=True)
class Scope:
    """One choice. `opens`: what it is for; `asks_with`: what its filters read beside that."""

    label: str
    opens: frozenset[str]
    asks_with: frozenset[str] = _TREE

    @property
    def permissions(self) -> frozenset[str]:
        return self.opens | self.asks_with


SCOPES: dict[str, Scope] = {
    "organizations": Scope("读取组织和区划", _TREE),
    "businesses": Scope(
        "读取经营主体和市场",
        frozenset({"markets.view_business", "markets.view_market", "markets.view_handover", "markets.view_platform"}),
    ),
    "numbers": Scope("读取统计数字", frozenset({"reports.view_snapshot"})),
    "judged": Scope(
        "读取目标、评比和上报数",
        frozenset({"reports.view_plan", "reports.view_goal", "reports.view_evaluation", "reports.view_reportedfigure"}),
    ),
    "documents": Scope(
        "读取报表和打印件",
        frozenset({"reports.view_reportform", "reports.view_filledform", "reports.view_printeddocument"}),
    ),
    "service_points": Scope("读取服务点", frozenset({"stations.view_servicepoint"})),
    "members": Scope("读取党员（脱敏）", frozenset({"members.view_member"})),
    "check_ins": Scope(
        "读取签到（脱敏）", frozenset({"stations.view_checkin"}), _TREE | {"stations.view_servicepoint"}
    ),
}


def permissions_of(keys: Iterable[str]) -> frozenset[str]:
    """What these choices carry together; one that is not in the list any more carries nothing."""
    return frozenset().union(*(SCOPES[key].permissions for key in keys if key in SCOPES))


def labels_of(keys: Iterable[str]) -> list[str]:
    """In the order of the list."""
    return [scope.label for key, scope in SCOPES.items() if key in keys]


def open_to(user: User) -> list[tuple[str, str]]:
    """The choices of this person: those that would open something of what they are for now."""
    return [(key, scope.label) for key, scope in SCOPES.items() if any(map(user.has_perm, scope.opens))]


def refusal(user: User) -> str:
    """Why an answer is 403: the person's posting or the token."""
    if user.token_permissions is None:
        return "您的岗位没有这项权限。"
    return "这个令牌没有这项权限：建立时没有勾选，或者本人的岗位现在没有。需要时请本人在“我的令牌”另建一个。"
