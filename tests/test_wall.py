"""The second wall: a read without `visible_to` finds no persons of other districts; nobody's, where nobody said who reads."""

import uuid
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from accounts import wall
from accounts.authentication import TokenAuthentication
from accounts.middleware import WallMiddleware
from accounts.models import ApiToken
from accounts.tokens import token_digest
from jobs.runner import job_run
from jobs.services import KINDS, RIGHTS, job_start
from members.models import (
    Affiliation,
    Consent,
    ContactLog,
    Member,
    MemberCode,
    Notice,
    Pledge,
    Receipt,
    Registration,
    RightsRequest,
    Seat,
    Transfer,
)
from stations.models import CheckIn
from stations.selectors import member_of_code
from tests import factories as make
from tests.conftest import as_owner

WALLED = (
    Member, Affiliation, Registration, Receipt, ContactLog, Consent, RightsRequest, MemberCode, Transfer, Seat, Pledge,
    CheckIn,
)  # fmt: skip
# Tables that point at persons and stand outside, with the reason (docs/adr/0014).
OUTSIDE = {"members.IntakePerson": "two keys, nothing of a person; read by the system that sent the event"}

pytestmark = pytest.mark.django_db


def people_of(unit, officer) -> dict[type, int]:
    """One person known at one place only: the key of the row in every walled table."""
    notice, _ = Notice.objects.get_or_create(version="w1", defaults={"handler": "h", "purpose": "p", "kinds": "k"})
    member = make.make_member(f"某{unit.pk}")
    branch = make.make_branch(unit)
    own = {"guidance_station_id": unit.guidance_station_id, "district_committee_id": unit.district_committee_id}
    form = Registration.objects.create(member=member, state="verified", method="interview", due_on="2026-01-01", **own)
    receipt = Receipt.objects.create(registration=form, code_index=uuid.uuid4().bytes, notice=notice)
    rows = [
        member, form, receipt, make.make_affiliation(member, branch),
        ContactLog.objects.create(registration=form, by=officer, outcome="reached"),
        Consent.objects.create(registration=form, member=member, notice=notice, item="check_in", channel="poster"),
        RightsRequest.objects.create(registration=form, receipt=receipt, kind="copy", due_on="2026-01-01"),
        MemberCode.objects.create(member=member, code="c", code_index=f"code {unit.pk}".encode()),
        Transfer.objects.create(member=member, origin=branch, elsewhere="外地", sent_on="2026-01-01"),
        Seat.objects.create(member=member, organization=branch, post="secretary", starts_on="2026-01-01"),
        make.make_pledge(member, branch),
        CheckIn.objects.create(
            member=member, place=make.make_service_point(unit), on="2026-01-01", channel="scan",
            occurred_at="2026-01-01T08:00+08:00", **make.placed(unit),
        ),
    ]  # fmt: skip
    return {type(row): row.pk for row in rows}


@pytest.fixture
def town(db):
    city = make.make_city()
    near, far = make.make_user("officer", city.yuehai), make.make_user("officer", city.lianhua)
    return SimpleNamespace(
        city=city, near=near, far=far, mine=people_of(city.yuehai, near), theirs=people_of(city.lianhua, far)
    )


def found(rows: dict[type, int]) -> set[type]:
    """In which tables a plain read finds them."""
    return {model for model, pk in rows.items() if model._base_manager.filter(pk=pk).exists()}


def requested(user, view):
    """What `view` answers in a request of this user, through the middleware of the product."""
    request = RequestFactory().get("/")
    request.user = user
    return WallMiddleware(view)(request)


def test_a_request_finds_persons_of_its_own_district_in_every_table(town):
    seen = {}
    requested(
        town.near, lambda request: seen.update(mine=found(town.mine), theirs=found(town.theirs)) or HttpResponse()
    )
    assert seen == {"mine": set(WALLED), "theirs": set()}


def test_nobody_said_nobody_seen(town):
    with wall.within(wall.NOBODY):
        assert found(town.mine) == set()
    with connection.cursor() as cursor:  # as a connection that was never told
        cursor.execute("RESET app.districts")
    assert found(town.mine) == set()


