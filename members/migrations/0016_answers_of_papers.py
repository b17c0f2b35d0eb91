"""What an answer is sealed for: a receipt, or a printed report."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0015_ferry"),
    ]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="what",
            field=models.CharField(
                db_default="answer", default="answer", editable=False, max_length=8, verbose_name="用途"
            ),
        ),
    ]
