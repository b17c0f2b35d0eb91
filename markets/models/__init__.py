from markets.models.business import Business, BusinessVersion, Declaration, HandOver
from markets.models.coverage import BusinessCoverage, GroupOrganization, MarketCoverage, Mode
from markets.models.market import DeliverySite, IndustryArea, Market, MarketPlan, Platform

__all__ = [
    "Business",
    "BusinessCoverage",
    "BusinessVersion",
    "Declaration",
    "DeliverySite",
    "GroupOrganization",
    "HandOver",
    "IndustryArea",
    "Market",
    "MarketCoverage",
    "MarketPlan",
    "Mode",
    "Platform",
]
