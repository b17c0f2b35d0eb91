from django.db import migrations

from accounts.row_codes import RowCodeField, every_row, give_codes

OVER = {
    "user": ["username", "duty", "is_active", "password", "password_is_temporary", "password_set_at"],
    "authenticator": ["user", "secret"],
    "passkey": ["user", "credential_id", "credential"],
    "apitoken": ["user", "scopes", "digest", "expires_at"],
    "outsideidentity": ["user", "issuer", "subject"],
}


def _give(apps, schema_editor):
    for name in OVER:
        give_codes(every_row(apps.get_model("accounts", name)))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_accounts_nobody_uses")]

    operations = [
        *(
            migrations.AddField(
                model_name=name,
                name="row_code",
                field=RowCodeField(default=b"", over=over, verbose_name="校验码"),
                preserve_default=False,
            )
            for name, over in OVER.items()
        ),
        migrations.RunPython(_give, migrations.RunPython.noop),
    ]
