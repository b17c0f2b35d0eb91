from django.urls import path

from stations import public_urls
from stations.views import desk, lists

app_name = "stations"
urlpatterns = [
    # the desk
    path("check-in/", desk.DeskView.as_view(), name="desk"),
    path("check-in/record/", desk.CheckInView.as_view(), name="check_in"),
    path("check-in/<int:pk>/", desk.ResultView.as_view(), name="check_in_result"),
    path("check-in/<int:pk>/undo/", desk.UndoView.as_view(), name="check_in_undo"),
    # lists
    path("check-ins/", lists.CheckInListView.as_view(), name="check_in_list"),
    path("service-points/", lists.ServicePointListView.as_view(), name="list"),
    path("service-points/<int:pk>/", lists.ServicePointDetailView.as_view(), name="detail"),
    path("service-points/<int:pk>/footfall/", desk.FootfallView.as_view(), name="footfall"),
    path("service-points/<int:pk>/poster/", lists.PosterView.as_view(), name="poster"),
    path("service-points/<int:pk>/poster/make/", lists.PosterMakeView.as_view(), name="poster_make"),
    *public_urls.urlpatterns,
]
