"""Managers of units, and no administrator with a live posting.

"Live" depends on the day, so two triggers say it. Each locks the account's row, so that a grant and a change of duty at
the same time wait for each other.
"""

from django.db import migrations, models
from django.db.models import F, Q

REFUSE = """RAISE EXCEPTION '管理员不能兼任业务岗位：有任职的账号不能改任管理员，管理员也不能被授予任职。'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_not_of_administrator';"""
TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"
FORWARD = f"""
CREATE FUNCTION orgs_posting_not_of_administrator() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held text;
BEGIN
    IF NEW.ends_on IS NULL OR NEW.ends_on > {TODAY} THEN
        SELECT duty INTO held FROM accounts_user WHERE id = NEW.user_id FOR SHARE;
        IF held <> 'staff' THEN
            {REFUSE}
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER posting_not_of_administrator BEFORE INSERT OR UPDATE OF user_id, ends_on ON orgs_posting
    FOR EACH ROW EXECUTE FUNCTION orgs_posting_not_of_administrator();
CREATE FUNCTION orgs_administrator_without_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orgs_posting
               WHERE user_id = NEW.id AND (ends_on IS NULL OR ends_on > {TODAY})) THEN
        {REFUSE}
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER administrator_without_posting BEFORE UPDATE OF duty ON accounts_user
    FOR EACH ROW WHEN (NEW.duty <> 'staff') EXECUTE FUNCTION orgs_administrator_without_posting();
"""
BACKWARD = """
DROP TRIGGER administrator_without_posting ON accounts_user;
DROP FUNCTION orgs_administrator_without_posting();
DROP TRIGGER posting_not_of_administrator ON orgs_posting;
DROP FUNCTION orgs_posting_not_of_administrator();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sessions"),
        ("orgs", "0004_foundings_taken_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="posting",
            name="may_grant",
            field=models.BooleanField(
                default=False,
                help_text="可以在本单位及以下给他人授予、收回任职，不超过本人的权限和期限。",
                verbose_name="可在本单位授权",
            ),
        ),
        migrations.RemoveConstraint(model_name="posting", name="posting_period_in_order"),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="posting_period_in_order",
                violation_error_message="止期不能早于起期。",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
