from django.db import migrations

from orgs.fields import composite_keys


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]
    operations = [
        *composite_keys("markets_industryarea"),
        *composite_keys("markets_market"),
        *composite_keys("markets_deliverysite"),
        *composite_keys("markets_business"),
    ]
