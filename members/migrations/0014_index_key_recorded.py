"""Write down under which key the blind index was made, after a look at whether this process makes it alike."""

from django.db import migrations

from accounts.index_key import OTHER, fingerprint
from members.identity import id_number_index


def record(apps, editor):
    Member = apps.get_model("members", "Member")
    some = Member.objects.filter(id_number_index__isnull=False, id_number__isnull=False).order_by("pk").first()
    if some is not None and bytes(some.id_number_index) != id_number_index(some.id_number):
        raise ValueError(OTHER)
    apps.get_model("accounts", "IndexKey").objects.get_or_create(pk=1, defaults={"fingerprint": fingerprint()})


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0013_two_faces"),
        ("accounts", "0009_index_key"),
    ]

    operations = [migrations.RunPython(record, migrations.RunPython.noop, elidable=False)]
