"""The pages of this room: who lands where, what they show, and what stays outside the scope."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from members.models import Registration
from orgs.doors import current_postings
from reports import boards, goal_words, metrics, ranking, selectors, services, tiles, words
from reports.menu import GROUPS
from reports.models import MonthClosing, ReportedFigure, Snapshot
from reports.words import Basis
from tests import factories as make

pytestmark = pytest.mark.django_db
DASHBOARD = reverse("reports:dashboard")


def organization(unit, query: str = "") -> str:
    return reverse("reports:organization", args=[unit.code]) + query


# --- the first page -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "page"),
    [
        ("city_leader", "reports:front"),
        ("division_leader", "reports:front"),
        ("registrar", "reports:dashboard"),
        ("officer", "reports:today"),
        ("secretary", "members:roll"),
        ("system", "admin:index"),
        ("security", "admin:index"),
        ("audit", "admin:index"),
    ],
)
def test_each_persona_begins_on_the_right_page(sign_in, person, page):
    response = sign_in(person).get("/")
    assert response.status_code == 302 and response.url == reverse(page)


def test_without_an_account_it_begins_with_signing_in(client, db):
    assert client.get("/").url.startswith(reverse("accounts:sign_in"))


def test_somebody_without_a_posting_is_told_why(client, db):
    client.force_login(make.make_user(), backend="orgs.doors.DoorBackend")
    response = client.get("/", follow=True)
    assert "没有任职" in response.content.decode()


@pytest.mark.parametrize("person", ["city_leader", "registrar", "officer", "secretary", "system", "security", "audit"])
def test_every_entry_of_the_menu_opens(sign_in, person):
    client = sign_in(person)
    groups = client.get(reverse("reports:me")).context["menu"]
    urls = [entry["url"] for group in groups for entry in group["entries"]]
    assert len(urls) == len(set(urls)) > 0
    assert {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_every_entry_of_the_menu_exists():
    for _, entries in GROUPS:
        for entry in entries:
            assert reverse(entry.url_name)


# --- the dashboard ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["city_leader", "district_leader", "division_leader", "officer", "secretary"])
def test_the_own_dashboard_has_numbers_and_its_place(sign_in, town, person):
    response = sign_in(person).get(DASHBOARD)
    assert response.status_code == 200
    assert response.context["own"].unit == current_postings(town.people[person])[0].unit
    assert response.context["breadcrumbs"][-1]["url"] is None
    assert "数据日期" in response.content.decode()


@pytest.mark.parametrize("person", ["system", "security", "audit"])
def test_administrators_see_no_business_data(sign_in, person):
    client = sign_in(person)
    for name in ("dashboard", "search", "metrics", "closings", "reported", "today", "districts"):
        assert client.get(reverse(f"reports:{name}")).status_code == 403


def test_outside_the_scope_answers_like_a_missing_unit(sign_in, town):
    client = sign_in("district_leader")
    for outside in (town.city.futian, town.city.lianhua, town.other_branch, town.city.city):
        for url in (organization(outside), reverse("reports:chart", args=["o", outside.code, "trend"])):
            there, missing = client.get(url), client.get(url.replace(outside.code, "NOSUCH"))
            assert there.status_code == missing.status_code == 404
            assert there.content == missing.content
        assert (
            client.get(reverse("reports:rows", args=["organizations"]), {"organization": outside.code}).status_code
            == 404
        )
    assert client.get(reverse("reports:division", args=[town.city.divisions["futian"].code])).status_code == 404


def test_a_secretary_sees_the_own_organization_only(sign_in, town):
    client = sign_in("secretary")
    assert client.get(organization(town.branch)).status_code == 200
    assert client.get(organization(town.city.yuehai)).status_code == 404


def test_a_registrar_has_the_import_at_hand_and_a_leader_does_not(sign_in):
    upload = reverse("tables:upload")
    assert f'class="btn btn-primary" href="{upload}"' in sign_in("registrar").get(DASHBOARD).content.decode()
    assert upload not in sign_in("city_leader").get(DASHBOARD).content.decode()


def test_it_opens_on_with_members_and_shows_operating_beside_it(sign_in, town):
    page = sign_in("city_leader").get(DASHBOARD)
    assert page.context["basis"].denominator == "with_members"
    text = page.content.decode()
    assert "D4 有党员" in text and "D2 实体运营" in text
    lead = {tile["code"]: tile for group in page.context["groups"] for tile in group["tiles"] if tile["lead"]}
    assert "D2 实体运营" in lead["organization_coverage"]["detail"]
    assert {"organization_coverage", "organization_coverage_strict"} <= set(lead)


def test_the_scope_can_be_chosen_and_nonsense_is_refused_with_a_sentence(sign_in, town):
    client = sign_in("city_leader")
    page = client.get(organization(town.city.city, "?denominator=operating&range=enterprises"))
    lead = {tile["code"]: tile for group in page.context["groups"] for tile in group["tiles"]}
    own = selectors.latest(town.city.city)
    expected = words.figure(own.value("organization_coverage", "operating", "enterprises"), metrics.RATE)
    assert lead["organization_coverage"]["value"] == expected
    assert "没有这种统计口径" in client.get(DASHBOARD, {"denominator": "D9"}).content.decode()
    assert "日期写法" in client.get(DASHBOARD, {"as_of": "2026-13-40"}).content.decode()


def test_a_denominator_that_is_filled_nowhere_shows_a_dash(sign_in, town):
    page = sign_in("city_leader").get(organization(town.city.city, "?denominator=above_size"))
    tile = next(t for g in page.context["groups"] for t in g["tiles"] if t["code"] == "organization_coverage")
    assert tile["value"] == "—"


def test_change_against_the_end_of_last_month_says_whether_it_is_good(town):
    own = selectors.latest(town.city.city)
    before = {**own.counts, "due_not_built": own.counts["due_not_built"] + 4, "members_on_roll": 5}
    Snapshot.objects.create(
        organization=town.city.city, as_of=timezone.localdate().replace(day=1) - timedelta(days=1), counts=before
    )
    then = boards.compared_with(town.people["city_leader"], town.city.city, own.as_of)
    found = {t["code"]: t for g in tiles.groups(own, then, Basis("operating")) for t in g["tiles"]}
    assert found["due_not_built"]["change"].endswith("−4")
    assert found["due_not_built"]["direction"] == "down" and found["due_not_built"]["good"] is True
    assert found["members_on_roll"]["direction"] == "up" and found["members_on_roll"]["good"] is None


def test_a_share_that_falls_because_more_declare_is_not_called_bad(town):
    own = selectors.latest(town.city.city)
    wider = {key: count + (9 if key == "with_members" else 0) for key, count in own.counts.items()}
    now = selectors.Numbers(own.unit, own.as_of, own.computed_at, wider)
    for denominator, judged in (("with_members", False), ("due", True)):
        fewer = selectors.Numbers(own.unit, own.as_of, own.computed_at, {**own.counts, "due": own.counts["due"] + 9})
        change = tiles.change(
            metrics.METRICS["work_coverage"],
            now if not judged else own,
            own if not judged else fewer,
            Basis(denominator),
        )
        assert change["direction"] != "flat" and (change["good"] is not None) == judged


def test_half_a_tenth_goes_up_as_on_a_calculator_and_in_a_spreadsheet():
    assert words.figure(metrics.Share.of(779, 2210), metrics.RATE) == "35.2%"  # 0.35249: not of 0.3525
    assert words.figure(metrics.Share.of(1336, 2210), metrics.RATE) == "60.5%"  # 0.604525
    assert (metrics.Share.of(779, 2210), metrics.Share.of(1, 1)) == (Decimal("0.3525"), 1)
    assert words.figure(Decimal("0.3515"), metrics.RATE) == "35.2%"
    assert words.difference(Decimal("0.6045"), Decimal("0.6055"), metrics.RATE) == "−0.1 个百分点"
    assert goal_words.figure("work_coverage", Decimal("0.6045")) == "60.5%"
    assert goal_words.gap("work_coverage", Decimal("0.6045"), Decimal("0.6035")) == "领先 0.1 个百分点"


def test_a_change_of_a_share_is_told_in_points():
    from decimal import Decimal

    assert words.difference(Decimal("0.8260"), Decimal("0.8090"), metrics.RATE) == "+1.7 个百分点"
    assert words.difference(3, 5, metrics.COUNT) == "−2"


def test_queries_do_not_grow_with_the_number_of_children(sign_in, town, django_assert_max_num_queries):
    client = sign_in("city_leader")

    def queries() -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(DASHBOARD).status_code == 200
        return len(captured)

    client.get(DASHBOARD)
    few = queries()
    for _ in range(5):
        make.organization_create(
            by=None,
            parent=town.city.city,
            level=2,
            code=f"X{next(make._numbers)}",
            name=f"新{next(make._numbers)}区党委",
        )
    services.coverage_refresh()
    client.get(DASHBOARD)  # the first reader after a refresh works out what is withheld: twice a query, for everybody
    assert queries() == few


def test_nothing_forbidden_can_be_compared():
    forbidden = ("registration", "check_in", "members", "with_members")
    for code in (*ranking.RANKED, *ranking.RANKED_GRASSROOTS):
        assert not any(word in code for word in forbidden), code
        assert not metrics.METRICS[code].person


def test_a_forbidden_comparison_falls_back(sign_in, town):
    client = sign_in("city_leader")
    url = reverse("reports:chart", args=["o", town.city.city.code, "rank"])
    assert client.get(url, {"compare": "members_on_roll"}).json()["name"] == client.get(url).json()["name"]


def test_nothing_is_inline(sign_in, town):
    client = sign_in("city_leader")
    for url in (DASHBOARD, reverse("reports:metrics"), reverse("reports:search"), reverse("reports:me")):
        response = client.get(url)
        text = response.content.decode()
        assert "'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:|https?://(?!www\.w3\.org)", text)


# --- the officer's day, and the small pages ---------------------------------------------------------------------------


def test_the_officers_day_counts_the_own_queue(sign_in, town):
    placed = {"guidance_station": town.city.yuehai, "district_committee": town.city.nanshan}
    today = timezone.localdate()
    Registration.objects.create(name="甲", due_on=today - timedelta(days=1), **placed)
    Registration.objects.create(
        name="乙", due_on=today, guidance_station=town.city.lianhua, district_committee=town.city.futian
    )
    day = sign_in("officer").get(reverse("reports:today")).context["day"]
    assert (day.waiting, day.overdue, day.due_today) == (4, 1, 3)
    assert (day.check_ins, day.footfall) == (1, 4)


def test_the_day_page_is_the_officers(sign_in):
    assert sign_in("city_leader").get(reverse("reports:today")).status_code == 403


def test_metrics_page_names_every_metric(sign_in):
    text = sign_in("city_leader").get(reverse("reports:metrics")).content.decode()
    assert [code for code in metrics.METRICS if f'id="{code}"' not in text] == []


def test_closings_and_reported_figures_stand_apart(sign_in):
    MonthClosing.objects.create(month="2026-10-01", as_of="2026-10-31", digest="ab" * 32, numbers={})
    ReportedFigure.objects.create(place="深圳", name="专业市场", value=459, as_of="2025-05-19", source="共产党员网")
    client = sign_in("city_leader")
    assert "ab" * 8 in client.get(reverse("reports:closings")).content.decode()  # whole on the page of its own
    text = client.get(reverse("reports:reported")).content.decode()
    assert "459" in text and "共产党员网" in text and "2025-05-19" in text


def test_the_table_of_roles_is_the_one_in_code(sign_in):
    text = sign_in("officer").get(reverse("reports:me")).content.decode()
    assert "指导站工作人员（我）" in text and "核实" in text
    assert not re.search(r">(view|add|change|verify)_?\w*<", text)


def test_looking_at_a_dashboard_changes_nothing(sign_in, town):
    before = AuditEvent.objects.count()
    sign_in("city_leader").get(DASHBOARD)
    assert AuditEvent.objects.count() == before
