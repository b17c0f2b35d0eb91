"""Every address of the product. One file per room; the API's routes are in config/api.py.

The public face (FACE=public) has what the public_urls.py of members, stations and reports name, and nothing else. The staff
face has those too: it prints their addresses and shows what it printed."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from config.health import healthz

handler404 = "config.missing.page_not_found"
handler500 = "config.missing.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
]

if settings.IS_PUBLIC_FACE:
    urlpatterns += [
        path("", include("members.public_urls")),
        path("", include("stations.public_urls")),
        path("", include("reports.public_urls")),
    ]
else:
    from django.contrib import admin

    from config.api import urlpatterns as api_urls

    urlpatterns += [
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
