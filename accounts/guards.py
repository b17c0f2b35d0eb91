"""Is what guards the audit's tables still there? A chain tells what became of events that were written down; a rule that drops
new ones, or a trigger that writes them otherwise, leaves a chain that is sound."""

from django.conf import settings
from django.db import connection

from accounts.models import AuditCheckpoint, AuditEvent, AuditSeal

GUARDED = (AuditEvent, AuditSeal, AuditCheckpoint)
# One row for each fault of one table: its name and what is wrong with it.
FAULTS = """
WITH guarded AS (SELECT c.* FROM pg_class c WHERE c.oid = ANY(%(tables)s::regclass[])),
    web AS (SELECT oid, rolsuper OR rolbypassrls AS is_free FROM pg_roles WHERE rolname = %(web)s)
SELECT relname, '不是普通的表，可能换成了别的内容' FROM guarded WHERE relkind <> 'r'
UNION ALL SELECT relname, '设了行级策略，可能藏起了一些行' FROM guarded WHERE relrowsecurity
UNION ALL SELECT relname, '设了规则 ' || rulename || '，新的记录可能写不进来' FROM guarded
    JOIN pg_rewrite ON ev_class = guarded.oid WHERE relkind = 'r'
UNION ALL SELECT relname, '设了触发器 ' || tgname || '，新的记录可能被改写' FROM guarded
    JOIN pg_trigger ON tgrelid = guarded.oid WHERE NOT tgisinternal
UNION ALL SELECT relname, '停用了外键检查' FROM guarded
    JOIN pg_trigger ON tgrelid = guarded.oid WHERE tgisinternal AND tgenabled <> 'O' GROUP BY relname
UNION ALL SELECT relname, '可以被角色 ' || %(web)s || ' 改动或删除' FROM guarded, web
    WHERE is_free OR pg_has_role(web.oid, relowner, 'USAGE') OR has_any_column_privilege(web.oid, guarded.oid, 'UPDATE')
        OR has_table_privilege(web.oid, guarded.oid, 'DELETE, TRUNCATE, TRIGGER')
"""


def faults() -> list[str]:
    """What is wrong with the guards, each as a sentence; nothing where all stand."""
    known = {"tables": [model._meta.db_table for model in GUARDED], "web": settings.DATABASE_WEB_ROLE}
    with connection.cursor() as cursor:
        cursor.execute(FAULTS, known)
        return [f"表 {table} {fault}。" for table, fault in cursor.fetchall()]
