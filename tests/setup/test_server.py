"""What gunicorn itself says, as deploy/entrypoint.sh starts it."""

import contextlib
import http.client
import re

import pytest

from tests import served
from tests.test_browser_rules import RULES, told


@pytest.mark.django_db(transaction=True)
def test_the_server_tells_no_version_and_every_file_holds_the_rules():
    server = served.Server(WHITENOISE_USE_FINDERS="1")
    server.start()
    try:
        for address, status in (("/healthz", 200), ("/static/js/app.js", 200), ("/nowhere/", 404)):
            with contextlib.closing(http.client.HTTPConnection(served.HOST, server.port, timeout=20)) as link:
                link.request("GET", address, headers={"Host": "localhost"})
                answer = link.getresponse()
            assert (answer.status, told(answer)) == (status, RULES), address
            assert not re.search(r"\d", answer.headers.get("Server", ""))
    finally:
        server.kill()
