"""Requests are answered with an outcome and a reply to the person, may be taken down in person, and carry a sealed copy."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.crypto


def seal_answers(apps, editor) -> None:
    """What was answered is the person's from now on: encrypted, and shown on the receipt."""
    requests = apps.get_model("members", "RightsRequest").objects
    for row in requests.filter(done_at__isnull=False).iterator():
        requests.filter(pk=row.pk).update(outcome="granted", reply=row.answer)


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0010_notice_names_joint_handlers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="rightsrequest",
            name="details",
            field=accounts.crypto.EncryptedTextField(null=True, verbose_name="本人说的"),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="done_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="办结人",
            ),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="member",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rights_requests",
                to="members.member",
                verbose_name="党员",
            ),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="outcome",
            field=models.CharField(
                blank=True, choices=[("granted", "已办理"), ("refused", "不予办理")], max_length=8, verbose_name="结果"
            ),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="reply",
            field=accounts.crypto.EncryptedTextField(null=True, verbose_name="给本人的答复"),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="sealed",
            field=models.BinaryField(null=True, verbose_name="副本"),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="sealed_until",
            field=models.DateTimeField(editable=False, null=True, verbose_name="副本保留至"),
        ),
        migrations.AddField(
            model_name="rightsrequest",
            name="taken_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="现场受理人",
            ),
        ),
        migrations.AlterField(
            model_name="rightsrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("withdraw", "撤回同意"),
                    ("copy", "查阅复制"),
                    ("correct", "更正补充"),
                    ("erase", "删除"),
                    ("object", "异议"),
                    ("explain", "解释说明"),
                ],
                max_length=10,
                verbose_name="事项",
            ),
        ),
        migrations.AlterField(
            model_name="rightsrequest",
            name="registration",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rights_requests",
                to="members.registration",
                verbose_name="报到",
            ),
        ),
        migrations.RunPython(seal_answers, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name="rightsrequest",
            name="answer",
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("registration__isnull", False), ("member__isnull", False), _connector="OR"),
                name="rightsrequest_is_somebodys",
                violation_error_message="申请要说明是谁的。",
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at__isnull", True), ("outcome", "")),
                    models.Q(("done_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="rightsrequest_done_has_outcome",
                violation_error_message="办结要写明结果。",
            ),
        ),
        migrations.AddConstraint(
            model_name="rightsrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("sealed__isnull", True), ("sealed_until__isnull", False), _connector="OR"),
                name="rightsrequest_copy_ends",
                violation_error_message="给本人的副本要有保留期限。",
            ),
        ),
    ]
