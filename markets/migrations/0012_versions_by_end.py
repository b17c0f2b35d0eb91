from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("markets", "0011_hand_overs_by_systems")]

    operations = [
        migrations.AddIndex(
            model_name="businessversion",
            index=models.Index(fields=["valid_to"], name="businessversion_replaced"),
        ),
    ]
