"""The product's settings for the bench: its two bare views beside the product's addresses, and no worker to talk to."""

from config.settings import *  # noqa: F403  # every setting of the product, as it is
from config.settings import CACHES

ROOT_URLCONF = "tools.bench.urls"
CELERY_BROKER_URL = "memory://"  # what an import queues for the worker ends with the process that queued it
CACHES = {name: cache | {"KEY_PREFIX": "bench"} for name, cache in CACHES.items()}
