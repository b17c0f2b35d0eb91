"""The web server is killed in the middle of an upload: no batch, no job, nothing of the file in any folder."""

import http.client

import pytest
from django.conf import settings

from jobs.models import Job
from tables.models import Batch
from tests import factories
from tests.markets.files import make_row, to_csv
from tests.members.test_intake_server import Server

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "k" * 32
LARGE = settings.FILE_UPLOAD_MAX_MEMORY_SIZE  # bytes: above it an upload goes to disk on its way
END = b"\r\n--xx--\r\n"


def body() -> bytes:
    fields = {"csrfmiddlewaretoken": TOKEN, "target": "business"}
    parts = [
        f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n' for name, said in fields.items()
    ]
    parts.append('--xx\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n')
    return "".join(parts).encode() + to_csv([make_row()]).encode() + b"\r\n" * LARGE + END


def upload(server: Server, session: str, content: bytes, of: int) -> http.client.HTTPConnection:
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.putrequest("POST", "/batches/upload/")
    link.putheader("Cookie", f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={TOKEN}")
    link.putheader("Content-Type", "multipart/form-data; boundary=xx")
    link.putheader("Content-Length", str(of))
    link.endheaders(content)
    return link


def test_killed_while_a_file_comes_in_nothing_of_it_is_left(client, tmp_path):
    city = factories.make_city()
    client.force_login(factories.make_user("registrar", city.city), backend="orgs.doors.DoorBackend")
    session, whole = client.cookies[settings.SESSION_COOKIE_NAME].value, body()
    media, temporary = tmp_path / "media", tmp_path / "temporary"
    temporary.mkdir()
    server = Server()
    server.environment |= {"MEDIA_ROOT": str(media), "TMPDIR": str(temporary)}
    server.start()
    try:
        upload(server, session, whole[: len(whole) - len(END)], len(whole))
    finally:
        server.kill()
    assert not Batch.objects.exists() and not Job.objects.exists()
    assert not list(temporary.iterdir()) and not list(media.glob("imports/*"))
    server.start()
    try:  # the control: all of it
        answer = upload(server, session, whole, len(whole)).getresponse()
        assert (answer.status, Batch.objects.count(), Job.objects.count()) == (302, 1, 1)
        assert len(list(media.glob("imports/*"))) == 1
    finally:
        server.kill()
