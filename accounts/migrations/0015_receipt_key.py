from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_digest_key")]

    operations = [
        migrations.AddField(
            model_name="indexkey",
            name="receipts",
            field=models.BinaryField(max_length=32, null=True, verbose_name="回执密钥的指纹"),
        )
    ]
