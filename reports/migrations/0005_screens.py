import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0004_foundings_taken_back"),
        ("reports", "0004_evaluations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Screen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, verbose_name="安装位置")),
                (
                    "pages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("overview", "总览与两个覆盖"),
                                ("areas", "区域地图与排名"),
                                ("markets", "专业市场与应建未建"),
                                ("places", "服务点与客流"),
                                ("trend", "趋势"),
                            ],
                            max_length=12,
                        ),
                        size=None,
                        verbose_name="轮播的页面",
                    ),
                ),
                ("seconds", models.PositiveSmallIntegerField(default=20, verbose_name="每页停留（秒）")),
                ("digest", models.CharField(editable=False, max_length=64, unique=True, verbose_name="密钥摘要")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="建立时间"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="到期时间")),
                ("revoked_at", models.DateTimeField(editable=False, null=True, verbose_name="停用时间")),
                ("last_seen_at", models.DateTimeField(editable=False, null=True, verbose_name="最近取数")),
                (
                    "last_address",
                    models.GenericIPAddressField(editable=False, null=True, verbose_name="最近取数的地址"),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="建立人",
                    ),
                ),
                (
                    "division",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="screens",
                        to="orgs.division",
                        verbose_name="区划",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="screens",
                        to="orgs.organization",
                        verbose_name="党组织",
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="停用人",
                    ),
                ),
            ],
            options={
                "verbose_name": "大屏",
                "verbose_name_plural": "大屏",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("division__isnull", True), ("organization__isnull", False)),
                            models.Q(("division__isnull", False), ("organization__isnull", True)),
                            _connector="OR",
                        ),
                        name="screen_of_exactly_one_unit",
                        violation_error_message="大屏要么属于党组织，要么属于区划，二选一。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pages__len__gt", 0)),
                        name="screen_shows_a_page",
                        violation_error_message="请至少选择一个页面。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seconds__gte", 10), ("seconds__lte", 600)),
                        name="screen_turns_in_time",
                        violation_error_message="每页停留 10 到 600 秒。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__gt", models.F("created_at")),
                            (
                                "expires_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("created_at"), "+", models.Value(datetime.timedelta(days=366))
                                ),
                            ),
                        ),
                        name="screen_expires_within_a_year",
                        violation_error_message="大屏的有效期最长 365 天。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_at__isnull", True), ("revoked_by__isnull", True)),
                            models.Q(("revoked_at__isnull", False), ("revoked_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="screen_revoked_by_somebody",
                    ),
                ],
            },
        ),
    ]
