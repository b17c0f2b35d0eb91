"""Every address of the product. One file per room; the API's routes are in config/api.py."""

from django.contrib import admin
from django.urls import include, path

from config.api import urlpatterns as api_urls
from config.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("api/v1/", include((api_urls, "api"))),
    path("accounts/", include("accounts.urls")),
    path("jobs/", include("jobs.urls")),
    path("batches/", include("tables.urls")),
    path("lists/", include("tables.list_urls")),
    path("organizations/", include("orgs.urls")),
    path("markets/", include("markets.urls")),
    path("", include("members.urls")),
    path("", include("stations.urls")),
    path("", include("reports.urls")),
]

admin.site.site_header = admin.site.site_title = "小个专党建工作平台 · 管理后台"
admin.site.index_title = "登记与维护"
