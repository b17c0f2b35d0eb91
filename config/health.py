"""/healthz: ready means that the database answers in the role that serves, and Redis is there. 503 says which is not."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import JsonResponse
from redis.exceptions import RedisError


def healthz(request):
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            role = cursor.fetchone()[0]
        cache.set("healthz", 1, 5)
    except (DatabaseError, RedisError) as error:
        away = "redis" if isinstance(error, RedisError) else "database"
        return JsonResponse({"ok": False, "away": away}, status=503)
    return JsonResponse({"ok": True, "role": role})
