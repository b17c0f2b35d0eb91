"""What was said of columns is kept by their place; what was kept by their names is learnt again with the next file."""

from django.db import migrations, models

import accounts.crypto

FORGET = "DELETE FROM tables_columnmapping; UPDATE tables_batch SET mapping = '{}' WHERE mapping <> '{}'"


class Migration(migrations.Migration):
    dependencies = [
        ("tables", "0008_undo_conflicts"),
    ]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="headers",
            field=accounts.crypto.EncryptedTextField(null=True, verbose_name="表头"),
        ),
        migrations.AlterField(
            model_name="batch",
            name="state",
            field=models.CharField(
                choices=[
                    ("reading", "读取中"),
                    ("unmapped", "待对应列"),
                    ("checked", "待确认"),
                    ("applying", "写入中"),
                    ("applied", "已写入"),
                    ("refused", "无法读取"),
                    ("cancelled", "已放弃"),
                    ("undoing", "撤销中"),
                    ("undone", "已撤销"),
                ],
                default="reading",
                max_length=12,
                verbose_name="状态",
            ),
        ),
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]
