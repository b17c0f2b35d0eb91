import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from accounts.index_key import index_key_check  # noqa: E402  (needs the applications loaded)

index_key_check()