def test_without_the_policies_it_would_find_them(town):
    with wall.as_user(town.near), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in WALLED:
            table = model._meta.db_table
            cursor.execute(f"DROP POLICY {table}_by_district ON {table}")
            cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    with wall.as_user(town.near):
        assert found(town.theirs) == set(WALLED)


@pytest.mark.parametrize(
    ("role", "unit", "sees"),
    [
        ("officer", "city", "both"), ("officer", "nanshan", "mine"), ("secretary", "a branch", "mine"),
        ("officer", "both", "both"), ("officer", "a division", "mine"), ("officer", "a street", "mine"),
        ("officer", "whole division", "both"), ("registrar", "nanshan", "mine"), ("", None, "none"),
        ("leader", "city", "none"), ("leader", "nanshan", "none"), ("leader", "whole division", "none"),
    ],
)  # fmt: skip
def test_what_a_posting_reaches(town, role, unit, sees):
    city = town.city
    places = {
        "city": city.city, "nanshan": city.nanshan, "a branch": make.make_branch(city.shahe), "both": city.yuehai,
        "a division": city.divisions["nanshan"], "a street": city.divisions["yuehai"],
        "whole division": city.divisions["city"],
    }  # fmt: skip
    user = make.make_user(role, places.get(unit))
    if unit == "both":
        user.postings.create(role=role, organization=city.lianhua)
    with wall.as_user(user):
        seen = {name for name, rows in (("mine", town.mine), ("theirs", town.theirs)) if found(rows) == set(WALLED)}
    assert seen == {"both": {"mine", "theirs"}, "mine": {"mine"}, "none": set()}[sees]


def test_what_stands_directly_under_the_city_is_of_no_district(town):
    branch = make.make_branch(town.city.city)
    row = make.make_affiliation(make.make_member("直属"), branch)
    for user, sees in ((town.near, False), (make.make_user("secretary", branch), True)):
        with wall.as_user(user):
            assert Affiliation.objects.filter(pk=row.pk).exists() is sees
            assert Member.objects.filter(pk=row.member_id).exists() is sees


def test_a_person_of_two_districts_is_seen_from_both_and_whole(town):
    """On a roll in one, taken in by another: each has to know of both (四个数不混)."""
    member = Member.objects.get(pk=town.theirs[Member])
    make.make_affiliation(member, make.make_branch(town.city.shahe), kind="activity")
    with wall.as_user(town.near):
        assert member.affiliations.count() == 2
        assert found(town.theirs) == set(WALLED)


def test_the_members_own_code_opens_the_desk_of_any_district(town, monkeypatch):
    monkeypatch.setattr("stations.selectors.member_code_index", str.encode)
    with wall.as_user(town.near):
        member = member_of_code(f"code {town.city.lianhua.pk}")
        assert member is not None and member.pk == town.theirs[Member]
        assert found(town.theirs) == set()  # and nothing stays open behind it


