"""The list of service points, as its page and its export read it."""

from stations.filters import ServicePointFilter
from stations.models import ServicePoint
from stations.tables import RELATED, SERVICE_POINTS
from tables.listing import Listing

SERVICE_POINT_LIST = Listing(
    table=SERVICE_POINTS,
    model=ServicePoint,
    filter_class=ServicePointFilter,
    address="stations:list",
    view="stations.view_servicepoint",
    export="stations.export_servicepoint",
    related=RELATED,
    unit="个",
    empty_reason="没有符合条件的服务点。可清除筛选，或由登记人员在管理后台新增。",
)
