from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_row_codes")]

    operations = [
        migrations.AddField(
            model_name="indexkey",
            name="digests",
            field=models.BinaryField(max_length=32, null=True, verbose_name="摘要密钥的指纹"),
        )
    ]
