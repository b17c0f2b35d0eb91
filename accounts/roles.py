"""The two database roles, as migration operations.

The owner (who runs migrations) makes the tables; the web role reads and writes rows and nothing else.
The operations run as owner; the web role's name comes from settings. Roles themselves are made by whoever
sets the server up, because making a role needs rights that no process of ours has.
"""

from django.conf import settings
from django.db import migrations

ROWS = "SELECT, INSERT, UPDATE, DELETE, MAINTAIN"  # MAINTAIN lets a job ANALYZE what it loaded


def _run(editor, *statements: str) -> None:
    web = editor.quote_name(settings.DATABASE_WEB_ROLE)
    for statement in statements:
        editor.execute(statement.format(web=web))


def open_schema() -> migrations.RunPython:
    """Rows of every table, those that exist and those that later migrations make.

    Both halves are needed: the order of apps without dependencies between them is only alphabetical.
    """

    def forwards(apps, editor):
        _run(
            editor,
            "GRANT USAGE ON SCHEMA public TO {web}",
            f"GRANT {ROWS} ON ALL TABLES IN SCHEMA public TO {{web}}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {web}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {ROWS} ON TABLES TO {{web}}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {web}",
            "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {web}",
        )

    return migrations.RunPython(forwards, migrations.RunPython.noop)


def append_only(table: str) -> migrations.RunPython:
    """The web role may add rows to `table` and read them, never change or remove one."""

    def forwards(apps, editor):
        _run(editor, f'REVOKE UPDATE, DELETE, TRUNCATE, MAINTAIN ON "{table}" FROM {{web}}')

    return migrations.RunPython(forwards, migrations.RunPython.noop)
