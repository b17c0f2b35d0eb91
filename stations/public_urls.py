"""What a member opens without an account: the own check-ins, by the code of the receipt."""

from django.urls import path

from stations.views import own

app_name = "stations"
urlpatterns = [
    path("r/<str:code>/check-ins/", own.OwnCheckInsView.as_view(), name="own_check_ins"),
]
