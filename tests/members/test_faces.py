"""The public face as a process of its own, in its own database role and without the staff side's keys; the staff side is this
process. What a person sends there arrives here, and what is written here is read there."""

import base64
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import date

import pytest
from django.core.cache import cache

from accounts.models import AuditEvent, IndexKey
from accounts.sealed_box import key_pair
from members import answers, identity, inbox, services
from members.models import Draft, MemberCode, Receipt, Registration, RightsRequest, Submission
from reports import printing, verifying
from stations.models import CheckIn, FootfallTally
from tests import factories
from tests.conftest import as_owner
from tests.members import make
from tests.members.test_intake_server import Server
from tests.members.test_public import ANSWERS
from tests.setup.test_public_role import KEY

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = ("FIELD_KEYS", "BLIND_INDEX_KEY", "AUDIT_SEAL_KEY", "DATABASE_OWNER_URL", "DATABASE_ROLE")


class PublicFace(Server):
    def __init__(self, public_key: bytes) -> None:
        super().__init__()
        for name in HIDDEN:
            self.environment.pop(name, None)
        self.environment |= {
            "FACE": "public",
            "RECEIPT_KEY": KEY,
            "INBOX_PUBLIC_KEY": base64.b64encode(public_key).decode(),
            "DATABASE_URL": self.environment["DATABASE_URL"].replace("//web@", "//public_web@"),
        }


class Phone:
    """A browser on the public face."""

    def __init__(self, port: int):
        self.root = f"http://127.0.0.1:{port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        self.page = self.url = self.token = ""
        self.status = 0

    def get(self, path: str) -> str:
        return self._ask(urllib.parse.urljoin(self.url or self.root, path))

    def post(self, path: str, **data) -> str:
        form = re.search(r'name="form_token" value="([^"]+)"', self.page)
        data = {"csrfmiddlewaretoken": self.token, "form_token": form[1] if form else "", **data}
        return self._ask(urllib.parse.urljoin(self.url, path), urllib.parse.urlencode(data).encode())

    def _ask(self, url: str, data: bytes | None = None) -> str:
        try:
            answer = self.browser.open(url, data, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        self.status, self.url, self.page = answer.status, answer.url, answer.read().decode()
        found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', self.page)
        self.token = found[1] if found else self.token
        return self.page


@pytest.fixture
def pair(settings, transactional_db):
    with as_owner():
        IndexKey.objects.all().delete()  # the key of receipts is another here
    public, private = key_pair()
    settings.FACE, settings.INBOX_PRIVATE_KEYS = "staff", [private]
    settings.RECEIPT_KEY = base64.b64decode(KEY)
    return public


@pytest.fixture
def face(pair):
    server = PublicFace(pair)
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["joined", "ferried"])
def either(request, pair, settings):
    """(face, carry): on the staff side's database, or on one of its own with files between; `carry` brings what there is
    to the other side and back, and tells how much was taken."""
    if request.param == "joined":
        server, carry = PublicFace(pair), inbox.take_all
    else:
        sides = request.getfixturevalue("sides")
        server, carry = PublicFace(settings.INBOX_PUBLIC_KEY), sides.turn
        server.environment["DATABASE_URL"] = server.environment["DATABASE_URL"].rsplit("/", 1)[0] + f"/{sides.name}"
        server.environment["FERRY_TRUSTED"] = base64.b64encode(sides.trusted["staff"][0]).decode()
    server.start()
    yield server, carry
    server.kill()


@pytest.fixture
def city(db):
    return factories.make_city()


def report(phone: Phone, poster, **changes) -> str:
    """The whole form; the code of its receipt."""
    phone.get(f"/q/{poster.code}/")
    phone.post("", step="notice", membership="on", home_verify="on", check_in="on")
    for step, data in (ANSWERS | changes).items():
        phone.post("", step=step, **data)
    assert "step=check" in phone.url, phone.page
    phone.post("", step="check")
    return phone.url.rstrip("/").rsplit("/", 1)[-1]


def test_a_person_reports_and_is_answered(face, city):
    make.notice()
    poster = make.market_poster(factories.make_market(city.yuehai, name="华强电子市场"))
    phone, again = Phone(face.port), Phone(face.port)
    assert "华强电子市场" in phone.get(f"/q/{poster.code}/") and "告知书" in phone.get("/notice/")

    code = report(phone, poster)
    assert "已提交" in phone.page and not Registration.objects.exists() and not Draft.objects.exists()
    assert "张三丰".encode() not in bytes(Submission.objects.get().box)

    joined = report(again, poster)  # the same person, from another phone
    assert joined != code and again.page.replace(joined, code)[:200] == phone.page[:200]
    assert inbox.take_all() == 2 and inbox.take_all() == 0
    row = Registration.objects.get()
    assert (row.name, row.poster, row.receipts.count()) == ("张三丰", poster, 2)
    assert set(Submission.objects.values_list("box", flat=True)) == {None}
    for one, its in ((phone, code), (again, joined)):
        assert "您的报到已经收到" in one.get(f"/r/{its}/")

    services.registration_verify(registration=row, method="document", by=None)
    answers.hear_sealed([AuditEvent.objects.latest("pk")])  # as the sealer tells it
    assert "已核实" in phone.get(f"/r/{code}/") and "已核实" not in again.get(f"/r/{joined}/")
    assert "正在取" in phone.get(f"/r/{code}/copy/") and inbox.take_all() == 1
    assert "张*" in phone.get(f"/r/{code}/copy/") and "张三丰" not in phone.page
    again.get(f"/r/{joined}/copy/")
    inbox.take_all()
    again.get(f"/r/{joined}/copy/")
    assert again.status == 404


