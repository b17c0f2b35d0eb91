import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts import roles


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0004_foundings_taken_back"),
        ("reports", "0012_groups_by_day"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ComparisonChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_open", models.BooleanField(verbose_name="对照")),
                ("reason", models.CharField(max_length=200, verbose_name="理由")),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="决定时间")),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="决定人",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comparison_choices",
                        to="orgs.organization",
                        verbose_name="党组织",
                    ),
                ),
            ],
            options={
                "verbose_name": "下级对照的决定",
                "verbose_name_plural": "下级对照的决定",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="comparisonchoice_has_a_reason",
                        violation_error_message="请写明理由。",
                    )
                ],
            },
        ),
        roles.append_only("reports_comparisonchoice"),
    ]
