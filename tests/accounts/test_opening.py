"""What every request reads first, in one statement: the same as the models would give, and anew each time."""

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session
from accounts.opening import read
from orgs.doors import current_postings
from tests import factories as make

BACKEND = "orgs.doors.DoorBackend"


def columns(instance) -> dict:
    return {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}


@pytest.mark.django_db
def test_it_reads_what_the_models_read(client):
    city, today = make.make_city(), timezone.localdate()
    user = make.make_user("officer", city.yuehai)
    user.postings.create(role="leader", division=city.divisions["nanshan"])
    user.postings.create(role="leader", organization=city.nanshan, starts_on=today + timedelta(days=1))
    user.postings.create(role="registrar", organization=city.nanshan, starts_on="2020-01-01", ends_on=today)
    client.force_login(user, backend=BACKEND)
    session, person = read(client.session.session_key)
    assert columns(session) == columns(Session.objects.get(user=user))
    assert columns(person) == columns(type(user).objects.get(pk=user.pk))
    fresh = current_postings(type(user).objects.get(pk=user.pk))
    assert len(fresh) == 2
    with CaptureQueriesContext(connection) as queries:
        for found, expected in zip(current_postings(person), fresh, strict=True):
            assert columns(found) == columns(expected) and columns(found.unit) == columns(expected.unit)
    assert not queries.captured_queries


@pytest.mark.django_db
def test_nobody_and_nothing_are_found_for_a_key_that_is_old_or_unknown(client):
    client.force_login(make.make_user(), backend=BACKEND)
    key = client.session.session_key
    Session.objects.update(expire_date=timezone.now())
    assert read(key) == read("x" * 32) == (None, None)


@pytest.mark.django_db
def test_a_signed_in_request_asks_once_who_it_is(client):
    client.force_login(make.make_user("officer", make.make_city().yuehai), backend=BACKEND)
    client.get("/accounts/sessions/state/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/accounts/sessions/state/")
    assert [query["sql"].split(" (")[0] for query in queries.captured_queries] == ["EXECUTE opening"]


def test_a_connection_that_died_between_two_requests_is_replaced(transactional_db, client):
    client.force_login(make.make_user("officer", make.make_city().yuehai), backend=BACKEND)
    assert client.get("/me/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    connection.health_check_done = False  # as the end of a request leaves it
    assert client.get("/me/").status_code == 200
