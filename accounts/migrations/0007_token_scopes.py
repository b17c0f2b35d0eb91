import django.contrib.postgres.fields
from django.db import migrations, models

# What a token could do before: everything that its owner may read.
EVERYTHING = [
    "businesses", "check_ins", "documents", "judged", "members", "numbers", "organizations", "service_points",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                default=EVERYTHING,
                size=None,
                verbose_name="可以做什么",
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("scopes", []), _negated=True),
                name="apitoken_has_a_scope",
                violation_error_message="请至少勾选一项令牌可以做的事。",
            ),
        ),
    ]
