from hmac import compare_digest

from django.db import migrations, models

from accounts.row_codes import RowCodeField, every_row

BEFORE = ["username", "duty", "is_active", "password", "password_is_temporary", "password_set_at"]
AFTER = [*BEFORE, "clearance"]


def _recode(old: list[str], new: list[str]):
    """What was whole stays whole; an account that was changed outside does not become so."""

    def recode(apps, schema_editor):
        model = apps.get_model("accounts", "User")
        was, will_be = RowCodeField(over=old), RowCodeField(over=new)
        was.model = will_be.model = model
        for user in every_row(model):
            if compare_digest(bytes(user.row_code), was.code_of(user)):
                model._base_manager.filter(pk=user.pk).update(row_code=will_be.code_of(user))

    return recode


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_seen_rows")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="clearance",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "内部"), (2, "敏感"), (3, "高敏")],
                default=3,
                help_text="业务人员的权限只在标记够到的内容上起作用：党员的遮盖信息是敏感，登记、核实和显示完整信息是高敏，其余是内部。",
                verbose_name="安全标记",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("clearance__in", [1, 2, 3])), name="user_clearance_is_known"
            ),
        ),
        migrations.AlterField(
            model_name="user", name="row_code", field=RowCodeField(over=AFTER, verbose_name="校验码")
        ),
        migrations.RunPython(_recode(BEFORE, AFTER), _recode(AFTER, BEFORE)),
    ]
