"""The lists of this room, as their pages, exports and bulk acts read them."""

from markets.filters import BusinessFilter, MarketFilter
from markets.models import Business, Market
from markets.tables import BUSINESS_ORDERS, BUSINESS_RELATED, BUSINESSES, MARKET_RELATED, MARKETS
from tables.listing import Listing, register_listing

BUSINESS_LIST = Listing(
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


def register() -> None:
    for listing in (BUSINESS_LIST, MARKET_LIST):
        register_listing(listing)
