"""The log holds no codes that open a person's page, and no row of the database."""

import io
import logging

import pytest
from django.db import DatabaseError, connection, transaction

from config.logs import WithoutCodes, WithoutRows, quiet


@pytest.mark.parametrize(
    ("message", "arguments", "written"),
    [
        ("%s: %s", ("Not Found", "/r/ABCDEFGHIJKLMNOP/withdraw/"), "Not Found: /r/…/withdraw/"),
        ("Conflict: /r/ABCDEFGHIJKLMNOP/do/give/", (), "Conflict: /r/…/do/give/"),
        ("%s: %s", ("Gone", "/registrations/new/b79ece55-591b-40c8/"), "Gone: /registrations/new/…/"),
        ("%s: %s", ("Not Found", "/verify/ABCDEFGH/"), "Not Found: /verify/…/"),
        ("%s: %s", ("Not Found", "/verify/?code=AB-CD"), "Not Found: /verify/?code=…"),
        ("%s: %s", ("Not Found", "/verify/"), "Not Found: /verify/"),
        ("%s: %s", ("Conflict", "/registrations/12/verify/"), "Conflict: /registrations/12/verify/"),
    ],
)
def test_codes_are_left_out_of_addresses(message, arguments, written):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, arguments, None)
    assert WithoutCodes().filter(record)
    assert record.getMessage() == written


@pytest.mark.django_db
def test_the_console_asks_the_filter(client, settings):
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["without_codes"]
    handlers = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    assert handlers
    assert all(any(isinstance(one, WithoutCodes) for one in handler.filters) for handler in handlers)
    assert all(isinstance(handler.formatter, WithoutRows) for handler in handlers)


NAME = "欧阳金丝雀"


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["INSERT INTO kept VALUES (%s)", "SELECT %s::date", "SELECT 1, %s::bigint"])
def test_an_error_of_the_database_is_written_without_its_row(statement):
    """As text, and as Celery writes a task that failed. Of walled tables PostgreSQL itself tells no row."""
    stream = io.StringIO()
    logger = logging.Logger("tests")
    logger.addHandler(logging.StreamHandler(stream))
    quiet(logger)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE kept (name text CHECK (name = ''))")
            cursor.execute(statement, [NAME])
    except DatabaseError as error:
        assert NAME in str(error)
        logger.exception("broken")
        logger.error("Task x[1] raised unexpected: %s", repr(error), exc_info=True)
    written = stream.getvalue()
    assert written.count("Traceback") >= 2 and "Error" in written and NAME not in written
    assert "Task x[1] raised unexpected" in written
