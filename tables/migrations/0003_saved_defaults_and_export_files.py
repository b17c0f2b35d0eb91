import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_index_of_the_unfinished"),
        ("tables", "0002_unused_columns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="savedview",
            options={"ordering": ["name"], "verbose_name": "保存的视图", "verbose_name_plural": "保存的视图"},
        ),
        migrations.AddField(
            model_name="export",
            name="job",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="exports",
                to="jobs.job",
                verbose_name="任务",
            ),
        ),
        migrations.AddField(
            model_name="export",
            name="stored_as",
            field=models.CharField(blank=True, max_length=200, verbose_name="存放位置"),
        ),
        migrations.AddField(
            model_name="savedview",
            name="is_default",
            field=models.BooleanField(default=False, verbose_name="打开列表时使用"),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(fields=["owner", "-id"], name="export_owner_newest"),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("owner", "table"), name="savedview_one_default"
            ),
        ),
    ]
