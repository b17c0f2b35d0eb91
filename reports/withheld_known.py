"""What everybody can tell of a number about persons that is kept back, from numbers that are open: it lies between two.

Of three businesses that the list of covered ones names, none or up to three have members; of the due ones among them all
have. So inside an open number below SMALL_CELL a number about persons is kept back whatever it is, zero too: were zero
shown, "kept back" would say "at least one", and of one named business all. A sum, too, gives away more where its hidden parts
cannot be large.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache as memo

from django.conf import settings

Counts = Mapping[str, int | None]
Cell = tuple[Hashable, str]  # of whom, and which number
NO_END = 10**12
TURNS = 50  # bounds that still move by one each time after so many turns are far apart
ROOM = 2  # a hidden number can still be three different ones, where open numbers leave room for them


@dataclass(frozen=True)
class Between:
    """Both ends included."""

    low: int
    high: int

    @property
    def is_narrow(self) -> bool:
        """Told by an open number below SMALL_CELL: kept back, zero too."""
        return 0 < self.high < settings.SMALL_CELL


ANY = Between(0, NO_END)


@memo
def _open_keys(key: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] | None:
    """(what it lies inside, what is taken off that, what lies inside it); None where no open number tells of it."""
    code, _, range = key.partition("#")
    end = f"#{range}" if range else ""
    name, _, denominator = code.partition("@")
    if code == "with_members":
        return (f"operating{end}",), (), (f"due{end}",)
    if denominator == "with_members":
        return (f"{name}{end}",), (), (f"{name}@due{end}",)
    markets = {
        "markets_suggested_joint": (("markets",), ("markets_due",)),
        "markets_suggested_joint_built": (("markets_covered",), ("markets_due_and_built",)),
        "markets_suggested_joint_not_built": (("markets",), ("markets_covered", "markets_due_not_built")),
    }
    return (*markets[key], ()) if key in markets else None


def between(counts: Counts, key: str) -> Between:
    keys = _open_keys(key)
    if keys is None:
        return ANY
    inside, less, holds = ([counts.get(one) for one in names] for names in keys)
    if None in inside:
        return ANY
    high = sum(one or 0 for one in inside) - sum(one or 0 for one in less)
    return Between(sum(one or 0 for one in holds), max(high, 0))


def of_lines(lines: Mapping, keys_of) -> dict:
    """Of every cell that an open number tells something of. `keys_of`: the keys of a line's counts about persons."""
    found = {}
    for name, counts in lines.items():
        for key in keys_of(counts):
            if (known := between(counts, key)) is not ANY:
                found[(name, key)] = known
    return found


def gives_away(secret: Iterable[Between], total: Between) -> bool:
    """Whether Σ secret, which lies in `total`, leaves one of the hidden numbers less room than ROOM asks."""
    secret = list(secret)
    low, high = sum(one.low for one in secret), sum(one.high for one in secret)
    for one in secret:
        least = max(one.low, total.low - (high - one.high))
        most = min(one.high, total.high - (low - one.low))
        if is_told(one, Between(least, most)):
            return True
    return False


def is_told(before: Between, after: Between) -> bool:
    """Whether what sums tell of a hidden number leaves it less room than ROOM asks."""
    return after.high - after.low < min(ROOM, before.high - before.low)


@dataclass(frozen=True)
class Sum:
    """`hidden` add up to `whole` less `shown`; a `whole` of None is an open number, which `shown` has taken off already."""

    whole: Cell | None
    shown: int
    hidden: tuple[Cell, ...]

    def narrowed(self, told: Mapping[Cell, Between]) -> Iterable[tuple[Cell, Between]]:
        """Of which of its hidden numbers this sum tells more than is told of each of them, and what."""
        low = sum(told[one].low for one in self.hidden)
        high = sum(told[one].high for one in self.hidden)
        least = most = -self.shown
        if self.whole is not None:
            whole = told[self.whole]
            least, most = least + whole.low, most + whole.high
            if low + self.shown > whole.low or high + self.shown < whole.high:
                yield self.whole, Between(max(whole.low, low + self.shown), min(whole.high, high + self.shown))
        for name in self.hidden:
            one = told[name]
            fewest, highest = least - (high - one.high), most - (low - one.low)
            if fewest > one.low or highest < one.high:
                yield name, Between(max(one.low, fewest), min(one.high, highest))


def told_together(told: dict[Cell, Between], sums: list[Sum]) -> dict[Cell, Between]:
    """What all sums tell together: each by what the others have told, until none tells more."""
    told = dict(told)
    of: dict[Cell, list[int]] = defaultdict(list)
    for at, one in enumerate(sums):
        for name in one.hidden if one.whole is None else (one.whole, *one.hidden):
            of[name].append(at)
    waiting, turns = set(range(len(sums))), TURNS * len(sums)
    while waiting and turns:
        turns -= 1
        for name, more in list(sums[waiting.pop()].narrowed(told)):
            told[name] = more
            waiting.update(of[name])
    return told
