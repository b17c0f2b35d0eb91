"""Files of markets, industry areas, platforms and delivery sites. Their writing is one row each, without history."""

from collections.abc import Hashable, Sequence
from typing import Any

from markets.models import DeliverySite, IndustryArea, Market, Platform
from markets.place_tables import DELIVERY_SITES, INDUSTRY_AREAS, MARKETS, PLATFORMS
from orgs.imports import PlacedReading, offered_places
from tables.cells import Wrong, clean, folded
from tables.importer import Reading, Row, RowTarget


class MarketReading(PlacedReading):
    model = Market


class IndustryAreaReading(PlacedReading):
    model = IndustryArea


class PlatformReading(Reading):
    """Platforms are public companies that belong to no unit: whoever may bring them in may bring in each."""

    model = Platform
    keyed_by = "name"

    def inside(self, row: Row) -> bool:
        return True


class DeliverySiteReading(PlacedReading):
    model = DeliverySite
    keyed_by = "name"
    handled = PlacedReading.handled | {"platform"}

    def prepare(self) -> None:
        super().prepare()
        self.platforms = {folded(one.name): one.pk for one in Platform.objects.all()}
        self.parsers["platform"] = self._platform

    def _platform(self, text: str) -> int:
        if folded(text) not in self.platforms:
            raise Wrong("系统里没有这个平台，请先登记平台企业，再导入网点")
        return self.platforms[folded(text)]

    def resolve(self, row: Row) -> None:
        super().resolve(row)
        if "platform" in row.said:
            row.values["platform_id"] = row.said["platform"]

    def key(self, row: Row) -> Hashable:
        name = super().key(row)
        if "platform" not in row.said and not row.is_wrong("platform"):
            row.tell("platform", "「平台」必须填写")
        return (row.said["platform"], name) if name and "platform" in row.said else None

    def find(self, rows: Sequence[Row]) -> dict[Hashable, Any]:
        names = {text for row in rows for text in (row.said["name"], clean(self.cell(row, "name")))}
        found = self.locked(DeliverySite.objects.filter(name__in=names, platform__in={row.key[0] for row in rows}))
        return {(site.platform_id, folded(site.name)): site for site in found}


def _offered_to_sites(user) -> dict[str, list[str]]:
    return offered_places(user) | {"platform": list(Platform.objects.values_list("name", flat=True))}


TARGETS = (
    RowTarget(MARKETS, "markets.import_market", "markets.market.import", MarketReading, offered_places),
    RowTarget(
        INDUSTRY_AREAS, "markets.import_industryarea", "markets.industry_area.import", IndustryAreaReading,
        offered_places,
    ),
    RowTarget(PLATFORMS, "markets.import_platform", "markets.platform.import", PlatformReading),
    RowTarget(
        DELIVERY_SITES, "markets.import_deliverysite", "markets.delivery_site.import", DeliverySiteReading,
        _offered_to_sites,
    ),
)  # fmt: skip
