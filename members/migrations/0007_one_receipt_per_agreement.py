from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0006_consent_reference"),
    ]

    operations = [
        migrations.AddField(
            model_name="receipt",
            name="agreement_index",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="agreed_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="同意时间"),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(
                fields=["agreement_index", "agreed_at"], name="receipt_once_per_agreement"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(
                name="receipt_agreement_has_its_time",
                condition=Q(("agreed_at__isnull", True), ("agreement_index__isnull", True))
                | Q(("agreed_at__isnull", False), ("agreement_index__isnull", False)),
            ),
        ),
    ]
