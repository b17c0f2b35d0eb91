"""A unit among its siblings: its place by what may rank.

A place is told to whoever may see the unit, also where the siblings' numbers are not theirs to see: it says where one
stands and nothing of who stands elsewhere. It is worked out in a 口径 without numbers of persons (reports/ranking.py).
"""

from dataclasses import dataclass

from reports import metrics, ranking, selectors, words
from reports.selectors import Numbers
from reports.words import Basis

STANDS_BY = (ranking.RATES[0], ranking.RATES[2], "due_built_rate", "market_coverage")


@dataclass(frozen=True)
class Standing:
    """第 `place` 名，共 `of` 个; units that are alike share a place."""

    code: str
    name: str
    basis: str
    place: int
    of: int


def standings(own: Numbers, basis: Basis, codes: tuple[str, ...] = STANDS_BY) -> list[Standing]:
    """The places of a unit among the units right below the one above it; of grassroots organizations there are none."""
    parent = own.unit.parent
    if parent is None or own.is_unassigned or not ranking.compares_coverage(parent):
        return []
    family = selectors.children(parent, own.as_of)
    found = (_standing(own, family, code, ranking.ranked_in(basis, code, parent)) for code in codes)
    return [one for one in found if one is not None]


def _standing(own: Numbers, family: list[Numbers], code: str, fit: Basis) -> Standing | None:
    metric = metrics.METRICS[code]
    known = {
        line.unit.pk: value for line in family if (value := line.value(code, fit.denominator, fit.range)) is not None
    }
    mine = known.get(own.unit.pk)
    if mine is None:
        return None
    better = sum(value < mine if metric.good == "down" else value > mine for value in known.values())
    basis = fit.label if metric.denominators else ""
    return Standing(code, metric.name, basis, better + 1, len(known))


def above(own: Numbers) -> str:
    """Among whom a unit stands."""
    return f"{words.short(own.unit.parent)}的下级" if own.unit.parent else ""
