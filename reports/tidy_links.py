"""Where the tables of a dashboard can be taken as files: the same unit, metrics, 口径 and day."""

from collections.abc import Iterable
from datetime import timedelta

from django.urls import reverse

from orgs.kinds import Level
from orgs.models import Organization
from reports import boards, metrics, ranking
from reports.selectors import Numbers, Unit
from reports.tidy_asked import key_of, query_of
from reports.tidy_files import FORMATS
from reports.words import Basis

DAYS = 90


def _links(unit: Unit, keys: Iterable[str], **more) -> list[dict[str, str]]:
    query = query_of([unit], dict.fromkeys(keys), **more)
    page = reverse("reports:numbers")
    return [{"label": label, "url": f"{page}?{query}&format={code}"} for code, label in FORMATS.items()]


def _key(code: str, basis: Basis, unit: Unit) -> str:
    fit = ranking.fit_for(basis, code, unit)
    return key_of(code, fit.denominator, fit.range)


def of_children(unit: Unit, basis: Basis) -> list[dict[str, str]]:
    codes = boards.CHILD_COLUMNS if ranking.compares_coverage(unit) else boards.GRASSROOTS_COLUMNS
    return _links(unit, [_key(code, basis, unit) for code in codes], below=True, as_of=basis.as_of)


def of_ranking(unit: Unit, code: str, basis: Basis) -> list[dict[str, str]]:
    codes = ranking.PAIR if code in ranking.PAIR else (code,)
    fits = {one: ranking.ranked_in(basis, one, unit) for one in codes}
    keys = [key_of(one, fit.denominator, fit.range) for one, fit in fits.items()]
    return _links(unit, keys, below=True, as_of=basis.as_of)


def of_trend(own: Numbers, basis: Basis) -> list[dict[str, str]]:
    unit = own.unit
    grassroots = isinstance(unit, Organization) and unit.level == Level.GRASSROOTS
    codes = ("covered", "covered_own") if grassroots else ranking.RATES[:3]
    denominator = metrics.DEFAULT_DENOMINATOR if grassroots else basis.denominator
    until = basis.as_of or own.as_of
    keys = [key_of(code, denominator, basis.range) for code in codes]
    return _links(unit, keys, from_=until - timedelta(days=DAYS - 1), to=until)


def of_split(unit: Unit, basis: Basis, by: str) -> list[dict[str, str]]:
    codes = (*ranking.RATES[:3], "due_not_built")
    keys = [key_of(basis.denominator, range=basis.range), *(_key(code, basis, unit) for code in codes)]
    return _links(unit, keys, by=by, as_of=basis.as_of)


def of_comparison(unit: Unit, basis: Basis) -> list[dict[str, str]]:
    keys = []
    for denominator in metrics.DENOMINATORS:
        if basis.range in metrics.METRICS[denominator].ranges:
            keys.append(key_of(denominator, range=basis.range))
        keys += [key_of(rate, denominator, basis.range) for rate in ranking.RATES[:3]]
    return _links(unit, keys, as_of=basis.as_of)
