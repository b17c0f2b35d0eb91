"""History is append-only. The one exception: what an import founded and nobody touched may be taken back with it.

`orgs_forget_founding(batch, ids)` removes the line 成立 of organizations that this batch made, while the batch is being
undone and the line is the only one that an organization has.
"""

from django.conf import settings
from django.db import migrations

NAME = "orgs_forget_founding(bigint, bigint[])"
FORWARD = [
    """
CREATE FUNCTION orgs_forget_founding(undone bigint, ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM orgs_organizationchange c USING tables_batchrange r JOIN tables_batch b ON b.id = r.batch_id
    WHERE b.id = undone AND b.target = 'organization' AND b.state = 'undoing'
        AND c.organization_id = ANY(ids) AND c.organization_id BETWEEN r.first AND r.last AND c.event = 'create'
        AND NOT EXISTS (SELECT FROM orgs_organizationchange o
            WHERE o.organization_id = c.organization_id AND o.id <> c.id)
$$
""",
    f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC",
]


def grant(apps, editor):
    editor.execute(f"GRANT EXECUTE ON FUNCTION {NAME} TO {editor.quote_name(settings.DATABASE_WEB_ROLE)}")


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0003_stricter_tree"),
        ("tables", "0008_undo_conflicts"),
    ]

    operations = [
        migrations.RunSQL(FORWARD, f"DROP FUNCTION {NAME}"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
