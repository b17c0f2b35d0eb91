from django.urls import path

from orgs import grant_views, views

app_name = "orgs"
urlpatterns = [
    path("", views.OrganizationListView.as_view(), name="list"),
    path("grants/", grant_views.Grants.as_view(), name="grants"),
    path("grants/new/", grant_views.GrantNew.as_view(), name="grant_new"),
    path("grants/units/", grant_views.GrantUnits.as_view(), name="grant_units"),
    path("grants/<int:pk>/end/", grant_views.GrantEnd.as_view(), name="grant_end"),
    path("<int:pk>/", views.OrganizationDetailView.as_view(), name="detail"),
]
