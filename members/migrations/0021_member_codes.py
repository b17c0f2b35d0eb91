from django.db import migrations

from accounts.row_codes import RowCodeField, every_row, give_codes

OVER = {
    "member": [
        "id", "name", "sex", "id_number", "phone", "standing", "ended", "ended_on", "joined_on", "occupation",
        "workplace_business", "workplace", "entered_at", "erased_at",
    ],
    "registration": [
        "id", "channel", "confirmation", "poster", "market", "workplace_business", "member", "duplicate_of", "state",
        "name", "sex", "id_number", "phone", "standing", "occupation", "workplace", "home_place", "home_branch",
        "home_unknown", "submitted_at", "due_on", "decided_at", "decided_by", "method", "reason", "withdrawn_at",
        "erased_at",
    ],
    "consent": ["registration", "member", "notice", "item", "channel", "given_at", "reference", "withdrawn_at"],
    "affiliation": ["id", "member", "organization", "kind", "starts_on", "ends_on", "contact", "entered_at"],
}  # fmt: skip


def _give(apps, schema_editor):
    for name in OVER:
        give_codes(every_row(apps.get_model("members", name)))


class Migration(migrations.Migration):
    dependencies = [("members", "0020_receipt_key_recorded")]

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
