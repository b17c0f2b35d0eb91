"""A first load drops and builds again what the empty table keeps beside its rows; the web role may only ask for it.

`markets_business_bare(rows)` takes secondary indexes, unique keys and foreign keys away and keeps their definitions in a
table that only the owner reads; `markets_business_rebuild()` makes the next of them. A deferred trigger refuses to
commit while one is missing, so nobody can leave the table bare.
"""

from django.conf import settings
from django.db import migrations

TABLE, KEPT = "markets_business", "markets_firstload"

FORWARD = [
    f"CREATE TABLE {KEPT} (position int PRIMARY KEY, made text NOT NULL, gone text NOT NULL)",
    f"""
CREATE FUNCTION {TABLE}_bare(rows bigint, OUT base bigint, OUT steps int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '900ms' AS $$
DECLARE
    one record;
BEGIN
    LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM {TABLE}) THEN
        RAISE EXCEPTION '{TABLE} is not empty' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SET CONSTRAINTS {KEPT}_rebuilt DEFERRED;
    INSERT INTO {KEPT} SELECT row_number() OVER (ORDER BY class, name), made, gone FROM (
        SELECT 1 AS class, c.relname AS name, pg_get_indexdef(i.indexrelid) AS made,
            format('DROP INDEX %I', c.relname) AS gone
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = '{TABLE}'::regclass
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)
        UNION ALL
        SELECT CASE contype WHEN 'f' THEN 2 ELSE 0 END, conname,
            format('ALTER TABLE {TABLE} ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)),
            format('ALTER TABLE {TABLE} DROP CONSTRAINT %I', conname)
        FROM pg_constraint k WHERE conrelid = '{TABLE}'::regclass AND contype IN ('u', 'x', 'f')
            AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.contype = 'f' AND o.conindid = k.conindid
                AND k.contype <> 'f')
    ) found;
    FOR one IN SELECT gone FROM {KEPT} ORDER BY position DESC LOOP
        EXECUTE one.gone;
    END LOOP;
    SELECT count(*) INTO steps FROM {KEPT};
    base := nextval(pg_get_serial_sequence('{TABLE}', 'id'));
    PERFORM setval(pg_get_serial_sequence('{TABLE}', 'id'), base + rows);
END $$
""",
    f"""
CREATE FUNCTION {TABLE}_rebuild() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    next record;
BEGIN
    SELECT position, made INTO next FROM {KEPT} ORDER BY position LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE next.made;
    DELETE FROM {KEPT} WHERE position = next.position;
    RETURN true;
END $$
""",
    f"""
CREATE FUNCTION {KEPT}_is_rebuilt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM {KEPT} WHERE position = NEW.position) THEN
        RAISE EXCEPTION '{TABLE} is not rebuilt';
    END IF;
    RETURN NULL;
END $$
""",
    f"CREATE CONSTRAINT TRIGGER {KEPT}_rebuilt AFTER INSERT ON {KEPT} DEFERRABLE INITIALLY DEFERRED "
    f"FOR EACH ROW EXECUTE FUNCTION {KEPT}_is_rebuilt()",
    f"REVOKE ALL ON FUNCTION {TABLE}_bare(bigint), {TABLE}_rebuild(), {KEPT}_is_rebuilt() FROM PUBLIC",
]
BACK = [
    f"DROP TABLE {KEPT}",
    f"DROP FUNCTION {TABLE}_bare(bigint), {TABLE}_rebuild(), {KEPT}_is_rebuilt()",
]


def grant(apps, editor):
    web = editor.quote_name(settings.DATABASE_WEB_ROLE)
    editor.execute(f"REVOKE ALL ON {KEPT} FROM {web}")
    editor.execute(f"GRANT EXECUTE ON FUNCTION {TABLE}_bare(bigint), {TABLE}_rebuild() TO {web}")


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0005_sources"),
    ]

    operations = [
        migrations.RunSQL(FORWARD, BACK),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
