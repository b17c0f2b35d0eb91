import hashlib
import json

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from members import pdf, services
from members.errors import Refused
from members.models import Notice, Poster
from members.services.notice import PARTS, notice_digest
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db
WORDS = dict.fromkeys(PARTS, "写全了")
WHOLE = WORDS | {"consent_anew": False, "change": "改了联系方式"}


@pytest.fixture
def city():
    return factories.make_city()


# --- notice ------------------------------------------------------------------------------------------------------------


def test_the_default_notice_is_published_once():
    assert services.notice_publish() == services.notice_publish()
    assert len(Notice.objects.get().digest) == 64


@pytest.mark.parametrize("part", PARTS)
def test_a_notice_without_one_part_is_not_published(part):
    for nothing in (" ", "\u200b", "——"):
        with pytest.raises(Refused, match="请先写全"):
            services.notice_publish(version="x", **WHOLE | {part: nothing})
        with pytest.raises(Refused, match="写明改了什么"):
            services.notice_publish(version="x", **WHOLE | {"change": nothing})
    with pytest.raises(IntegrityError, match="notice_published_(is_complete|names_joint)"), transaction.atomic():
        Notice.objects.create(version="x", published_at=timezone.now(), digest="d", **WHOLE | {part: ""})


def test_a_published_notice_never_changes_by_service_or_by_sql():
    services.notice_publish(version="x", **WHOLE)
    with pytest.raises(Refused, match="另立一个新版本"):
        services.notice_publish(version="x", **WHOLE | {"purpose": "别的"})
    for change in (
        lambda: Notice.objects.update(purpose="别的"),
        lambda: Notice.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            change()


def test_everybody_reads_the_notice_in_force_and_the_ones_before(client):
    assert client.get(reverse("members:notice")).status_code == 404
    services.notice_publish(version="甲", **WHOLE | {"joint": "与街道共同处理"})
    services.notice_publish(version="乙", **WHOLE)
    now = client.get(reverse("members:notice")).content.decode()
    assert "（乙 版）" in now and Notice.objects.get(version="乙").digest in now
    before = client.get(reverse("members:notice_version", args=["甲"])).content.decode()
    assert "与街道共同处理" in before and "不符" not in before
    Notice.objects.create(version="草稿", **WHOLE)
    for missing in ("草稿", "没有"):
        assert client.get(reverse("members:notice_version", args=[missing])).status_code == 404


def test_words_changed_behind_the_database_s_back_are_told(client):
    notice = services.notice_publish(version="x", **WHOLE)
    notice.purpose = "别的"
    assert not services.is_as_published(notice)


def test_the_digest_of_a_version_older_than_a_part_stays():
    older = {part: text for part, text in WORDS.items() if part != "joint"}
    said = json.dumps(["x", *older.values()], ensure_ascii=False)
    assert notice_digest("x", WORDS | {"joint": ""}) == hashlib.sha256(said.encode()).hexdigest()


def test_a_draft_may_change():
    Notice.objects.create(version="x")
    assert Notice.objects.update(purpose="别的") == 1
    assert services.notice_publish(version="x", **WHOLE).published_at


# --- posters -----------------------------------------------------------------------------------------------------------


def test_a_market_keeps_its_live_poster(city):
    market = factories.make_market(city.yuehai)
    first = make.market_poster(market)
    assert make.market_poster(market) == first
    services.poster_withdraw(poster=first, by=None)
    assert make.market_poster(market) != first
    with pytest.raises(Refused, match="已经停用"):
        services.poster_withdraw(poster=first, by=None)


def test_a_poster_names_what_its_kind_needs(city):
    with pytest.raises(IntegrityError, match="poster_names_what"), transaction.atomic():
        Poster.objects.create(code="X", kind="market", organization=city.yuehai)
    with pytest.raises(Refused):
        services.poster_create(kind="guidance_station", organization=city.nanshan)


def url(name: str, *args) -> str:
    return reverse(f"members:{name}", args=args)


def test_pages_of_posters_stay_in_scope(city, client):
    own, far = make.station_poster(city.yuehai), make.station_poster(city.lianhua)
    client.force_login(factories.make_user("officer", city.yuehai))
    text = client.get(url("posters")).content.decode()
    assert url("poster_print", own.code) in text
    assert url("poster_print", far.code) not in text
    for name in ("poster_print", "poster_pdf", "poster_invite"):
        assert client.get(url(name, own.code)).status_code == 200
        assert client.get(url(name, far.code)).status_code == 404
    assert client.get(url("poster_withdraw", own.code)).status_code == 403


def test_whoever_hangs_a_poster_is_told_that_the_notice_is_missing(city, client):
    poster = make.station_poster(city.yuehai)
    client.force_login(factories.make_user("officer", city.yuehai))
    pages = [url("posters"), url("poster_print", poster.code)]
    assert all("告知书还没有发布" in client.get(page).content.decode() for page in pages)
    services.notice_publish()
    assert not any("告知书还没有发布" in client.get(page).content.decode() for page in pages)


def test_the_sheet_shows_the_code_and_the_promise(city, client, settings):
    settings.PUBLIC_URL = "https://party.example.gov.cn"
    poster = make.station_poster(city.yuehai)
    client.force_login(factories.make_user("officer", city.yuehai))
    text = client.get(url("poster_print", poster.code)).content.decode()
    assert f"https://party.example.gov.cn/q/{poster.code}/" in text
    assert 'src="data:image/svg+xml' in text
    assert "不报到没有任何影响" in text
    assert "via=invitation" in client.get(url("poster_invite", poster.code)).content.decode()


def test_a_poster_is_made_and_withdrawn_on_pages(city, client):
    market, far = factories.make_market(city.yuehai), factories.make_market(city.lianhua)
    client.force_login(factories.make_user("registrar", city.nanshan))
    assert client.post(url("poster_new"), {}).status_code == 422
    assert client.post(url("poster_new"), {"market": far.pk}).status_code == 422
    assert client.post(url("poster_new"), {"market": market.pk}).status_code == 302
    poster = Poster.objects.get(market=market)
    assert client.post(url("poster_withdraw", poster.code), follow=True).status_code == 200
    assert not Poster.objects.live().exists()


def test_a_pdf_where_it_can_be_made_else_the_reason(city, client, monkeypatch):
    poster = make.station_poster(city.yuehai)
    client.force_login(factories.make_user("officer", city.yuehai))
    if not pdf.why_no_pdf():
        assert client.get(url("poster_pdf", poster.code)).content.startswith(b"%PDF-")
    monkeypatch.setattr(pdf, "_missing", lambda: "这台服务器没有中文字体")
    assert "没有中文字体" in client.get(url("poster_pdf", poster.code)).content.decode()
    page = client.get(url("poster_print", poster.code)).content.decode()
    assert "没有中文字体" in page
    assert url("poster_pdf", poster.code) not in page
