"""The walk of one account along the product's addresses: rows outside its reach are asked for, and looked for.

No row is planted: what is asked for stands there already, outside the reach by the statement of stands.py. Each address of
such a row must answer like that of a row that does not exist. On the account's own pages, in its searches and choosers
nothing may lead to one.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from django.apps import apps
from django.contrib import admin
from django.db import OperationalError, connection, models, transaction
from django.urls import NoReverseMatch
from psycopg2.errors import QueryCanceled

from accounts import wall
from accounts.models import User
from reports.metrics import METRICS
from reports.self_check.addresses import Address, addresses, is_bare_admin_row, is_read, model_of
from reports.self_check.asking import Answer, TookTooLong, ask
from reports.self_check.counts import FAILED, PASSED, PATIENCE_MS, UNCHECKED, condition, view_right
from reports.self_check.reach import holds_by_duty, reach_of
from reports.self_check.stands import EVERYBODY, STANDS
from tables.listing import exported_lists

ROW, PAGE, SEARCH, CHOOSE = "范围外的一行", "本人的页面", "查找范围外的名称", "选择框"
MISSING = {"pk": "99999999999", "object_id": "99999999999", "code": "NOSUCHCODE"}
# Of these nothing hangs on the account: opened by a code in one's hand, by nobody, or part of signing in.
OPEN = re.compile(
    r"healthz$|api:(token|schema|docs|intake)|accounts:(?!sessions_of|tokens_of|locks|measure)|members:(poster$|receipt|notice)"
    r"|stations:own_check_ins|reports:(verify|verified|screen$|screen_data|screen_shapes|screen_worker)"
    r"|admin:(?!\w+_\w+_(changelist|add|history|delete|change)$|index|autocomplete)"
)
_KINDS = {
    "accounts:measure": {"kind": "unlock"},
    "reports:chart": {"kind": "o", "chart": "trend"},
    "reports:split": {"kind": "d"},
    "reports:split_chart": {"kind": "d"},
}
_ROW_KEYS = ("pk", "object_id", "code")
_NAMED = {
    "markets.Business": "name",
    "markets.Market": "name",
    "orgs.Organization": "name",
    "stations.ServicePoint": "name",
}
_PUBLIC_UNITS = ("orgs.Division",)  # every filter offers all of them; their numbers are behind the door


@dataclass(frozen=True)
class Visit:
    """One address and one way of asking it. `given`: parameters that are always the same."""

    address: str
    asked_for: str
    of: Address = field(compare=False)
    given: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    model: type[models.Model] | None = None

    @property
    def key(self) -> str:
        return next(name for name in self.of.parameters if name in _ROW_KEYS)

    def url(self, row_key: str = "") -> str:
        return self.of.url(**dict(self.given), **({self.key: row_key} if self.asked_for == ROW else {}))


@dataclass(frozen=True)
class Answered:
    address: str
    asked_for: str
    answer: str
    verdict: str
    why: str = ""


@dataclass(frozen=True)
class Far:
    """A row outside the reach: its keys, and what of it would give it away in an answer."""

    model: type[models.Model]
    keys: dict[str, str]
    name: str
    marks: tuple[str, ...]


# --- what is asked ----------------------------------------------------------------------------------------------------


def _choices(address: Address) -> list[dict[str, str]]:
    """The parameters of pages that show one of a fixed set of things."""
    if address.parameters == ("metric",) and address.name == "reports:rows":
        return [{"metric": code} for code in METRICS]
    if address.parameters == ("table",) and address.name == "lists:export":
        return [{"table": one.name} for one in exported_lists()]
    return []


def _visits(address: Address) -> Iterator[Visit]:
    if not address.parameters:
        if address.name != "admin:autocomplete":
            yield Visit(address.name, PAGE, address, model=model_of(address))
        else:
            yield from _choosers(address)
        return
    fixed = _KINDS.get(address.name, {})
    model = model_of(address)
    free = [name for name in address.parameters if name not in fixed]
    if model is not None and len(free) == 1 and free[0] in _ROW_KEYS and model._meta.label in STANDS:
        yield Visit(address.name, ROW, address, tuple(fixed.items()), model=model)
    for given in _choices(address):
        yield Visit(f"{address.name} {' '.join(given.values())}", PAGE, address, tuple(given.items()), model=model)


def _choosers(address: Address) -> Iterator[Visit]:
    for one in admin.site._registry:
        for column in one._meta.get_fields():
            to = column.related_model if column.concrete and column.remote_field else None
            if isinstance(to, type) and to._meta.label in _NAMED:
                sent = {
                    "app_label": one._meta.app_label, "model_name": str(one._meta.model_name), "field_name": column.name
                }  # fmt: skip
                name = f"{address.name} {one._meta.verbose_name}·{column.verbose_name}"
                yield Visit(name, CHOOSE, address, query=tuple(sent.items()), model=to)


_LISTS = {"orgs.Organization": "orgs:list", "markets.Business": "markets:business_list",
          "markets.Market": "markets:market_list", "stations.ServicePoint": "stations:list"}  # fmt: skip


@cache
def plan() -> tuple[Visit, ...]:
    """Everything that is asked of each account. The same for all of them: refusals are part of the answer."""
    known = [each for each in addresses() if not is_bare_admin_row(each) and not each.unnamed_route]
    asked = [each for each in known if not OPEN.match(each.name) and is_read(each)]
    found = [visit for address in asked for visit in _visits(address)]
    by_name = {each.name: each for each in asked}
    for label, name in _LISTS.items():
        for at in (name, "reports:search"):
            found.append(Visit(at, SEARCH, by_name[at], model=apps.get_model(label)))
    return tuple(found)


def unasked() -> list[dict]:
    """The addresses that no account was asked, with the reason: said plainly, in the product's order."""
    taken = {visit.of.name for visit in plan()}
    found = []
    for each in addresses():
        if each.name in taken or is_bare_admin_row(each):
            continue
        why = (
            "不看账号：公开、凭码打开，或属于登录本身" if each.unnamed_route or OPEN.match(each.name)
            else "只接受提交：自检不做改动，由出厂测试核对" if not is_read(each)
            else "不对应权限表里的一行数据，由出厂测试核对"
        )  # fmt: skip
        found.append({"address": each.name if not each.unnamed_route else each.unnamed_route, "why": why})
    return found


