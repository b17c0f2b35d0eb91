"""What the public face may do in the database, and which addresses it has: exactly what stands here, by hand."""

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.urls import NoReverseMatch

from tests.persona_rules import FACE_PUBLIC, PUBLIC
from tests.test_personas import addresses

ROLE = settings.DATABASE_PUBLIC_ROLE
KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="
RIGHTS = {
    ("members_submission", "INSERT"): {"id", "kind", "box", "received_at"},
    ("members_notice", "SELECT"): {
        "id", "version", "handler", "purpose", "kinds", "retention", "rights", "sensitive", "joint", "digest",
        "published_at", "consent_anew", "change",
    },
    ("members_poster", "SELECT"): {"id", "code", "kind", "withdrawn_at", "market_id", "organization_id"},
    ("markets_market", "SELECT"): {"id", "name"},
    ("orgs_organization", "SELECT"): {"id", "name"},
    ("accounts_indexkey", "SELECT"): {"id", "receipts"},
    ("stations_servicepoint", "SELECT"): {
        "id", "name", "kind", "address", "hours", "facilities", "poster_id", "closed_on",
    },
}  # fmt: skip


def rows(statement: str, values=()) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@pytest.fixture
def public(django_db_setup):
    """Signed in as the public role itself, on this process's database."""
    server = os.environ["DATABASE_URL"].rsplit("/", 1)[0].replace("web@", f"{ROLE}@")
    raw = psycopg2.connect(f"{server}/{connection.settings_dict['NAME']}")
    raw.autocommit = True
    yield raw.cursor()
    raw.close()


@pytest.mark.django_db
def test_the_public_role_has_these_rights_and_no_other():
    """Of every table and view there is: a new one joins with none."""
    found: dict[tuple[str, str], set[str]] = {}
    for table, right, column in rows(
        "SELECT c.relname, r.name, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS r(name)"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND c.relname NOT LIKE 'pg_stat_statements%%'"  # of the extension: everybody sees their own statements
        " AND has_column_privilege(%s, c.oid, a.attname, r.name)",
        [ROLE],
    ):
        found.setdefault((table, right), set()).add(column)
    assert found == RIGHTS
    assert rows(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
        " AND (CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(%s, c.oid, 'USAGE, SELECT, UPDATE')"
        "  WHEN c.relkind IN ('r', 'p', 'v', 'm') THEN has_table_privilege(%s, c.oid, 'DELETE, TRUNCATE, TRIGGER') END)",
        [ROLE, ROLE],
    ) == []  # fmt: skip


@pytest.mark.django_db
def test_of_functions_that_act_as_the_owner_it_may_call_one():
    found = rows(
        "SELECT proname FROM pg_proc WHERE prosecdef AND prorettype <> 'trigger'::regtype"
        " AND has_function_privilege(%s, oid, 'EXECUTE')",
        [ROLE],
    )
    assert found == [("members_answer_of",)]


@pytest.mark.django_db
def test_it_is_nobody_else_and_makes_nothing():
    assert rows(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = %s", [ROLE]
    ) == [(False, False, False, False)]
    assert rows("SELECT 1 FROM pg_auth_members WHERE member = %s::regrole", [ROLE]) == []
    assert rows("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [ROLE]) == [(False,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM members_member",
        "SELECT name FROM members_registration",
        "SELECT id FROM members_submission",
        "SELECT sealed FROM members_answer",
        "SELECT * FROM accounts_auditevent",
        "SELECT code FROM orgs_organization",
        "UPDATE members_poster SET withdrawn_at = now()",
        "INSERT INTO members_submission (id, kind, box, received_at) VALUES (gen_random_uuid(), 'x', '', now()) RETURNING id",
        "INSERT INTO members_submission (id, kind, box, received_at, taken_at) VALUES (gen_random_uuid(), 'x', '', now(), now())",
        "SET ROLE web",
        "SELECT pg_try_advisory_lock(7851)",
        "SELECT pg_advisory_xact_lock_shared(7804, 1)",
    ],
)  # fmt: skip
def test_what_its_own_login_is_refused(public, statement):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        public.execute(statement)


def python(code: str, told: str = "", **environment: str) -> subprocess.CompletedProcess:
    bare = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x", "RECEIPT_KEY": KEY,
        "INBOX_PUBLIC_KEY": KEY, "DATABASE_URL": "postgres://public_web@127.0.0.1/none", "REDIS_URL": "redis://x/0",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", code], env=bare | environment, input=told, capture_output=True, text=True
    )


SOME = {
    "kind": "d",
    "chart": "trend",
    "app_label": "orgs",
    "metric": "organizations",
    "form_token": str(uuid.UUID(int=1)),
}
LOOK = """
import sys, django
django.setup()
from django.urls import Resolver404, resolve
from tests.test_personas import addresses
for one in addresses():
    print("has", one.name)
for path in sys.stdin.read().split():
    try:
        print("opens", resolve(path).view_name)
    except Resolver404:
        print("404", path)
"""


def paths() -> Iterator[str]:
    """Of every address of the product."""
    for address in addresses():
        with contextlib.suppress(NoReverseMatch):
            yield address.url(**{name: SOME.get(name, "1") for name in address.parameters})


def test_the_public_face_has_these_addresses_and_no_other():
    told = list(paths())
    done = python(LOOK, "\n".join(told), FACE="public")
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        found.setdefault(line.split()[0], []).append(line.split()[1])
    assert set(found["has"]) == FACE_PUBLIC == set(found["opens"])
    assert PUBLIC > FACE_PUBLIC
    assert len(found["404"]) == len(told) - len(found["opens"]) > 250


@pytest.mark.parametrize(
    "name", ["FIELD_KEYS", "BLIND_INDEX_KEY", "AUDIT_SEAL_KEY", "INBOX_PRIVATE_KEY", "DATABASE_OWNER_URL"]
)
def test_the_public_face_refuses_what_opens_persons(name):
    done = python("import config.settings", FACE="public", **{name: "geheim"})
    assert done.returncode == 1 and f"不得持有 {name}" in done.stderr and "geheim" not in done.stderr


@pytest.mark.parametrize("missing", ["RECEIPT_KEY", "INBOX_PUBLIC_KEY"])
def test_the_public_face_needs_its_keys(missing):
    done = python("import config.settings", FACE="public", **{missing: ""})
    assert done.returncode == 1 and missing in done.stderr
