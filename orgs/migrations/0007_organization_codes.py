from django.db import migrations

from accounts.row_codes import RowCodeField, every_row, give_codes

OVER = [
    "id", "parent", "superior", "superior_name", "district", "street", "level", "kind", "host_kind", "code",
    "name", "short_name", "approved_on", "term_starts_on", "term_ends_on", "extended_until",
    "extension_document", "closed_on", "entered_at",
]  # fmt: skip


def _give(apps, schema_editor):
    give_codes(every_row(apps.get_model("orgs", "organization")))


class Migration(migrations.Migration):
    dependencies = [("orgs", "0006_row_codes")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="row_code",
            field=RowCodeField(default=b"", over=OVER, verbose_name="校验码"),
            preserve_default=False,
        ),
        migrations.RunPython(_give, migrations.RunPython.noop),
    ]
