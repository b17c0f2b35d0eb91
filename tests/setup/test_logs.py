"""The log holds no codes that open a person's page."""

import logging

import pytest

from config.logs import WithoutCodes


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
