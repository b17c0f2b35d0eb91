from markets.models.business import Business, BusinessVersion, Declaration
from markets.models.coverage import BusinessCoverage, CarriedOver, GroupOrganization, MarketCoverage, Mode
from markets.models.market import DeliverySite, IndustryArea, Market, MarketPlan, Platform
from markets.models.told import Absence, EventSighting, HandOver, ReplacedDifference, SourceDifference

__all__ = [
    "Absence",
    "Business",
    "BusinessCoverage",
    "BusinessVersion",
    "CarriedOver",
    "Declaration",
    "DeliverySite",
    "EventSighting",
    "GroupOrganization",
    "HandOver",
    "IndustryArea",
    "Market",
    "MarketCoverage",
    "MarketPlan",
    "Mode",
    "Platform",
    "ReplacedDifference",
    "SourceDifference",
]