# --- who asks ---------------------------------------------------------------------------------------------------------


class Walk:
    """One account under way."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.reach = reach_of(user)
        self._far: dict[str, list[Far]] = {}
        self._missing: dict[Visit, Answer] = {}

    def answers_to(self, visit: Visit) -> list[Answered]:
        try:
            return self._asked(visit)
        except TookTooLong:
            return [Answered(visit.address, visit.asked_for, "超时", UNCHECKED, "页面超过时限，没有核对")]
        except Exception as error:  # whatever a view does wrong is a finding about it, not the end of the run
            why = f"系统出错（{type(error).__name__}），没有核对，请告诉系统管理员"
            return [Answered(visit.address, visit.asked_for, "出错", UNCHECKED, why)]

    def _asked(self, visit: Visit) -> list[Answered]:
        if visit.asked_for == PAGE:
            return [self._page(visit)]
        assert visit.model is not None
        act = {ROW: self._row, SEARCH: self._search, CHOOSE: self._chooser}[visit.asked_for]
        return [act(visit, far) for far in self.far_rows(visit.model)]

    def _row(self, visit: Visit, far: Far) -> Answered:
        if visit not in self._missing:
            self._missing[visit] = ask(self.user, visit.url(MISSING[visit.key]))
        missing, answer = self._missing[visit], ask(self.user, visit.url(far.keys[visit.key]))
        same = (answer.status, answer.leads_to.replace(far.keys[visit.key], MISSING[visit.key]), answer.text) == (
            missing.status, missing.leads_to, missing.text,
        )  # fmt: skip
        # Django's history page looks for the row before it asks for the right: it redirects where there is none.
        refused = answer.status == 403 and missing.status in (302, 403)
        if same or refused:
            return Answered(visit.address, ROW, str(answer.status), PASSED)
        what = "打得开" if answer.status < 300 else f"回答 {answer.status}，与不存在的行（{missing.status}）不同"
        why = f"范围外的“{far.model._meta.verbose_name}”{what}"
        return Answered(visit.address, ROW, str(answer.status), FAILED, why)

    def _page(self, visit: Visit) -> Answered:
        answer = ask(self.user, visit.url())
        for far in self._everything_far():
            if self._shows(answer, far, of=visit.model):
                why = f"页面里有范围外的“{far.model._meta.verbose_name}”"
                return Answered(visit.address, PAGE, str(answer.status), FAILED, why)
        return Answered(visit.address, PAGE, str(answer.status), PASSED)

    def _search(self, visit: Visit, far: Far) -> Answered:
        answer = ask(self.user, visit.url(), {"q": far.name})
        repeated = Answer(answer.status, answer.text.replace(far.name, ""), answer.leads_to)
        if self._shows(repeated, far, of=None):
            why = f"查得到范围外的“{far.model._meta.verbose_name}”"
            return Answered(visit.address, SEARCH, str(answer.status), FAILED, why)
        return Answered(visit.address, SEARCH, str(answer.status), PASSED)

    def _chooser(self, visit: Visit, far: Far) -> Answered:
        answer = ask(self.user, visit.url(), dict(visit.query) | {"term": far.name})
        offered = json.loads(answer.text)["results"] if answer.status == 200 else []
        if far.keys["pk"] in {str(one["id"]) for one in offered}:
            why = f"可以选到范围外的“{far.model._meta.verbose_name}”"
            return Answered(visit.address, CHOOSE, str(answer.status), FAILED, why)
        return Answered(visit.address, CHOOSE, str(answer.status), PASSED)

    @staticmethod
    def _shows(answer: Answer, far: Far, of: type[models.Model] | None) -> bool:
        if of is far.model and answer.text.startswith("{"):
            rows = json.loads(answer.text).get("results", [])
            if far.keys["pk"] in {str(row.get("id")) for row in rows if isinstance(row, dict)}:
                return True
        return any(mark in answer.text for mark in far.marks)

    def _everything_far(self) -> Iterator[Far]:
        for label in STANDS:
            if label not in _PUBLIC_UNITS:
                yield from self.far_rows(apps.get_model(label))

    # --- rows outside the reach ---

    def far_rows(self, model: type[models.Model]) -> list[Far]:
        """The newest and the oldest row outside; none where the account sees every row by right."""
        label = model._meta.label
        if label not in self._far:
            self._far[label] = self._picked(model)
        return self._far[label]

    def _picked(self, model: type[models.Model]) -> list[Far]:
        stand = STANDS[model._meta.label]
        if stand.inside == EVERYBODY or holds_by_duty(self.user, view_right(model)):
            return []
        outside = f"({condition(stand, self.reach)}) IS NOT TRUE"
        if model._meta.label == "orgs.Organization":  # the bodies above one's own are named on every page
            outside += f" AND t.id <> ALL({self.reach.sets['above']})"
        has_code = any(column.name == "code" for column in model._meta.concrete_fields)
        named = _NAMED.get(model._meta.label)
        columns = ", ".join(["t.id", "t.code" if has_code else "NULL", f"t.{named}" if named else "NULL"])
        found = {}
        for order in ("DESC", "ASC"):
            statement = (
                f'SELECT {columns} FROM "{model._meta.db_table}" t WHERE {outside} ORDER BY t.id {order} LIMIT 1'
            )
            if row := _read(statement):
                found[row[0]] = row
        return [self._far_row(model, *row) for row in found.values()]

    def _far_row(self, model: type[models.Model], pk: int, code: str | None, name: str | None) -> Far:
        keys = {"pk": str(pk), "object_id": str(pk), "code": code or ""}
        marks = set()
        for visit in plan():
            if (
                visit.asked_for == ROW
                and visit.model is model
                and not visit.address.startswith("api:")
                and keys[visit.key]
            ):
                try:
                    marks.add(f'"{visit.url(keys[visit.key])}')
                except NoReverseMatch:
                    continue
        return Far(model, keys, name or str(pk), tuple(sorted(marks)))


def _read(statement: str) -> tuple | None:
    """One row, whoever it belongs to, in a transaction that cannot write. Raises TookTooLong."""
    try:
        with wall.everywhere(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = {PATIENCE_MS}")
            cursor.execute(statement)
            row = cursor.fetchone()
            transaction.set_rollback(True)
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong from error
        raise
    return row
