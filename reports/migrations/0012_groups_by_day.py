from django.db import migrations, models


class Migration(migrations.Migration):
    """Two indexes a table cost more at every count than they saved at a reading: a day's groups are some thousand rows."""

    dependencies = [("reports", "0011_breakdowns")]

    operations = [
        operation
        for name in ("owncount", "knowncount")
        for operation in (
            migrations.RemoveIndex(name, f"{name}_guidance"),
            migrations.RemoveIndex(name, f"{name}_place"),
            migrations.AddIndex(name, models.Index(fields=["as_of"], name=f"{name}_day")),
        )
    ]
