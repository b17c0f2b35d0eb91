# What the three administrators should look at, and how far the audit was looked through.

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0015_self_checks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlarmRound",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.BigIntegerField(verbose_name="看到的封存序号")),
                ("looked_at", models.DateTimeField(verbose_name="巡查时间")),
            ],
            options={
                "verbose_name": "告警巡查",
                "verbose_name_plural": "告警巡查",
            },
        ),
        migrations.CreateModel(
            name="Alarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="种类")),
                ("about", models.CharField(blank=True, max_length=60, verbose_name="关于")),
                ("text", models.CharField(blank=True, max_length=400, verbose_name="情况")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="次数")),
                ("first_at", models.DateTimeField(verbose_name="最早")),
                ("last_at", models.DateTimeField(verbose_name="最近")),
                ("told_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="通知时间")),
                (
                    "owed",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="待外送",
                    ),
                ),
                ("trouble", models.CharField(blank=True, max_length=100, verbose_name="外送失败的原因")),
                ("handled_at", models.DateTimeField(null=True, verbose_name="处理时间")),
                ("note", models.CharField(blank=True, max_length=200, verbose_name="处理说明")),
                (
                    "handled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="处理人",
                    ),
                ),
            ],
            options={
                "verbose_name": "告警",
                "verbose_name_plural": "告警",
                "indexes": [
                    models.Index(fields=["kind", "-id"], name="alarm_kind"),
                    models.Index(condition=models.Q(("owed", []), _negated=True), fields=["id"], name="alarm_owed"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("handled_at", None)),
                        fields=("kind", "about"),
                        name="alarm_open_once",
                        violation_error_message="同一件事已有一条没有处理的告警。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("count__gte", 1), ("last_at__gte", models.F("first_at"))),
                        name="alarm_happened_in_order",
                        violation_error_message="最近一次不能早于最早一次。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("handled_at", None), ("handled_by", None), ("note", "")),
                            models.Q(
                                ("handled_at__isnull", False),
                                ("handled_by__isnull", False),
                                models.Q(("note", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alarm_handled_by_somebody_with_a_note",
                        violation_error_message="处理告警要写明说明。",
                    ),
                ],
            },
        ),
    ]