def test_acts_of_a_receipt_go_through_the_inbox(either, city):
    face, carry = either
    make.notice()
    poster = make.station_poster(city.yuehai)
    place = factories.make_service_point(city.yuehai)
    place.poster = services.poster_create(kind="service_point", by=None)
    place.save()
    paper, _ = printing.document_create(
        kind="monthly", unit=city.yuehai, period=date(2026, 10, 1), as_of=date(2026, 10, 31), title="月报", body={},
        source="a", classification="internal", by=None,
    )  # fmt: skip
    verifying.hear_sealed([AuditEvent.objects.get(act="reports.printed.make")])  # as the sealer tells it
    carry()
    phone = Phone(face.port)
    assert paper.number in phone.get(f"/verify/?code={printing.spoken_code(paper.code)}") and "现在有效" in phone.page
    other = paper.code[:-1] + ("3" if paper.code.endswith("2") else "2")
    assert "没有这个核验码" in phone.get(f"/verify/{other}/") and phone.status == 404
    code = report(phone, poster)
    assert "已提交" in phone.page and carry() == 1 and "您的报到已经收到" in phone.get(f"/r/{code}/")
    row = Registration.objects.get()
    services.registration_verify(registration=row, method="document", by=None)
    answers.write(Receipt.objects.all())
    carry()
    phone.get(f"/r/{code}/")
    assert "已经收到" in phone.post(f"/r/{code}/do/issue/")
    assert carry() == 1
    member_code = MemberCode.objects.get().code
    assert identity.grouped(member_code) in phone.get(f"/r/{code}/")

    phone.get(f"/q/{place.poster.code}/")
    nonce = str(uuid.uuid4())
    for _ in range(2):
        assert "已收到" in phone.post(f"/q/{place.poster.code}/", code=member_code, nonce=nonce)
        assert "已收到" in phone.post(f"/q/{place.poster.code}/", kind="rest", nonce=nonce)
    assert carry() == 2
    assert FootfallTally.objects.get().count == 1
    check_in = CheckIn.objects.get()
    assert "正在取" in phone.get(f"/r/{code}/check-ins/") and carry() == 1
    assert place.name in phone.get(f"/r/{code}/check-ins/")
    phone.post(f"/r/{code}/check-ins/", check_in=check_in.pk, act="delete")
    carry()
    assert not CheckIn.objects.exists()

    phone.get(f"/r/{code}/rights/")
    phone.post(f"/r/{code}/rights/", kind="correct", details="单位写错了")
    carry()
    assert RightsRequest.objects.get().details == "单位写错了"
    phone.get(f"/r/{code}/withdraw/")
    phone.post(f"/r/{code}/withdraw/")
    carry()
    row.refresh_from_db()
    assert row.state == "withdrawn" and "已撤回" in phone.get(f"/r/{code}/")


@pytest.mark.parametrize("either", ["ferried"], indirect=True)
def test_all_that_is_asked_for_before_files_are_carried_comes_with_them_and_stays_a_day(either, city):
    """Two pages of the receipt and an act between them, in one round of files: each writes the answer of the receipt anew."""
    face, carry = either
    make.notice()
    poster = make.station_poster(city.yuehai)
    carry()
    phone = Phone(face.port)
    code = report(phone, poster)
    carry()
    services.registration_verify(registration=Registration.objects.get(), method="document", by=None)
    answers.write(Receipt.objects.all())
    carry()
    assert "已经替您去取" in phone.get(f"/r/{code}/copy/") and "已经替您去取" in phone.get(f"/r/{code}/check-ins/")
    phone.get(f"/r/{code}/")
    phone.post(f"/r/{code}/do/issue/")
    assert carry() == 3
    for _ in range(2):
        assert "张*" in phone.get(f"/r/{code}/copy/") and "已经替您去取" not in phone.get(f"/r/{code}/check-ins/")
        answers.write_all()  # of the night
        carry()
    cache.clear()  # the day is over
    answers.write_all()
    carry()
    assert "已经替您去取" in phone.get(f"/r/{code}/copy/")


def test_a_changed_notice_is_asked_on_the_public_face_and_answered_from_there(either, city):
    face, carry = either
    make.notice()
    phone = Phone(face.port)
    words = "增加一项：告诉党群服务中心。"
    poster = make.station_poster(city.yuehai)
    carry()
    code = report(phone, poster)
    carry()
    assert "请您重新决定" not in phone.get(f"/r/{code}/")
    make.later_notice("改后", anew=True, change=words)
    carry()
    assert words in phone.get(f"/r/{code}/") and words in phone.get(f"/r/{code}/anew/")
    assert "已经收到" in phone.post(f"/r/{code}/anew/", version="改后", membership="on", home_verify="on")
    assert carry() == 1
    assert "请您重新决定" not in phone.get(f"/r/{code}/") and "改后" in phone.page
    row = Registration.objects.get()
    assert set(row.consents.in_force().values_list("item", "notice__version")) == {
        ("home_verify", "改后"), ("membership", "改后"),
    }  # fmt: skip
    assert row.consents.get(item="check_in").withdrawn_at is not None