def test_every_table_that_points_at_a_person_is_walled_or_named():
    people = {Member, Registration}
    pointing = {
        model for model in apps.get_models()
        for field in model._meta.concrete_fields if field.related_model in people
    }  # fmt: skip
    assert {model for model in pointing if model._meta.label not in OUTSIDE} | people == set(WALLED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity")
        assert {name for (name,) in cursor.fetchall()} == {model._meta.db_table for model in WALLED}


def test_an_api_call_sees_what_its_token_may(town):
    seen = []
    ApiToken.objects.create(
        user=town.near, label="t", scopes=["numbers"], digest=token_digest("k"), expires_at="2027-01-01T00:00+08:00"
    )

    def view(request):
        seen.append(found(town.mine))
        door = TokenAuthentication()
        door.asked = request
        door.authenticate_credentials("k")
        seen.extend([found(town.mine), found(town.theirs)])
        return HttpResponse()

    requested(AnonymousUser(), view)
    assert seen == [set(), set(WALLED), set()]


def test_an_answer_made_while_it_is_sent_stays_behind_the_wall(town):
    pieces = (f"{len(found(rows))} " for rows in (town.mine, town.theirs))
    with wall.within(wall.NOBODY):
        answer = requested(town.near, lambda request: StreamingHttpResponse(pieces))
        assert found(town.mine) == set()
        assert b"".join(answer.streaming_content).split() == [str(len(WALLED)).encode(), b"0"]
        assert found(town.mine) == set()


def test_a_job_sees_what_its_owner_sees_and_the_clock_everybody(town, monkeypatch):
    def look(job, progress):
        return {"mine": len(found(town.mine)), "theirs": len(found(town.theirs))}

    monkeypatch.setitem(KINDS, "test.look", look)
    monkeypatch.setitem(RIGHTS, "test.look", lambda params: "members.view_member")
    owned, free = (job_start(kind="test.look", title="看", by=by) for by in (town.near, None))
    assert job_run(job_id=owned.pk).result == {"mine": len(WALLED), "theirs": 0}
    assert job_run(job_id=free.pk).result == {"mine": len(WALLED), "theirs": len(WALLED)}


def test_a_task_of_the_clock_counts_the_whole_city(town):
    from config.celery import app

    @app.task(name="test.count")
    def count() -> int:
        return len(found(town.theirs))

    with wall.within(wall.NOBODY):
        assert count() == len(WALLED)
        assert count.apply().get() == len(WALLED)
        assert found(town.theirs) == set()


# --- one connection, many users ---------------------------------------------------------------------------------------


@pytest.fixture
def served(transactional_db):
    """As in a server's thread: outside of requests nobody is told, and statements commit by themselves."""
    city = make.make_city()
    near, far = make.make_user("officer", city.yuehai), make.make_user("officer", city.lianhua)
    town = SimpleNamespace(near=near, far=far, mine=people_of(city.yuehai, near), theirs=people_of(city.lianhua, far))
    with wall.within(wall.NOBODY):
        yield town


def _told() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.districts')")
        return cursor.fetchone()[0]


def _well(request) -> HttpResponse:
    return HttpResponse()


def _rolled_back(request) -> HttpResponse:
    with transaction.atomic(), wall.everywhere():
        transaction.set_rollback(True)
    return HttpResponse()


def _half_rolled_back(request) -> HttpResponse:
    with transaction.atomic():
        with transaction.atomic(), wall.everywhere():
            transaction.set_rollback(True)
        Member.objects.count()
    return HttpResponse()


def _broken(request) -> HttpResponse:
    with transaction.atomic(), wall.everywhere(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    return HttpResponse()


def _stopped(request) -> HttpResponse:
    with transaction.atomic(), wall.everywhere():
        raise RuntimeError
    return HttpResponse()


def _reconnected(request) -> HttpResponse:
    connection.close()
    return HttpResponse()


def _half_read(request) -> HttpResponse:
    answer = StreamingHttpResponse(wall.while_read(iter(["a", "b"])))
    next(iter(answer.streaming_content))
    answer.close()
    return answer


def test_users_take_turns_on_one_connection_whatever_the_one_before_did(served):
    ends = (_well, _rolled_back, _half_rolled_back, _broken, _stopped, _reconnected, _half_read)
    for turn, end in enumerate(ends * 2):
        user, own, other = (
            (served.near, served.mine, served.theirs) if turn % 2 else (served.far, served.theirs, served.mine)
        )

        def view(request, end=end, own=own, other=other):
            assert (found(own), found(other)) == (set(WALLED), set())
            try:
                return end(request)
            except (DatabaseError, RuntimeError):
                return HttpResponse(status=500)
            finally:
                assert (found(own), found(other)) == (set(WALLED), set())

        requested(user, view)
        assert _told() == ""
        assert found(served.mine) == found(served.theirs) == set()


def test_what_a_thread_left_on_its_connection_is_overwritten(served):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.districts', 'all', false)")
    seen: list[set] = []
    requested(served.near, lambda request: seen.append(found(served.theirs)) or HttpResponse())
    assert seen == [set()]
