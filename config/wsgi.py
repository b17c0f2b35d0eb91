import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from accounts.index_key import index_key_check  # noqa: E402  (needs the applications loaded)

index_key_check()

# What is loaded by now stays: looking through it for garbage in the middle of requests takes a tenth of their time.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 50)
