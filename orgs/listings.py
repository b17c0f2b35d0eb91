"""The list of organizations, in the order of the tree, as its page and its export read it."""

from django.db.models import F

from orgs.filters import OrganizationFilter
from orgs.models import Organization
from orgs.tables import ORGANIZATIONS, RELATED
from tables.keyset import Order
from tables.listing import Listing

ORGANIZATION_LIST = Listing(
    table=ORGANIZATIONS,
    model=Organization,
    filter_class=OrganizationFilter,
    address="orgs:list",
    view="orgs.view_organization",
    export="orgs.export_organization",
    related=RELATED,
    unit="个",
    empty_reason="没有符合条件的党组织。请放宽筛选；您只看得到本单位及下级的组织。",
    order=("path",),
    orders=(Order("", "按组织树", F("path"), str, descending=False),),
)
