"""The database as the application sees it, a real Celery worker, and a browser at two widths."""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg2
import pytest

# Playwright's sync API runs inside an event loop, where Django would otherwise refuse to query.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, BROWSER_NAMES)), None)
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_sessionstart(session: pytest.Session) -> None:
    from django.conf import settings

    if settings.NO_SERVERS:
        pytest.exit(
            "No database: run `make test`, or "
            "`.venv/bin/python devservices.py exec --data .local/test --fast -- pytest …`",
            returncode=4,
        )


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded by now stays: looking through it for garbage again and again took an eighth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


# --- two database roles -------------------------------------------------------------------------------------------


def _transaction_is_broken() -> bool:
    from django.db import connection
    from psycopg2.extensions import TRANSACTION_STATUS_INERROR

    raw = connection.connection
    return connection.needs_rollback or (raw is not None and raw.get_transaction_status() == TRANSACTION_STATUS_INERROR)


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """What the application may not do (TRUNCATE, DDL, change an append-only table), in the test's own transaction."""
    from django.conf import settings
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    try:
        yield
    finally:
        # Rolling back to a savepoint brings the role back by itself; SET ROLE would only hide the first error.
        if not _transaction_is_broken():
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {connection.ops.quote_name(settings.DATABASE_WEB_ROLE)}")


FILLED_BY_MIGRATE = {"django_content_type", "auth_permission"}


def _let_owner_pass_triggers() -> bool:
    """On the servers of devservices.py; False on others, where nobody may."""
    from django.db import connection

    server = connection.get_connection_params()
    own = {key: server[key] for key in ("dbname", "host", "port")} | {"user": "postgres"}
    try:
        with contextlib.closing(psycopg2.connect(**own)) as opened, opened, opened.cursor() as cursor:
            cursor.execute("GRANT SET ON PARAMETER session_replication_role TO owner")
    except psycopg2.Error:
        return False
    return True


def _empty_tables(case) -> None:
    """After a transactional test. Django's TRUNCATE of every table takes a quarter of a second, and few have rows: without
    triggers those go in any order. The lock waits, as TRUNCATE does, for whoever still writes.
    """
    from django.db import connection, transaction

    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(names)}; SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT relname FROM pg_class WHERE oid = ANY(%s::regclass[]) AND pg_relation_size(oid) > 0",
            [[name for name in names if name not in FILLED_BY_MIGRATE]],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Database and tables are the owner's; every connection from here on, the live server's too, acts as web."""
    from django.conf import settings
    from django.db import connection
    from django.test import TransactionTestCase

    from accounts import wall

    options = connection.settings_dict["OPTIONS"]
    patch = pytest.MonkeyPatch()
    with django_db_blocker.unblock():
        connection.close()
        quick = _let_owner_pass_triggers()
    options["assume_role"] = settings.DATABASE_WEB_ROLE
    # TestCase overrides it, so ordinary tests pay nothing.
    by_django = as_owner()(TransactionTestCase._fixture_teardown)
    patch.setattr(TransactionTestCase, "_fixture_teardown", _empty_tables if quick else by_django)
    # A test itself sees persons of every district, as a command does; what it asks through a client, a live server or a
    # worker sees what those let it (tests/test_wall.py).
    with wall.everywhere():
        yield
    patch.undo()
    with django_db_blocker.unblock():
        connection.close()
    del options["assume_role"]


@pytest.fixture(autouse=True)
def everybody_is_shown():
    """To each test anew: a part of a request that a test calls by itself (a token's authentication) narrows what is shown."""
    from accounts import wall

    with wall.within(wall.EVERYBODY):
        yield


@pytest.fixture
def owner_role(db):
    """`with owner_role(): …` — see as_owner."""
    return as_owner


@pytest.fixture
def installed_long_ago(owner_role):
    """Not just now, with the database of the tests: jobs that never ran should have."""
    from django.db import connection

    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = applied - interval '31 hours'")


# --- a real worker ------------------------------------------------------------------------------------------------


@pytest.fixture
def celery_worker_process(transactional_db):
    """A real worker for one test, signed in as web on this process's database and broker number.

    It ends with its test, before the tables are emptied: else it would take up what later tests enqueue, and its work
    would deadlock with their TRUNCATE. What earlier tests enqueued is not its business either.
    """
    import redis
    from django.conf import settings
    from django.db import connection

    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("prompt", "long")
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
    environment = os.environ | {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "DATABASE_ROLE": "web",
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    environment.pop("DATABASE_OWNER_URL")
    command = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-P", "solo", "-Q", "prompt,long"]
    options = ["-l", "warning", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen([*command, *options], env=environment)
    yield process
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- browsers: `page` as on a desk, `phone_page` as in a hand ---------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args():
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH (Debian: apt install chromium fonts-noto-cjk)")
    return {"executable_path": CHROMIUM, "args": BROWSER_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args():
    return {"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}


@pytest.fixture
def phone_page(browser, browser_context_args):
    """A page at the width of a small phone."""
    phone = {"viewport": {"width": 375, "height": 812}, "is_mobile": True, "has_touch": True}
    context = browser.new_context(**browser_context_args | phone)
    yield context.new_page()
    context.close()
