"""What a self-check says, as plain JSON: the rights, the accounts, what was found, and what could not be asked."""

from collections.abc import Iterable

from django.conf import settings

from accounts.models import User
from orgs.doors import current_postings
from orgs.models import Organization
from reports.inventory import HEADER, inventory, not_assessed
from reports.models import SelfCheck
from reports.rights_table import duty_rows, roles_table
from reports.self_check.counts import FAILED, PASSED, UNCHECKED, Counted
from reports.self_check.walk import Answered

WORDS = {PASSED: "通过", FAILED: "不通过", UNCHECKED: "未核对"}


def postings_of(user: User) -> list[dict]:
    return [
        {
            "role": posting.get_role_display(), "unit": str(posting.unit),
            "line": "指导线" if posting.organization_id else "区划线",
            "level": posting.unit.get_level_display(), "from": posting.starts_on.isoformat(),
            "until": posting.ends_on.isoformat() if posting.ends_on else "", "may_grant": posting.may_grant,
        }
        for posting in current_postings(user)
    ]  # fmt: skip


def scope_of(user: User) -> str:
    """How far the account sees, by names of units only."""
    if not user.is_active:
        return "已停用，看不到任何内容"
    if user.duty != User.Duty.STAFF:
        return "不看业务数据"
    units = {f"{posting.unit}及以下" for posting in current_postings(user)}
    label = f"（安全标记：{user.get_clearance_display()}）"
    return "、".join(sorted(units)) + label if units else "没有任职，看不到业务数据"


def verdict_of(verdicts: Iterable[str]) -> str:
    found = set(verdicts)
    return FAILED if FAILED in found else UNCHECKED if UNCHECKED in found else PASSED


def account_part(user: User, counts: list[Counted], walked: list[Answered]) -> dict:
    """One account: what it holds, what it sees in each table, which addresses were asked for in its name."""
    problems = [{"where": one.what, "verdict": one.verdict, "why": one.why} for one in counts if one.why]
    problems += [{"where": one.address, "verdict": one.verdict, "why": one.why} for one in walked if one.why]
    return {
        "username": user.username, "name": user.name, "duty": user.get_duty_display(), "active": user.is_active,
        "postings": postings_of(user), "scope": scope_of(user),
        "counts": [
            {"table": one.what, "inside": one.inside, "outside": one.outside, "verdict": one.verdict}
            for one in counts if one.inside != "0" or one.verdict != PASSED
        ],
        "tables": len(counts),
        "addresses": _by_address(walked),
        "asked": len(walked),
        "problems": problems,
        "verdict": verdict_of([*(one.verdict for one in counts), *(one.verdict for one in walked)]),
    }  # fmt: skip


def _by_address(walked: list[Answered]) -> list[list]:
    """One line for each address: what was asked, how often, how it answered, the worst verdict."""
    lines: dict[tuple[str, str], list[Answered]] = {}
    for one in walked:
        lines.setdefault((one.address, one.asked_for), []).append(one)
    return [
        [
            address,
            asked_for,
            len(found),
            sorted({one.answer for one in found}),
            verdict_of(one.verdict for one in found),
        ]
        for (address, asked_for), found in sorted(lines.items())
    ]


def addresses_of(accounts: list[dict]) -> list[dict]:
    """The same over all accounts, for the paper: how many were asked, and who did not pass."""
    lines: dict[tuple[str, str], dict] = {}
    for part in accounts:
        for address, asked_for, times, answers, verdict in part["addresses"]:
            new = {"address": address, "asked_for": asked_for, "accounts": 0, "times": 0, "answers": set(), "not": []}
            line = lines.setdefault((address, asked_for), new)
            line["accounts"] += 1
            line["times"] += times
            line["answers"] |= set(answers)
            if verdict != PASSED:
                line["not"].append(f"{part['username']} {WORDS[verdict]}")
    return [line | {"answers": "、".join(sorted(line["answers"]))} for _, line in sorted(lines.items())]


def administrators() -> list[dict]:
    rows = User.objects.exclude(duty=User.Duty.STAFF).order_by("duty", "username")
    return [
        {"duty": user.get_duty_display(), "username": user.username, "name": user.name, "active": user.is_active}
        for user in rows
    ]


def rights_part() -> dict:
    duties = [duty for duty in User.Duty.values if duty != User.Duty.STAFF]
    return {
        "roles": roles_table(),
        "duties": [{"label": User.Duty(duty).label, "rows": duty_rows(duty)} for duty in duties],
        "administrators": administrators(),
    }


def inventory_part() -> dict:
    return {"header": list(HEADER), "rows": [list(line) for line in inventory()], "not_assessed": not_assessed()}


def body(accounts: list[dict], unchecked: list[dict], address: str) -> dict:
    """Everything but the heading (making.py adds it)."""
    worst = verdict_of(one["verdict"] for one in accounts)
    verdict = {
        PASSED: SelfCheck.Verdict.PASSED, FAILED: SelfCheck.Verdict.FAILED, UNCHECKED: SelfCheck.Verdict.PARTLY
    }[worst]  # fmt: skip
    failed = [one for one in accounts if one["verdict"] == FAILED]
    open_ends = sum(one["verdict"] == UNCHECKED for part in accounts for one in part["problems"])
    sentence = f"共检查 {len(accounts)} 个账号、{sum(one['asked'] for one in accounts):,} 次访问："
    sentence += f"{len(failed)} 个账号不通过。" if failed else "没有发现看得到范围外内容的账号。"
    sentence += f"另有 {open_ends} 项没能核对，逐项列明。" if open_ends else ""
    city = Organization.objects.filter(parent=None).first()
    return {
        "address": address, "organization": str(city or ""), "verdict": verdict.value, "verdict_label": verdict.label,
        "sentence": sentence, "version": settings.SPECTACULAR_SETTINGS["VERSION"], "accounts": accounts,
        "unchecked": unchecked, "rights": rights_part(), "inventory": inventory_part(),
    }  # fmt: skip
