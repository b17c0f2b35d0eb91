"""A version of the notice says whether consent is needed anew, and why (PIPL Art. 14(2)); a consent given anew is another row.

The constraint is not asked of versions published before: nobody said it of them, and they ask nobody anew.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("members", "0016_answers_of_papers")]

    operations = [
        migrations.AddField(
            "notice",
            "consent_anew",
            models.BooleanField(blank=True, null=True, verbose_name="是否须重新取得同意"),
        ),
        migrations.AddField("notice", "change", models.TextField(blank=True, default="", verbose_name="改了什么")),
        AddConstraintNotValid(
            "notice",
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | (Q(consent_anew__isnull=False) & ~Q(change="")),
                name="notice_published_says_whether_consent_anew",
                violation_error_message="要选明是否须重新取得同意，写明改了什么，才能发布。",
            ),
        ),
        migrations.RemoveConstraint("consent", "consent_once_while_live"),
        migrations.RemoveConstraint("consent", "consent_once_per_member"),
        migrations.AddConstraint(
            "consent",
            models.UniqueConstraint(
                fields=["registration", "item", "notice"],
                condition=Q(withdrawn_at__isnull=True),
                name="consent_once_while_live",
            ),
        ),
        migrations.AddConstraint(
            "consent",
            models.UniqueConstraint(
                fields=["member", "item", "notice"],
                condition=Q(withdrawn_at__isnull=True, registration__isnull=True),
                name="consent_once_per_member",
            ),
        ),
    ]
