import pytest

from accounts.models import AuditEvent
from stations import services
from stations.models import ServicePoint
from tests import factories as make
from tests.stations.conftest import make_person, values

pytestmark = pytest.mark.django_db


@pytest.fixture
def check_ins(city, notice):
    """One in each district."""
    rows = {}
    for unit, name in ((city.yuehai, "张三丰"), (city.lianhua, "周伯通")):
        place = make.make_service_point(unit, name=f"{unit.code}驿站")
        rows[unit.pk], _ = services.check_in(
            member=make_person(unit, notice, name=name).member, place=place, **values()
        )
    return rows


def test_check_in_list_is_scoped_masked_and_audited(client, city, check_ins):
    client.force_login(make.make_user("officer", city.yuehai))
    text = client.get("/check-ins/").content.decode()
    assert "张*" in text and "张三丰" not in text and "周*" not in text
    assert AuditEvent.objects.get(act="stations.check_in.list").subjects == [check_ins[city.yuehai.pk].member_id]


@pytest.mark.parametrize("role", ["registrar", "leader"])
def test_who_does_not_work_with_persons_sees_no_row_and_no_count_of_them(client, city, check_ins, role):
    """The check-ins of one place on one day are a small cell."""
    client.force_login(make.make_user(role, city.city))
    assert client.get("/check-ins/").status_code == 403
    text = client.get(f"/service-points/{check_ins[city.yuehai.pk].place_id}/").content.decode()
    assert "党员签到" not in text and "签到记录" not in text and "歇脚" in text


def test_the_officer_sees_how_many_checked_in_today(client, city, check_ins):
    client.force_login(make.make_user("officer", city.yuehai))
    text = client.get(f"/service-points/{check_ins[city.yuehai.pk].place_id}/").content.decode()
    assert '党员签到</dt><dd class="num">1 人次' in text and "签到记录" in text


def test_unknown_filter_of_service_points_is_dropped_openly(client, city):
    client.force_login(make.make_user("officer", city.yuehai))
    response = client.get("/service-points/", {"knd": "finance", "q": "x"})
    assert response.status_code == 302 and response.url == "/service-points/?q=x"


def test_unknown_filter_is_refused_in_chinese(client, city):
    client.force_login(make.make_user("officer", city.yuehai))
    response = client.get("/check-ins/", {"purpse": "study"})
    assert response.status_code == 400 and "不认识的参数：purpse" in response.content.decode()


def test_filters_narrow(client, city, check_ins):
    client.force_login(make.make_user("officer", city.city))
    row = check_ins[city.yuehai.pk]
    text = client.get("/check-ins/", {"place": row.place_id}).content.decode()
    assert "张*" in text and "周*" not in text
    assert "没有符合条件" in client.get("/check-ins/", {"purpose": "study"}).content.decode()
    assert "没有符合条件" in client.get("/check-ins/", {"on_from": "2999-01-01"}).content.decode()


def test_pages_by_key_show_every_row_once(client, city):
    for number in range(120):
        make.make_service_point(city.yuehai, name=f"驿站甲{number:03d}乙")
    client.force_login(make.make_user("officer", city.yuehai))
    seen, url = [], "/service-points/?kind=rest_point"
    while url:
        response = client.get(url)
        seen += [row["cells"][0]["text"] for row in response.context["table"]["rows"]]
        last, following = response, response.context["page"].next_url
        url = following and f"/service-points/{following}"
    assert len(seen) == 120 == len(set(seen))
    back = client.get(f"/service-points/{last.context['page'].previous_url}")
    assert [row["cells"][0]["text"] for row in back.context["table"]["rows"]] == seen[50:100]


def test_service_point_list_hides_closed_ones_until_asked(client, city):
    make.make_service_point(city.yuehai, name="旧驿站", closed_on="2026-01-01")
    client.force_login(make.make_user("officer", city.yuehai))
    assert "旧驿站" not in client.get("/service-points/").content.decode()
    assert "旧驿站" in client.get("/service-points/", {"state": "closed"}).content.decode()


def test_detail_outside_the_scope_is_404(client, city):
    far = make.make_service_point(city.lianhua)
    client.force_login(make.make_user("officer", city.yuehai))
    assert client.get(f"/service-points/{far.pk}/").status_code == 404
    assert client.get(f"/service-points/{far.pk}/poster/").status_code == 404
    assert client.post(f"/service-points/{far.pk}/poster/make/").status_code == 404


def test_admin_offers_only_own_guidance_stations_and_saves_through_the_service(client, city):
    client.force_login(make.make_user("registrar", city.nanshan))
    page = client.get("/admin/stations/servicepoint/add/").content.decode()
    assert city.yuehai.name in page and city.lianhua.name not in page
    sent = {"code": "N1", "kind": "rest_point", "name": "新驿站", "guidance_station": city.yuehai.pk}
    assert client.post("/admin/stations/servicepoint/add/", sent).status_code == 302
    place = ServicePoint.objects.get(code="N1")
    assert place.district_committee_id == city.nanshan.pk
    assert AuditEvent.objects.filter(act="stations.service_point.create").exists()


def test_admin_refuses_a_second_counter_in_words(client, city):
    services.counter_for(city.yuehai)
    client.force_login(make.make_user("registrar", city.nanshan))
    sent = {"code": "N1", "kind": "counter", "name": "窗口二", "guidance_station": city.yuehai.pk}
    response = client.post("/admin/stations/servicepoint/add/", sent)
    assert response.status_code == 200 and "已经有一个窗口" in response.content.decode()


def test_admin_change_of_another_districts_place_is_like_a_missing_one(client, city):
    far = make.make_service_point(city.lianhua)
    client.force_login(make.make_user("registrar", city.nanshan))
    there = client.get(f"/admin/stations/servicepoint/{far.pk}/change/")
    missing = client.get("/admin/stations/servicepoint/999999/change/")
    assert there.status_code == missing.status_code == 404 and there.content == missing.content


def test_admin_refuses_a_place_in_another_district(client, city):
    client.force_login(make.make_user("registrar", city.nanshan))
    sent = {"code": "N1", "kind": "rest_point", "name": "新驿站", "guidance_station": city.lianhua.pk}
    response = client.post("/admin/stations/servicepoint/add/", sent)
    assert response.status_code == 200 and not ServicePoint.objects.filter(code="N1").exists()
