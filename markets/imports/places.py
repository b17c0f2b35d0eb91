"""Where a row stands, and in which market: orgs/places.py with the markets of the city, some hundred, beside it."""

from collections import defaultdict

from markets.models import Market
from orgs.places import Place, PlaceWrong, Scope
from orgs.places import Places as Grounds
from tables.cells import Wrong, folded, name_and_code

__all__ = ["Place", "PlaceWrong", "Places", "Scope"]


class Places(Grounds):
    def __init__(self) -> None:
        super().__init__()
        self.markets: dict[str, list[Market]] = defaultdict(list)
        self.by_both: dict[tuple[str, str], Market] = {}
        self._load_markets()

    def _load_markets(self) -> None:
        columns = ("id", "code", "name", "guidance_station_id", "district_id", "district_committee_id", "closed_on")
        for market in Market.objects.only(*columns).order_by("pk"):
            self.by_both[folded(market.name), folded(market.code)] = market
            for key in {folded(market.name), folded(market.code)}:
                self.markets[key].append(market)

    def find_market(self, text: str, place: Place) -> int:
        """A market by name, code or both: the row's own guidance station first, then its district. Raises Wrong."""
        if (exact := name_and_code(text)) and (market := self.by_both.get(exact)):
            return market.pk
        known = self.markets.get(folded(text), [])
        here = [m for m in known if place.guidance_station and m.guidance_station_id == place.guidance_station]
        here = here or [
            m
            for m in known
            if (place.district and m.district_id == place.district)
            or (place.district_committee and m.district_committee_id == place.district_committee)
        ]
        here = [m for m in here if m.closed_on is None] or here
        if not here:
            where = "别的区" if known else "本系统"
            raise Wrong(f"所属区内没有这个市场（{where}{'有同名的' if known else '没有登记'}），请核对市场名称或编号")
        if len(here) > 1:
            raise Wrong("所属区内有几个同名市场，请填市场编号")
        return here[0].pk
