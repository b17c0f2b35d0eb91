"""One act on many rows of a list. Rooms register their acts in `AppConfig.ready()`; a job does them.

The set is fixed when it is confirmed: the list's filters, and no row that came later. The job works in one transaction,
step by step along the key: cancelled or refused, nothing has happened. What the person may do is asked again at every
step.
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import QueryDict
from django.urls import reverse

from accounts import audit
from accounts.models import User
from jobs.lease import interruptible
from jobs.models import Job
from jobs.services import JobFailed, Progress, job_kind, job_start
from tables.listing import Listing, Unusable, listing
from tables.traces import lock

STEP = 1_000  # rows of one statement
MOST_PICKED = 500  # rows ticked one by one
EXAMPLES = 20  # rows shown for each reason why some were left out
NO_LONGER = "已不在您的权限范围内，或已不符合条件"


@dataclass
class Step:
    """What became of some rows. `skipped`: reason → ids of the rows that were left as they are."""

    changed: int = 0
    unchanged: int = 0
    skipped: dict[str, list[int]] = field(default_factory=dict)
    units: set[int] = field(default_factory=set)  # organizations whose numbers moved


@dataclass(frozen=True)
class BulkAct:
    """`form(data, user=…)` asks for what the act needs and judges it anew when the job runs; `do` works on locked ids.

    `permission` is the right that each row needs; `says` tells in one sentence what will happen.
    """

    name: str
    label: str
    permission: str
    form: Callable[..., forms.Form]
    says: str
    do: Callable[[Sequence[int], dict[str, Any], User], Step]


_acts: dict[str, dict[str, BulkAct]] = {}


def register_bulk(table: str, act: BulkAct) -> None:
    _acts.setdefault(table, {})[act.name] = act


def bulk_act(table: str, name: str) -> BulkAct | None:
    return _acts.get(table, {}).get(name)


def acts_for(table: str, user) -> list[BulkAct]:
    return [act for act in _acts.get(table, {}).values() if user.has_perm(act.permission)]


@dataclass(frozen=True)
class Chosen:
    """Rows of a list: some ids, or (None) everything that its filters let through. Nothing newer than `newest`."""

    query: str
    ids: tuple[int, ...] | None = None
    newest: int | None = None

    def rows(self, asked: Listing, user, permission: str) -> QuerySet:
        """Those of them on which the person holds a right. Raises Unusable."""
        if self.ids is None:
            found = asked.rows(QueryDict(self.query), user, permission)
        else:
            found = asked.model._default_manager.visible_to(user, permission).filter(pk__in=self.ids)  # type: ignore[attr-defined]
        return found if self.newest is None else found.filter(pk__lte=self.newest)

    def fixed(self, asked: Listing, user) -> "Chosen":
        """Without the rows that come from now on."""
        newest = asked.model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0
        return Chosen(self.query, self.ids, newest)


def bulk_start(*, by, asked: Listing, act: BulkAct, chosen: Chosen, data: dict, count: int) -> Job:
    """Queue the act. `data`: what its form was sent; `count`: how many rows the person was told of."""
    params = {
        "table": asked.name,
        "act": act.name,
        "query": chosen.query,
        "ids": chosen.ids,
        "newest": chosen.newest,
        "data": data,
        "count": count,
        "url": asked.url(QueryDict(chosen.query)),
    }
    return job_start(kind="tables.bulk", title=f"{asked.title}批量{act.label}", by=by, params=params, total=count)


def _right(params: dict) -> str:
    act = bulk_act(params["table"], params["act"])
    return act.permission if act else ""


@job_kind("tables.bulk", right=_right)
def run(job: Job, progress: Progress) -> dict:
    params = job.params
    asked, act = listing(params["table"]), bulk_act(params["table"], params["act"])
    if asked is None or act is None or job.owner is None:
        raise JobFailed("系统里已没有这项批量操作，没有改动任何内容。")
    ids = params["ids"]
    chosen = Chosen(params["query"], None if ids is None else tuple(ids), params["newest"])
    if job.is_committed:  # its worker died after that
        return job.result
    with transaction.atomic(), interruptible() as result:
        done = _work(job, job.owner, asked, act, chosen, progress)
        audit.record(
            f"{asked.act}.bulk_{act.name}",
            by=job.owner,
            units=done.units,
            detail={"job": job.pk, "changed": done.changed, "unchanged": done.unchanged, "skipped": _counted(done)},
        )
        result |= {
            "url": reverse("lists:bulk_result", args=[job.pk]),
            "confirmed": params["count"],
            "changed": done.changed,
            "unchanged": done.unchanged,
            "skipped": [
                {"reason": reason, "count": len(rows), "ids": rows[:EXAMPLES]} for reason, rows in done.skipped.items()
            ],
        }
    return result


def _counted(done: Step) -> int:
    return sum(len(rows) for rows in done.skipped.values())


def _work(job: Job, owner: User, asked: Listing, act: BulkAct, chosen: Chosen, progress: Progress) -> Step:
    lock(lambda: progress(0, job.params["count"], "等待另一项导入或批量操作结束"))
    total, done, reached = job.params["count"], Step(), 0
    user = User.objects.get(pk=owner.pk)
    _judged(act, job.params["data"], user)  # whatever there is to do
    try:
        found = chosen.rows(asked, user, act.permission).order_by("pk").values_list("pk", flat=True)
        ids = array("q", found.iterator())  # found once: a frequent word takes long to look for, and 8 bytes hold an id
    except Unusable as unusable:
        raise JobFailed(f"没有改动任何内容：{unusable}") from unusable
    gone = sorted(set(chosen.ids or ()) - set(ids)) if chosen.ids else []
    while reached < len(ids):
        user = User.objects.get(pk=owner.pk)  # afresh: rights may end while this runs
        data = _judged(act, job.params["data"], user)
        some = ids[reached : reached + STEP].tolist()
        allowed = asked.model._default_manager.visible_to(user, act.permission)  # type: ignore[attr-defined]
        still = list(allowed.filter(pk__in=some).order_by("pk").values_list("pk", flat=True))
        gone += sorted(set(some) - set(still))
        if still:
            _add(done, act.do(still, data, user))
        reached += len(some)
        progress(min(reached, total), total, f"已处理 {reached:,} 条")
    if gone:
        done.skipped[NO_LONGER] = gone
    return done


def _judged(act: BulkAct, data: dict, user: User) -> dict:
    """What the form says, judged as of now."""
    if not user.is_active or not user.has_perm(act.permission):
        raise JobFailed("您已没有这项权限，没有改动任何内容。")
    form = act.form(data, user=user)
    if not form.is_valid():
        reason = next(str(error) for errors in form.errors.values() for error in errors)
        raise JobFailed(f"没有改动任何内容：{reason}")
    return form.cleaned_data


def _add(done: Step, step: Step) -> None:
    done.changed += step.changed
    done.unchanged += step.unchanged
    done.units |= step.units
    for reason, ids in step.skipped.items():
        done.skipped.setdefault(reason, []).extend(ids)
