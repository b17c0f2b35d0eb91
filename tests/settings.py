"""Settings of the test run. pytest-django reads them before any conftest.py, so the environment is prepared here."""

import os
import tempfile
from pathlib import Path

# The test process makes, migrates and drops its database; tests/conftest.py then lets it act as web.
os.environ["DATABASE_ROLE"] = "owner"

# Each xdist process has its own broker number, as it has its own database: /0 stays the demo's.
if redis_url := os.environ.get("REDIS_URL"):
    process_number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.environ["REDIS_URL"] = f"{redis_url.rsplit('/', 1)[0]}/{process_number + 1}"

# The type checker reads the settings without servers; a test run gets real ones from devservices.py.
NO_SERVERS = "DATABASE_OWNER_URL" not in os.environ
os.environ.setdefault("DATABASE_OWNER_URL", "postgres://nobody@127.0.0.1:1/none")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
TEST_ONLY_KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="
os.environ.setdefault("SECRET_KEY", "tests-only-tests-only-tests-only-tests-only-tests-only")
os.environ.setdefault("FIELD_KEYS", f'["1:{TEST_ONLY_KEY}"]')
os.environ.setdefault("BLIND_INDEX_KEY", TEST_ONLY_KEY)
os.environ.setdefault("AUDIT_SEAL_KEY", TEST_ONLY_KEY)

from config.settings import *

ERASURE_LIST = str(
    Path(tempfile.gettempdir()) / f"erasures-of-tests-{os.getpid()}.jsonl"
)  # every withdrawal writes to it
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECOND_FACTOR_REQUIRED = False  # tests/accounts/test_factors.py turns it on
WHITENOISE_AUTOREFRESH = True  # a file is looked for when it is asked for, not all of them for each client of each test
