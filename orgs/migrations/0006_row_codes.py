from django.db import migrations

from accounts.row_codes import RowCodeField, every_row, give_codes

OVER = ["user", "organization", "division", "role", "starts_on", "ends_on", "granted_by", "may_grant"]


def _give(apps, schema_editor):
    give_codes(every_row(apps.get_model("orgs", "posting")))


class Migration(migrations.Migration):
    dependencies = [("orgs", "0005_unit_managers")]

    operations = [
        migrations.AddField(
            model_name="posting",
            name="row_code",
            field=RowCodeField(default=b"", over=OVER, verbose_name="校验码"),
            preserve_default=False,
        ),
        migrations.RunPython(_give, migrations.RunPython.noop),
    ]
