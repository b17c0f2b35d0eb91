"""个转企: a sole trader that became an enterprise. What hung on it goes on at the enterprise from the day of that.

The rules that single edits and files share, and the register by which upper rooms take part:
  follows(model, key)   rows that belong to a business for a time go over; two of one business differ in `key`
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from markets.models import Business, BusinessCoverage, CarriedOver, GroupOrganization
from tables.statements import fetch, run

UNKNOWN = "没有登记这个前身，请先导入或核对号码"  # of one outside the own scope too
ITSELF = "前身不能是它自己，请填转型前那个个体工商户"
NO_ENTERPRISE = "个体工商户没有前身，转型后的企业才填前身"
NO_SOLE_TRADER = "前身应是个体工商户，这里填的不是，请核对"
ANOTHER = "这个企业已登记了另一个前身，文件不能改它。请核对号码，确实登记错的在后台修改"
TWICE = "这个个体工商户已是另一家企业的前身，请核对"
SOLE_TRADER = Business.EntityType.SOLE_TRADER


def problem(*, entity_type: str, pk: int | None, predecessor: Business) -> str:
    """Why a business cannot have been this one before; empty where it can."""
    if predecessor.pk == pk:
        return ITSELF
    if entity_type == SOLE_TRADER:
        return NO_ENTERPRISE
    if predecessor.entity_type != SOLE_TRADER:
        return NO_SOLE_TRADER
    return TWICE if predecessor.successors.exclude(pk=pk or 0).exists() else ""


# --- what goes over ---------------------------------------------------------------------------------------------------

KEPT = CarriedOver._meta.db_table
_OF_PAIR = 'k.before = %s AND k.after = %s AND k."table" = %s'
_PERIOD = ("business_id", "starts_on", "ends_on", "entered_at")  # of every row that goes over; the rest is copied


@dataclass(frozen=True)
class Follower:
    table: str
    key: str
    copied: tuple[str, ...]


_followers: dict[str, Follower] = {}


def follows(model: type[models.Model], key: str) -> None:
    columns = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
    copied = tuple(column for column in columns if column not in _PERIOD)
    _followers[model._meta.db_table] = Follower(model._meta.db_table, key, copied)


def followers() -> Sequence[Follower]:
    return tuple(_followers.values())


def still_open(link: str, pair: str) -> str:
    """Whether a link of the predecessor reaches beyond the day."""
    return f"({link}.business_id = {pair}.before_id AND COALESCE({link}.ends_on > {pair}.day, TRUE))"


def carry_over(pairs: str, params: Sequence, keep: str = "") -> int:
    """End what is open at the predecessors and let it go on at the enterprises. How many rows went over.

    `pairs`: a query for (before_id, after_id, day), each business in one pair at most. What had not begun by the day is
    the enterprise's alone; days that it has already are not doubled. `keep`: a CTE that keeps `images` (before_id,
    after_id, was, now: the rows of the table `{table}` before and after) for an undo; its parameters follow in `params`.
    """
    return sum(fetch(_carry(each, pairs, keep.format(table=each.table)), params)[0][0] for each in followers())


def _carry(of: Follower, pairs: str, keep: str) -> str:
    copied = ", ".join(of.copied)
    has = (
        f"SELECT range_agg(daterange(x.starts_on, x.ends_on)) FROM {of.table} x "
        f"WHERE x.business_id = o.after_id AND x.{of.key} = o.{of.key}"
    )
    return (
        f"WITH c AS MATERIALIZED ({pairs}), "
        f"o AS MATERIALIZED (SELECT c.before_id, c.after_id, c.day, t.*, to_jsonb(t) AS was FROM {of.table} t JOIN c "
        f"ON {still_open('t', 'c')}), "
        f"ended AS (UPDATE {of.table} t SET ends_on = o.day FROM o WHERE t.id = o.id AND t.starts_on < o.day "
        "RETURNING o.before_id, to_jsonb(t) AS now), "
        f"gone AS (DELETE FROM {of.table} t USING o WHERE t.id = o.id AND t.starts_on >= o.day), "
        f"made AS (INSERT INTO {of.table} AS t (business_id, starts_on, ends_on, entered_at, {copied}) "
        f"SELECT o.after_id, lower(days), upper(days), now(), {', '.join(f'o.{column}' for column in of.copied)} "
        "FROM o, unnest(datemultirange(daterange(greatest(o.starts_on, o.day), o.ends_on)) "
        f"- COALESCE(({has}), '{{}}')) days RETURNING t.business_id, to_jsonb(t) AS now), "
        "rows_now AS (SELECT before_id, jsonb_agg(now) AS now FROM (SELECT before_id, now FROM ended UNION ALL "
        "SELECT c.before_id, made.now FROM made JOIN c ON c.after_id = made.business_id) q GROUP BY before_id), "
        "images AS (SELECT w.*, COALESCE(n.now, '[]') AS now FROM (SELECT before_id, after_id, jsonb_agg(was) AS was "
        "FROM o GROUP BY before_id, after_id) w LEFT JOIN rows_now n USING (before_id)), "
        f'carried AS (INSERT INTO {KEPT} (before, after, "table", was, now) '
        f"SELECT before_id, after_id, '{of.table}', was, now FROM images)"
        f"{', ' if keep else ''}{keep} SELECT count(*) FROM o"
    )


# --- what comes back --------------------------------------------------------------------------------------------------


def give_back(before: int, after: int) -> tuple[int, int]:
    """The enterprise was never that sole trader: what went over returns. How many rows came back, and of how many links
    the rows stay, because somebody changed them since or the trader has such a link again."""
    back = stay = 0
    for each in followers():
        pair = [before, after, each.table]
        touched = [key for (key,) in fetch(_touched(each), pair * 2)]
        gone = f"t.id = i.id AND NOT i.{each.key} = ANY(%s) AND {_OF_PAIR}"
        run(f"DELETE FROM {each.table} t USING {_image(each, 'now')} WHERE {gone}", [touched, *pair])
        came = f"SELECT i.* FROM {_image(each, 'was')} WHERE NOT i.{each.key} = ANY(%s) AND {_OF_PAIR}"
        back += len(fetch(f"INSERT INTO {each.table} {came} RETURNING id", [touched, *pair]))
        run(f"DELETE FROM {KEPT} k WHERE {_OF_PAIR}", pair)
        stay += len(touched)
    return back, stay


def _image(of: Follower, which: str) -> str:
    return f"{KEPT} k CROSS JOIN jsonb_populate_recordset(NULL::{of.table}, k.{which}) i"


def _touched(of: Follower) -> str:
    return (
        f"SELECT i.{of.key} FROM {_image(of, 'now')} LEFT JOIN {of.table} t ON t.id = i.id "
        f"WHERE t IS DISTINCT FROM i AND {_OF_PAIR} UNION "
        f"SELECT i.{of.key} FROM {_image(of, 'was')} JOIN {of.table} t ON t.business_id = i.business_id "
        f"AND t.{of.key} = i.{of.key} AND daterange(t.starts_on, t.ends_on) && daterange(i.starts_on, i.ends_on) "
        f"WHERE {_OF_PAIR} AND t.id NOT IN (SELECT (n ->> 'id')::bigint FROM jsonb_array_elements(k.now) n)"
    )


follows(BusinessCoverage, "organization_id")
follows(GroupOrganization, "kind")
