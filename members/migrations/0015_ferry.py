"""Files that are carried between the two faces: the book of them, and in which of them what went."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

from accounts.roles import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0014_index_key_recorded"),
    ]

    operations = [
        migrations.AddField(
            model_name="answer",
            name="ferried_in",
            field=models.PositiveIntegerField(editable=False, null=True, verbose_name="随第几号文件送出"),
        ),
        migrations.AddField(
            model_name="submission",
            name="ferried_in",
            field=models.PositiveIntegerField(editable=False, null=True, verbose_name="随第几号文件到达"),
        ),
        migrations.CreateModel(
            name="FerryFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "direction",
                    models.CharField(
                        choices=[("to-staff", "公众侧 → 工作侧"), ("to-public", "工作侧 → 公众侧")],
                        max_length=9,
                        verbose_name="方向",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="编号")),
                ("made_at", models.DateTimeField(null=True, verbose_name="生成时间")),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        max_length=64,
                        validators=[django.core.validators.RegexValidator("^[0-9a-f]{64}$")],
                        verbose_name="内容摘要",
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=16, verbose_name="签名密钥指纹")),
                ("counts", models.JSONField(default=dict, verbose_name="件数")),
                ("heard", models.PositiveIntegerField(default=0, verbose_name="已收到对方的编号")),
                ("noted_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="记录时间")),
            ],
            options={
                "verbose_name": "摆渡文件",
                "verbose_name_plural": "摆渡文件",
                "constraints": [
                    models.UniqueConstraint(fields=("direction", "number"), name="ferryfile_number_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("digest", ""), ("key", ""), ("made_at__isnull", True)),
                            models.Q(
                                ("made_at__isnull", False),
                                models.Q(("digest", ""), _negated=True),
                                models.Q(("key", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ferryfile_is_whole_or_lost",
                        violation_error_message="摆渡文件要么记全生成时间、摘要和密钥，要么登记为遗失。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)),
                        name="ferryfile_numbers_from_one",
                        violation_error_message="摆渡文件的编号从 1 开始。",
                    ),
                ],
            },
        ),
        append_only("members_ferryfile"),
    ]
