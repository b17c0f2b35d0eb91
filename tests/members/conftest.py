"""The small city, its officer, and a client of the intake that belongs to it. Files that need another city make their own."""

from io import StringIO

import psycopg2
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client

from tests import factories
from tests.members.intake_tools import make_client
from tests.members.sides import SERVER, Sides


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai)


@pytest.fixture
def desk(officer):
    """The officer's browser."""
    client = Client()
    client.force_login(officer)
    return client


@pytest.fixture
def fresh_limits():
    cache.clear()


@pytest.fixture
def sender(city):
    return make_client(city.city)


@pytest.fixture(scope="module")
def public_database(django_db_setup):
    """An empty one, once; each test empties it."""
    name = f"{connection.settings_dict['NAME']}_public"
    server = psycopg2.connect(f"postgres://owner@{SERVER}/postgres")
    server.autocommit = True
    cursor = server.cursor()
    cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield name
    cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    server.close()


@pytest.fixture
def sides(tmp_path, settings, db, public_database):
    both = Sides(tmp_path, settings, public_database)
    with both.public("owner"):
        call_command("ferry_database", stdout=StringIO())
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(connection.introspection.table_names(cursor))}")
    return both
