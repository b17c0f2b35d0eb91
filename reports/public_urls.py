"""What people without an account open: is the paper in their hand genuine. Screens stand on the staff side (ADR 0015)."""

from django.urls import path

from reports.views import verify

app_name = "reports"
urlpatterns = [
    path("verify/", verify.verify, name="verify"),
    path("verify/<str:code>/", verify.verified, name="verified"),
]
