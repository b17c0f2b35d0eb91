"""Every route of /api/v1/ in one list. A room's api.py holds its viewsets."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

router = SimpleRouter()

urlpatterns = [
    path("", include(router.urls)),
]
