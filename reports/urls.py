from django.urls import path, re_path

from reports.views import dashboard, home, pages, rows, search

app_name = "reports"
urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("today/", home.Today.as_view(), name="today"),
    path("me/", home.Me.as_view(), name="me"),
    path("dashboard/", dashboard.Dashboard.as_view(), name="dashboard"),
    path("dashboard/districts.geojson", dashboard.Districts.as_view(), name="districts"),
    path("dashboard/o/<str:code>/", dashboard.Dashboard.as_view(), {"kind": "o"}, name="organization"),
    path("dashboard/d/<str:code>/", dashboard.Dashboard.as_view(), {"kind": "d"}, name="division"),
    re_path(
        r"^dashboard/(?P<kind>[od])/(?P<code>[^/]+)/(?P<chart>map|rank|trend|funnel|gaps)\.json$",
        dashboard.Chart.as_view(),
        name="chart",
    ),
    path("rows/<str:metric>/", rows.Rows.as_view(), name="rows"),
    path("metrics/", pages.Metrics.as_view(), name="metrics"),
    path("search/", search.Search.as_view(), name="search"),
    path("closings/", pages.Closings.as_view(), name="closings"),
    path("reported/", pages.Reported.as_view(), name="reported"),
]
