"""What an address or a call of the API asks of reports/tidy.py, and what stands for its answer in a cache."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date

from django.conf import settings
from django.db.models import Count, Max
from django.http import Http404, QueryDict

from orgs.doors import current_postings
from orgs.models import Division, Organization
from reports import breakdowns, metrics, selectors, tidy, words
from reports.behind import PERMISSION, own_unit
from reports.models import LastCount, Snapshot
from reports.selectors import Unit
from reports.words import Basis

UNITS = (("organization", Organization), ("division", Division))
PARAMETERS = (
    "organization",
    "division",
    "below",
    "by",
    "metric",
    "denominator",
    "range",
    "as_of",
    "from",
    "to",
    "format",
)
EVERY = "all"
YES = {"1", "true", "yes", "on", "children"}
NO = {"", "0", "false", "no", "off"}


class Unreadable(ValueError):
    """What was asked cannot be understood; the message says what can."""


def asked_of(query: QueryDict, user) -> tidy.Asked:
    """Raises Unreadable, metrics.UnknownMetric, and Http404 for a unit that this person may not see."""
    unknown = sorted(set(query) - set(PARAMETERS))
    if unknown:
        raise Unreadable(f"不认识的参数：{'、'.join(unknown)}。可用的参数：{'、'.join(PARAMETERS)}。")
    below = query.get("below", "").lower()
    if below not in YES | NO:
        raise Unreadable("below 请写 1（连同下级和直属/待分派）或 0（只要本单位）。")
    by = query.get("by", "")
    if by and by not in breakdowns.DIMENSIONS:
        raise Unreadable(f"by 只能是 {'、'.join(breakdowns.DIMENSIONS)}。")
    since, until = _period(query)
    return tidy.Asked(_units(query, user), _keys(query, by), below in YES, by, since, until)


def _several(query: QueryDict, name: str) -> list[str]:
    """`a=1&a=2` and `a=1,2` say the same."""
    found = [part.strip() for text in query.getlist(name) for part in text.split(",")]
    if any(not part.isprintable() for part in found):
        raise Unreadable(f"{name} 里有不可见的字符，请重新输入。")
    return list(dict.fromkeys(part for part in found if part))


def _units(query: QueryDict, user) -> tuple[Unit, ...]:
    units: list[Unit] = []
    for name, model in UNITS:
        codes = _several(query, name)
        if len(codes) > tidy.MOST_UNITS:
            raise Unreadable(f"一次最多取 {tidy.MOST_UNITS:,} 个单位。请分几次取。")
        if codes:
            visible = model.objects.visible_to(user, PERMISSION).filter(code__in=codes).select_related("parent")
            found = {unit.code: unit for unit in visible}
            if len(found) < len(codes):
                raise Http404
            units += [found[code] for code in codes]
    if not units:
        own = own_unit(user)
        if own is None:
            raise Http404
        units.append(own)
    return tuple(units)


def _keys(query: QueryDict, by: str) -> tuple[tuple[str, str, str], ...]:
    """`metric[@denominator][#range]`; a bare code is read in the 口径 asked for, as far as the metric has it.

    Split `by` something, of all metrics those that can be; one that was named and cannot is refused.
    """
    basis = words.basis_of(query)
    codes = _several(query, "metric")
    if codes == [EVERY]:
        keys = [metrics.parse_key(key) for key in metrics.all_keys()]
    else:
        keys = [_key(text, basis) for text in codes or metrics.METRICS]
    if by:
        whole = [key for key in keys if not breakdowns.can_be_broken_down(metrics.METRICS[key[0]])]
        if whole and codes and codes != [EVERY]:
            raise Unreadable(f"「{metrics.METRICS[whole[0][0]].name}」不能按类别分，请去掉 by 或换成经营主体的指标。")
        keys = [key for key in keys if key not in whole]
    return tuple(dict.fromkeys(keys))


def _key(text: str, basis: Basis) -> tuple[str, str, str]:
    if "@" in text or "#" in text or text not in metrics.METRICS:
        return metrics.parse_key(text)
    fit = basis.fitting(metrics.METRICS[text])
    return text, fit.denominator, fit.range


def _period(query: QueryDict) -> tuple[date | None, date | None]:
    since, until = (words.day_of(query.get(name, "")) for name in ("from", "to"))
    day = words.day_of(query.get("as_of", ""))
    if day and (since or until):
        raise Unreadable("as_of 是某一天，from、to 是一段日子，请只用其中一种。")
    if until and not since:
        raise Unreadable("有 to 就要有 from。只要某一天的数字请用 as_of。")
    if since and until and since > until:
        raise Unreadable("from 不能晚于 to。")
    return since, day or until


def key_of(code: str, denominator: str = metrics.DEFAULT_DENOMINATOR, range: str = "all") -> str:
    """A metric in just this 口径: unlike a bare code it is not read in another one."""
    return f"{code}@{denominator}" if range == "all" else f"{code}@{denominator}#{range}"


def query_of(units: Iterable[Unit], keys: Iterable[str], *, below: bool = False, **more) -> str:
    """The query string that asks for this."""
    query = QueryDict(mutable=True)
    for unit in units:
        for name, code in words.unit_query(unit).items():
            query.appendlist(name, code)
    query.setlist("metric", [",".join(keys)])
    if below:
        query["below"] = "1"
    for name, value in more.items():
        if value:
            query[name.rstrip("_")] = str(value)
    return query.urlencode()


# --- what stands for an answer ----------------------------------------------------------------------------------------


def tag_of(user, asked: tidy.Asked, format: str) -> str:
    """Changes with the numbers, with what is asked, and with what this reader may see of it; kept within one scope."""
    days = sorted(tidy.days_of(asked))[-1:]
    on = days[0] if days else None
    newest = Snapshot.objects.filter(as_of__in=days).aggregate(at=Max("computed_at"))
    own = tidy.rows_of(asked.units).aggregate(at=Max("computed_at"), rows=Count("pk"))
    parts = [
        format if format == "json" else [format, user.pk],  # a file is marked with who took it
        [[posting.role, posting.organization_id, posting.division_id] for posting in current_postings(user)],
        user.clearance,
        sorted(user.token_permissions or ()),
        settings.SMALL_CELL,
        [_standing(unit) for unit in asked.units],
        [_standing(child) for unit in asked.units for child in selectors.child_units(unit, on)] if asked.below else [],
        [_meaning(key) for key in asked.keys],
        [asked.below, asked.by, asked.since, asked.until],
        [newest["at"], own["at"], own["rows"], _joined_at() if asked.by else None],
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _joined_at():
    """Parts may change where no whole number does."""
    last = LastCount.objects.first()
    return last and last.joined_at


def _standing(unit: Unit) -> list:
    """What a line says of its unit, and whose work its persons are."""
    return [unit._meta.model_name, unit.pk, unit.code, str(unit), getattr(unit, "path", "")]


def _meaning(key: tuple[str, str, str]) -> list[str]:
    metric = metrics.METRICS[key[0]]
    return [*key, metric.name, metric.unit, metric.definition]
