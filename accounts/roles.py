"""The database roles, as migration operations.

The owner (who runs migrations) makes the tables; the web role reads and writes rows and nothing else. The public role, which
the public face signs in as, has nothing but what a migration names column by column (tests/setup/test_public_role.py).
The operations run as owner; the web role's name comes from settings. Roles themselves are made by whoever
sets the server up, because making a role needs rights that no process of ours has.
"""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
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


def _require_public_role(editor) -> str:
    name = settings.DATABASE_PUBLIC_ROLE
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone() is None:
            raise ImproperlyConfigured(
                f"数据库里没有公众侧的角色 {name}：请以超级用户执行 CREATE ROLE {name} LOGIN PASSWORD '…'; 后再迁移"
                "（见 docs/manual/administrators.md 的“公众侧与工作侧”）。"
            )
    return editor.quote_name(name)


def open_to_public(statement: str) -> migrations.RunPython:
    """One grant to the public role; `{public}` in `statement` is its name."""

    def forwards(apps, editor):
        editor.execute(statement.format(public=_require_public_role(editor)))

    def backwards(apps, editor):
        taken = statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")
        editor.execute(taken.format(public=_require_public_role(editor)))

    return migrations.RunPython(forwards, backwards)
