"""Reasons of a difference in words. What is said depends on what the two sides differ in: time, unit or 口径."""

from typing import TYPE_CHECKING

from markets.models import Business
from reports import metrics, words

if TYPE_CHECKING:
    from reports.explaining import Side

COVERS = {"none": "无", "work": "仅工作覆盖", "market": "市场", "joint": "联合", "own": "单独"}
STATES = dict(Business.Status.choices) | dict(Business.NotOperating.choices)
# A row that is there on both sides and counts on one: what is said when it came, and when it went.
ORGANIZATIONS = "类型、任期、书记或覆盖的对象变化"
OTHER = {
    "organizations": (ORGANIZATIONS, ORGANIZATIONS),
    "instructors": ("开始派驻", "派驻结束"),
    "service_points": ("类型、所在市场或客流变化", "类型、所在市场或客流变化"),
    "market_plans": ("已过完成期限", "已完成或期限改晚"),
    "markets": ("应建、建议或覆盖变化", "应建、建议或覆盖变化"),
    "check_ins": ("新的签到", "已超出 30 天，或本人有异议"),
}
OTHER_OF = {
    **{f"terms_due_{days}": (f"离届满不到 {days} 天", "已换届、已延期或已经届满") for days in metrics.TERM_REMINDERS},
    "terms_overdue": ("任期届满，没有换届", "已换届或已延期"),
    "terms_extended": ("本届已满，经批准延期", "已换届，或延期已满"),
    "terms_unknown": ("不再有任期", "已填任期"),
    "secretaries_missing": ("书记离任", "已有书记"),
    "committees_formed": ("在任班子达到 3 人", "在任班子不足 3 人"),
    "joint_branches_wide": ("覆盖超过 5 户", "覆盖不再超过 5 户"),
    "organizations_new": ("批准日期在当年", "批准日期不在当年"),
    "market_organizations": ("开始覆盖市场", "不再覆盖市场"),
    "members_transfers_expired": ("已过有效期", "有效期改晚"),
    "markets_covered": ("开始有党组织覆盖", "不再有党组织覆盖"),
}
LATE = {"opened": "补录：较早批准，那天以后才录入", "closed": "补录：较早撤销，那天以后才录入"}
# A registration in the state it was in.
SAME_STATE = {
    "registrations_due_soon": ("离应办结日期不到 3 天", "应办结日期已过"),
    "registrations_unassigned": ("分派已撤回", "已分派到人"),
}


def label(came: bool, key: str, a: "Side", b: "Side") -> str:
    absent = a if came else b  # the side that does not count the row
    name, _, detail = key.partition(":")
    return _LABELS[name](came, detail, absent, b if came else a)


def _entry(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    if absent.metric.source == "businesses":
        return "新登记录入" if came else "记录已撤回"
    if absent.metric.source == "footfall":
        return "新登记的人次" if came else "已超出 30 天"
    return "新批准、新录入或新启用" if came else "撤销、关闭或停用"


def _place(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    if absent.unit != other.unit or absent.unassigned != other.unassigned:
        return f"不在「{words.short(absent.unit)}」"
    return "划入本单位" if came else "划出本单位"


def _registered(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    state = STATES.get(detail, detail)
    return f"恢复登记（原{state}）" if came else state


def _operating(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    state = STATES.get(detail, detail)
    if absent.on == other.on:
        return f"未实体运营（{state}），不在口径「{_inside(absent)}」内"
    return f"转为实体运营（原{state}）" if came else f"不再实体运营（{state}）"


def _range(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    if absent.range != other.range:
        return f"不在范围「{metrics.RANGES[absent.range]}」内"
    return "主体类型改变"


def _inside_label(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    if absent.denominator != other.denominator or absent.code != other.code:
        return f"不在口径「{_inside(absent)}」内"
    return f"新计入「{_inside(absent)}」" if came else f"不再计入「{_inside(absent)}」"


def _inside(side: "Side") -> str:
    code = side.code.split("+")[0]
    if code in metrics.DENOMINATORS:
        return metrics.DENOMINATORS[code]
    if metrics.METRICS[code].denominators:
        return metrics.DENOMINATORS[side.denominator]
    return metrics.DENOMINATORS["due" if code.startswith("due_") else metrics.DEFAULT_DENOMINATOR]


def _cover(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    before, _, after = detail.partition(">")
    if before == after:
        return "本组织的覆盖关系开始" if came else "本组织的覆盖关系结束"
    return f"覆盖由「{COVERS[before]}」变为「{COVERS[after]}」"


def _late(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    """What had begun or ended by the day of one side, and was entered after it."""
    if detail in LATE:
        return LATE[detail]
    before, _, after = detail.partition(">")
    return f"补录的覆盖关系：由「{COVERS[before]}」变为「{COVERS[after]}」"


def _helped(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    what = metrics.METRICS[absent.code].name.removeprefix("有")
    return f"开始有{what}" if came else f"不再有{what}"


def _key(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    return "标为重点企业" if came else "不再标为重点企业"


def _other(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    came_and_went = OTHER_OF.get(absent.code) or OTHER.get(absent.metric.source)
    return came_and_went[0 if came else 1] if came_and_went else "登记内容变化"


PERSONS = {
    (True, "on_roll"): "组织关系转入（在册）", (True, "taken_in"): "由党组织接纳（纳管）", (True, "verified"): "报到核实",
    (True, "changed"): "登记内容变化", (False, "on_roll"): "在册关系结束", (False, "taken_in"): "纳管结束",
    (False, "verified"): "本人撤回报到", (False, "changed"): "登记内容变化", (False, "moved_out"): "组织关系转出",
    (False, "died"): "去世", (False, "ended"): "其他原因不再计入",
}  # fmt: skip


def _person(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    return PERSONS[(came, detail)]


def _state(came: bool, detail: str, absent: "Side", other: "Side") -> str:
    before, _, after = detail.partition(">")
    names = metrics.REGISTRATION_STATES
    if before == "none":
        return f"新的报到（{names.get(after, after)}）"
    if before == after:
        return SAME_STATE.get(absent.code, ("超过应办结日期", "不再超期"))[0 if came else 1]
    return f"由「{names.get(before, before)}」变为「{names.get(after, '已不在库')}」"


_LABELS = {
    "entry": _entry, "place": _place, "registered": _registered, "operating": _operating, "range": _range,
    "inside": _inside_label, "cover": _cover, "late": _late, "helped": _helped, "key": _key, "other": _other,
    "person": _person, "state": _state, "lost": lambda *_: "不能还原的改动（抹除个人信息、事后更改）",
    "window": lambda *_: "已超出 30 天",
    "rest": lambda *_: "其余（人数过少的不分开说，也可能没有）",
}  # fmt: skip
