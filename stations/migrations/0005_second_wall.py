"""Row-level security on the tables that hold persons: whoever forgot `visible_to` gets no persons of other districts.

The wall is coarse: by district committee, and by person. A person is shown where one of the districts that the session
names (accounts/wall.py) has to do with them: by a roll or activity, a registration, a check-in, a transfer or a seat. What
stands under no district committee counts as that of 0. It stands in this room because the last of these tables does.

The policies ask once for a statement whether the session sees everybody; then for the row's own district; and only then
about the person. The views are the owner's, whom the policies do not bind: through them a policy asks of tables that have
one too, and would else ask each other in a ring. They tell each session only of its own districts.
"""

from django.conf import settings
from django.db import migrations

FUNCTIONS = {
    "shows_everybody() RETURNS boolean": "SELECT coalesce(current_setting('app.districts', true) = 'all', false)",
    "shown_districts() RETURNS bigint[]": """
        SELECT CASE WHEN current_setting('app.districts', true) LIKE '{%}'
            THEN current_setting('app.districts', true)::bigint[] ELSE '{}' END""",
}
DISTRICTS = "(SELECT shown_districts())::bigint[]"


def here(row: str) -> str:
    """Both halves can use the index of the district."""
    column = f"{row}.district_committee_id"
    return f"({column} = ANY({DISTRICTS}) OR ({column} IS NULL AND 0 = ANY({DISTRICTS})))"


VIEWS = {
    "affiliated_here": f"SELECT a.member_id FROM members_affiliation a WHERE {here('a')}",
    "registered_here": f"SELECT r.member_id FROM members_registration r WHERE {here('r')}",
    "checked_in_here": f"SELECT c.member_id FROM stations_checkin c WHERE {here('c')}",
    "seated_or_moving_here": f"""
        SELECT s.member_id FROM members_seat s JOIN orgs_organization o ON o.id = s.organization_id WHERE {here("o")}
        UNION ALL SELECT t.member_id FROM members_transfer t JOIN orgs_organization o ON o.id = t.origin_id
            WHERE {here("o")}
        UNION ALL SELECT t.member_id FROM members_transfer t JOIN orgs_organization o ON o.id = t.target_id
            WHERE {here("o")}""",
}


def exists(view: str, key: str) -> str:
    """So that the planner may look one person up, or take a whole district's once."""
    return f"EXISTS (SELECT FROM {view} p WHERE p.member_id = {key})"


def person(key: str) -> str:
    return f"{exists('affiliated_here', key)} OR {exists('registered_here', key)}"


def in_passing(key: str) -> str:
    """Who only came by, or is on the way, is shown as a person; the rest of what is known of them is not."""
    return f"{exists('checked_in_here', key)} OR {key} IN (SELECT member_id FROM seated_or_moving_here)"


def registration(key: str) -> str:
    return f"EXISTS (SELECT FROM members_registration r WHERE r.id = {key})"  # as its own policy says


def own(table: str) -> str:
    return f"{here(table)} OR {person(f'{table}.member_id')}"


POLICIES = {
    "members_member": f"{person('members_member.id')} OR {in_passing('members_member.id')}",
    **{table: own(table) for table in ("members_affiliation", "members_registration", "stations_checkin")},
    **{table: registration(f"{table}.registration_id") for table in ("members_receipt", "members_contactlog")},
    **{
        table: f"{registration(f'{table}.registration_id')} OR {person(f'{table}.member_id')}"
        for table in ("members_consent", "members_rightsrequest")
    },
    **{table: person(f"{table}.member_id") for table in ("members_membercode", "members_pledge")},
    **{
        table: f"{person(f'{table}.member_id')} OR {in_passing(f'{table}.member_id')}"
        for table in ("members_transfer", "members_seat")
    },
}


def build(apps, editor):
    web = editor.quote_name(settings.DATABASE_WEB_ROLE)
    for name, body in FUNCTIONS.items():
        editor.execute(f"CREATE FUNCTION {name} LANGUAGE sql STABLE PARALLEL SAFE AS $$ {body} $$", params=None)
        editor.execute(f"REVOKE ALL ON FUNCTION {name.partition(' ')[0]} FROM PUBLIC")
        editor.execute(f"GRANT EXECUTE ON FUNCTION {name.partition(' ')[0]} TO {web}")
    for name, body in VIEWS.items():
        editor.execute(f"CREATE VIEW {name} AS {body}")
        editor.execute(f"REVOKE ALL ON {name} FROM PUBLIC, {web}")
        editor.execute(f"GRANT SELECT ON {name} TO {web}")
    for table, condition in POLICIES.items():
        editor.execute(
            f"CREATE POLICY {table}_by_district ON {table} TO {web} USING ((SELECT shows_everybody()) OR {condition})"
        )
        editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def tear_down(apps, editor):
    for table in POLICIES:
        editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        editor.execute(f"DROP POLICY {table}_by_district ON {table}")
    for name in VIEWS:
        editor.execute(f"DROP VIEW {name}")
    for name in FUNCTIONS:
        editor.execute(f"DROP FUNCTION {name.partition(' ')[0]}")


class Migration(migrations.Migration):
    dependencies = [("stations", "0004_public_face"), ("members", "0014_index_key_recorded")]
    operations = [migrations.RunPython(build, tear_down)]
