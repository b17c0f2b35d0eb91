"""三亮 keeps the words that were agreed to, whose they are, and whether the plaque still hangs.

No page ever filled this table. What somebody wrote into it by hand does not say which name and organization were agreed to:
such a consent covers nothing, and the row goes.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

STANDINGS = [("full", "正式党员"), ("probationary", "预备党员")]


def forget(apps, editor):
    apps.get_model("members", "Pledge").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("members", "0018_digest_key_recorded")]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AddField(
            "pledge",
            "organization",
            models.ForeignKey(
                default=0,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pledges",
                to="orgs.organization",
                verbose_name="党组织",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge",
            "name",
            models.CharField(default="", max_length=60, verbose_name="牌上的姓名"),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge",
            "standing",
            models.CharField(choices=STANDINGS, default="", max_length=12, verbose_name="亮身份"),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge",
            "organization_name",
            models.CharField(default="", max_length=100, verbose_name="牌上的党组织"),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge",
            "place",
            models.CharField(blank=True, default="", max_length=200, verbose_name="挂牌地点"),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge",
            "number",
            models.CharField(blank=True, default="", max_length=20, verbose_name="牌号"),
            preserve_default=False,
        ),
        migrations.AddField(
            "pledge", "taken_off_on", models.DateField(blank=True, null=True, verbose_name="确认取下的日期")
        ),
        migrations.AlterField("pledge", "duty", models.CharField(max_length=100, verbose_name="亮职责")),
        migrations.AlterField("pledge", "promise", models.CharField(max_length=200, verbose_name="亮承诺")),
        migrations.AddConstraint(
            "pledge",
            models.UniqueConstraint(condition=Q(withdrawn_at__isnull=True), fields=("member",), name="pledge_one_live"),
        ),
        migrations.AddConstraint(
            "pledge",
            models.UniqueConstraint(
                condition=~Q(number="") & Q(taken_off_on__isnull=True),
                fields=("number",),
                name="pledge_number_hangs_once",
            ),
        ),
        migrations.AddConstraint(
            "pledge",
            models.CheckConstraint(
                condition=Q(taken_off_on__isnull=True) | Q(withdrawn_at__isnull=False),
                name="pledge_taken_off_once_withdrawn",
            ),
        ),
    ]
