from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_account_measures"),
    ]

    operations = [
        migrations.AlterField(
            model_name="accountmeasure",
            name="kind",
            field=models.CharField(
                choices=[
                    ("unlock", "解除登录锁定"),
                    ("reset", "重置第二因素"),
                    ("disable", "停用账号"),
                    ("enable", "重新启用账号"),
                    ("idle", "久未使用自动停用"),
                ],
                max_length=10,
                verbose_name="处置",
            ),
        ),
        migrations.RemoveConstraint(model_name="accountmeasure", name="accountmeasure_kind_is_known"),
        migrations.AddConstraint(
            model_name="accountmeasure",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["unlock", "reset", "disable", "enable", "idle"])),
                name="accountmeasure_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="accountmeasure",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("kind", "idle"), _negated=True), ("by__isnull", True), _connector="OR"),
                name="accountmeasure_idle_is_nobodys",
                violation_error_message="久未使用的停用由系统办理，没有办理人。",
            ),
        ),
        # backwards: the version before knows no such kind
        migrations.RunSQL(
            migrations.RunSQL.noop, "UPDATE accounts_accountmeasure SET kind = 'disable' WHERE kind = 'idle'"
        ),
    ]
