from django.urls import path, re_path

from reports.views import dashboard, goal_acts, goals, home, numbers, pages, plans, rows, search

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
    path("numbers/", numbers.NumbersPage.as_view(), name="numbers"),
    path("metrics/", pages.Metrics.as_view(), name="metrics"),
    path("search/", search.Search.as_view(), name="search"),
    path("goals/", goals.GoalList.as_view(), name="goals"),
    path("goals/<int:pk>/", goals.GoalPage.as_view(), name="goal"),
    path("goals/<int:pk>/chart.json", goals.GoalChart.as_view(), name="goal_chart"),
    path("goals/<int:pk>/edit/", goal_acts.GoalEdit.as_view(), name="goal_edit"),
    path("goals/<int:pk>/close/", goal_acts.GoalClose.as_view(), name="goal_close"),
    path("goals/<int:pk>/distribute/", goal_acts.GoalDistribute.as_view(), name="goal_distribute"),
    path("plans/new/", plans.PlanNew.as_view(), name="plan_new"),
    path("plans/<int:pk>/", plans.PlanPage.as_view(), name="plan"),
    path("plans/<int:pk>/edit/", plans.PlanEdit.as_view(), name="plan_edit"),
    path("plans/<int:pk>/close/", plans.PlanClose.as_view(), name="plan_close"),
    path("plans/<int:pk>/goals/new/", plans.GoalNew.as_view(), name="goal_new"),
    path("closings/", pages.Closings.as_view(), name="closings"),
    path("reported/", pages.Reported.as_view(), name="reported"),
]
