"""What an account sees of every table and could take out of every list, counted, and how much of it stands outside its
reach: that must be nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connection, models, transaction
from django.http import QueryDict
from psycopg2.errors import QueryCanceled

from accounts import wall
from accounts.models import User
from reports.self_check.reach import Reach, holds_by_duty, reach_of
from reports.self_check.stands import STANDS, Stand
from tables.listing import Listing, exported_lists

PASSED, FAILED, UNCHECKED = "passed", "failed", "unchecked"
PATIENCE_MS = 15_000  # for one statement
TOO_LONG = "统计超过时限，没有核对"


@dataclass(frozen=True)
class Counted:
    """One table for one account. The numbers are words: those of persons are told in steps."""

    what: str
    inside: str
    outside: str
    verdict: str
    why: str = ""


def scoped_models() -> list[type[models.Model]]:
    """Every model with a door, in the order of the rooms."""
    return [model for model in apps.get_models() if hasattr(model._default_manager.all(), "visible_to")]


@dataclass(frozen=True)
class Question:
    """One set of rows that an account may read: a table, or a list as its export reads it."""

    what: str
    model: type[models.Model]
    permission: str
    rows: Callable[[User], models.QuerySet]


def questions() -> list[Question]:
    tables = [
        Question(str(model._meta.verbose_name), model, view_right(model), model._default_manager.visible_to)  # type: ignore[attr-defined]
        for model in scoped_models()
    ]
    return tables + [_export(one) for one in exported_lists()]


def _export(one: Listing) -> Question:
    return Question(f"导出“{one.title}”", one.model, one.export, lambda user: one.rows(QueryDict(), user, one.export))


def view_right(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


def condition(stand: Stand, reach: Reach) -> str:
    everything = reach.everything and stand.by_posting
    return "TRUE" if everything else stand.inside.format(**reach.sets)


def told(number: int, stand: Stand) -> str:
    """Persons in steps that hide small cells, also from who subtracts one account's number from another's."""
    if not stand.persons or not number:
        return f"{number:,}"
    if number < settings.SMALL_CELL:
        return f"少于 {settings.SMALL_CELL}"
    return f"{number // 10 * 10:,} 余" if number >= 10 else "不足 10"


def count_of(user: User, question: Question) -> Counted:
    """In a transaction that cannot write. `visible_to` alone is asked: the wall of the database stands open meanwhile."""
    what, stand = question.what, STANDS[question.model._meta.label]
    try:
        with wall.everywhere(), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = {PATIENCE_MS}")
            inside, outside = _counted(user, question, stand)
            transaction.set_rollback(True)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return Counted(what, "—", "—", UNCHECKED, TOO_LONG)
    if outside:
        why = f"看得到 {told(outside, stand)} 行不在权限范围内的“{question.model._meta.verbose_name}”"
        return Counted(what, told(inside, stand), told(outside, stand), FAILED, why)
    return Counted(what, told(inside, stand), "0", PASSED)


def _counted(user: User, question: Question, stand: Stand) -> tuple[int, int]:
    permission, model = question.permission, question.model
    try:
        statement, parameters = question.rows(user).order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return 0, 0
    allowed = "TRUE" if holds_by_duty(user, permission) else condition(stand, reach_of(user, permission))
    table, key = model._meta.db_table, model._meta.pk.column  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT count(*) FILTER (WHERE ({allowed}) IS TRUE), count(*) FROM "{table}" t'
            f" WHERE t.{key} IN ({statement})",
            parameters,
        )
        inside, total = cursor.fetchone()
    return inside, total - inside
