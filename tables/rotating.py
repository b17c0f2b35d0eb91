"""Where this room keeps ciphertexts outside columns of their own: for the rotation of keys."""

import base64
from collections import Counter
from collections.abc import Iterator

from django.db import connection, transaction

from accounts.crypto import CannotDecrypt, decrypt, encrypt, present_head
from accounts.rotation import SealedFolder, key_name, register_store
from tables import taking, uploads
from tables.before_images import COLUMN, SEALED
from tables.models import BatchChange

TABLE = BatchChange._meta.db_table
EACH = f"SELECT value ->> '{SEALED}' FROM jsonb_each({TABLE}.before) WHERE jsonb_typeof(value) = 'object'"


class BeforeImages:
    """Replaced values of personal columns, inside the JSON of a batch's changes."""

    label = "导入前的原值"

    def keys(self) -> Counter[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT substring(stored FOR 1 + (get_byte(stored, 0) & 127)), count(*)"
                f" FROM (SELECT decode(kept, 'base64') AS stored FROM {TABLE}, LATERAL ({EACH}) AS sealed (kept)"
                " WHERE kept IS NOT NULL) AS ciphertexts GROUP BY 1"
            )
            return Counter({key_name(bytes(head)): count for head, count in cursor.fetchall()})

    def turn(self, batch: int) -> Iterator[int]:
        last = 0
        while rows := list(
            BatchChange.objects.filter(pk__gt=last).extra(where=[f"EXISTS ({EACH})"]).order_by("pk")[:batch]
        ):
            last = rows[-1].pk
            yield self._replace(rows)

    @transaction.atomic
    def _replace(self, rows: list[BatchChange]) -> int:
        done = 0
        for row in rows:
            fresh = {name: self._turned(value) for name, value in row.before.items()}
            changed = sum(fresh[name] != value for name, value in row.before.items())
            if changed and BatchChange.objects.filter(pk=row.pk, before=row.before).update(before=fresh):
                done += changed
        return done

    def _turned(self, value):
        if not (isinstance(value, dict) and SEALED in value):
            return value
        stored = base64.b64decode(value[SEALED])
        if stored.startswith(present_head()):
            return value
        try:
            return {SEALED: base64.b64encode(encrypt(decrypt(stored, column=COLUMN), column=COLUMN)).decode()}
        except CannotDecrypt:
            return value


def register() -> None:
    register_store(BeforeImages())
    register_store(SealedFolder("导入的文件", uploads.FOLDER))
    register_store(SealedFolder("导出的文件", taking.FOLDER))
