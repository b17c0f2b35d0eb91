"""The table of roles in Chinese words, read from the one table in code."""

from django.apps import apps

from orgs.doors import DUTY_PERMISSIONS, ROLE_PERMISSIONS
from orgs.models import Role

VERBS = {
    "view": "查看", "add": "新增", "change": "修改", "import": "导入",
    "export": "导出", "reveal": "显示完整信息",
    "verify": "核实", "accept": "接收（纳管）", "close": "关账", "approve": "审批", "withdraw": "停用",
    "move": "调整隶属",
    "merge": "合并", "split": "拆分", "undo": "撤销", "print": "打印", "fill": "填报",
    "release": "发布", "decide": "决定", "revoke": "作废", "assign": "分派",
}  # fmt: skip
NOUNS = {
    "health": "运行状况",
    "inventory": "个人信息字段清单",
    "retention": "到期抹除记录",
    "tree_names": "组织树名称（仅名称）",
    "lead": "报到线索",
    "roll": "党员名册",
}  # what no model stands for
ORDER = tuple(VERBS.values())


def spoken(permission: str) -> tuple[str, str]:
    """("经营主体", "导入") of "markets.import_business"; an unknown word stays as it is written in code."""
    app, _, codename = permission.partition(".")
    verb, _, noun = codename.partition("_")
    try:
        label = str(apps.get_model(app, noun)._meta.verbose_name)
    except LookupError:
        label = NOUNS.get(noun, noun)
    return label, VERBS.get(verb, verb)


def _by_noun(permissions) -> dict[str, list[str]]:
    nouns: dict[str, list[str]] = {}
    for permission in permissions:
        noun, verb = spoken(permission)
        nouns.setdefault(noun, []).append(verb)
    rank = {verb: index for index, verb in enumerate(ORDER)}
    return {noun: sorted(verbs, key=lambda verb: rank.get(verb, 99)) for noun, verbs in sorted(nouns.items())}


def roles_table() -> dict:
    """One line per thing, one column per role: `columns` and `rows` [(thing, ["查看、修改", …])]."""
    tables = {role: _by_noun(ROLE_PERMISSIONS[role]) for role in Role.values if role in ROLE_PERMISSIONS}
    nouns = sorted({noun for table in tables.values() for noun in table})
    return {
        "columns": [Role(role).label for role in tables],
        "rows": [(noun, ["、".join(table.get(noun, ())) for table in tables.values()]) for noun in nouns],
    }


def duty_rows(duty: str) -> list[tuple[str, str]]:
    """What one of the three administrators may do: [(thing, "查看、新增")]."""
    return [(noun, "、".join(verbs)) for noun, verbs in _by_noun(DUTY_PERMISSIONS.get(duty, ())).items()]
