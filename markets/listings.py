"""The lists of this room, as their pages, exports and bulk acts read them."""

from collections.abc import Sequence

from django.db.models import Prefetch, QuerySet

from markets.filters import BusinessFilter, DeliverySiteFilter, IndustryAreaFilter, MarketFilter, PlatformFilter
from markets.models import Absence, Business, DeliverySite, IndustryArea, Market, Platform, SourceDifference
from markets.place_tables import DELIVERY_SITES, INDUSTRY_AREAS, PLACE_RELATED, PLATFORMS
from markets.tables import BUSINESS_ORDERS, BUSINESS_RELATED, BUSINESSES, MARKET_RELATED, MARKETS
from markets.told_filters import AbsenceFilter, DifferenceFilter
from markets.told_tables import ABSENCES, DIFFERENCES, OF_BUSINESS, say_in_words
from tables.listing import Listing, register_listing


class BusinessListing(Listing):
    def fetched(self, rows: QuerySet, user) -> QuerySet:
        """With the predecessors that the reader may see (predecessor_code in markets/tables.py)."""
        seen = Business.objects.visible_to(user, self.view).only("uscc", "legacy_registration_no")
        return super().fetched(rows, user).prefetch_related(Prefetch("predecessor", seen, to_attr="seen_predecessor"))


class DifferenceListing(Listing):
    def look_up(self, rows: Sequence) -> None:
        say_in_words(rows)


BUSINESS_LIST = BusinessListing(
    table=BUSINESSES,
    model=Business,
    filter_class=BusinessFilter,
    address="markets:business_list",
    view="markets.view_business",
    export="markets.export_business",
    related=BUSINESS_RELATED,
    orders=BUSINESS_ORDERS,
    unit="户",
    empty_reason="没有符合条件的经营主体。请放宽筛选；您只看得到本单位及下级范围内的主体。",
)
MARKET_LIST = Listing(
    table=MARKETS,
    model=Market,
    filter_class=MarketFilter,
    address="markets:market_list",
    view="markets.view_market",
    export="markets.export_market",
    related=MARKET_RELATED,
    unit="个",
    empty_reason="没有符合条件的市场。请放宽筛选；您只看得到本单位及下级范围内的市场。",
)
INDUSTRY_AREA_LIST = Listing(
    table=INDUSTRY_AREAS,
    model=IndustryArea,
    filter_class=IndustryAreaFilter,
    address="markets:industry_area_list",
    view="markets.view_industryarea",
    export="markets.export_industryarea",
    related=PLACE_RELATED,
    unit="个",
    empty_reason="没有符合条件的行业片区。请放宽筛选；您只看得到本单位及下级范围内的片区。",
)
PLATFORM_LIST = Listing(
    table=PLATFORMS,
    model=Platform,
    filter_class=PlatformFilter,
    address="markets:platform_list",
    view="markets.view_platform",
    export="markets.export_platform",
    unit="家",
    empty_reason="没有符合条件的平台企业。请放宽筛选，或由登记人员导入、在管理后台新增。",
)
DELIVERY_SITE_LIST = Listing(
    table=DELIVERY_SITES,
    model=DeliverySite,
    filter_class=DeliverySiteFilter,
    address="markets:delivery_site_list",
    view="markets.view_deliverysite",
    export="markets.export_deliverysite",
    related=("platform", *PLACE_RELATED),
    unit="个",
    empty_reason="没有符合条件的配送网点。请放宽筛选；您只看得到本单位及下级范围内的网点。",
)
DIFFERENCE_LIST = DifferenceListing(
    table=DIFFERENCES,
    model=SourceDifference,
    filter_class=DifferenceFilter,
    address="markets:difference_list",
    view="markets.view_sourcedifference",
    export="markets.export_sourcedifference",
    related=("business", *OF_BUSINESS),
    unit="处",
    empty_reason="各系统说法一致，没有符合条件的差异。导入年报或摸排文件后，与现值不同的会列在这里。",
)
ABSENCE_LIST = Listing(
    table=ABSENCES,
    model=Absence,
    filter_class=AbsenceFilter,
    address="markets:absence_list",
    view="markets.view_absence",
    export="markets.export_absence",
    related=("business", "batch", *OF_BUSINESS),
    unit="户",
    empty_reason="没有未出现的主体。导入「全量文件」后，登记在册而文件里没有的会列在这里，不会自动注销。",
)


def register() -> None:
    for listing in (
        BUSINESS_LIST, MARKET_LIST, INDUSTRY_AREA_LIST, PLATFORM_LIST, DELIVERY_SITE_LIST, DIFFERENCE_LIST, ABSENCE_LIST,
    ):  # fmt: skip
        register_listing(listing)
