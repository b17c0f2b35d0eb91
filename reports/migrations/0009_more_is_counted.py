from django.db import migrations, models

# What is kept between refreshes is made again: all of it, or none.
EMPTY = (
    "TRUNCATE reports_changedbusiness, reports_lastcount, reports_touched, reports_knownbusiness, reports_knownperson"
)
FLAGS = ("instructed", "grouped")
MAY_JUDGE = {"evaluationline": "evaluationline_metric_may_judge", "goal": "goal_metric_may_judge"}
SHAPE = "^[a-z][a-z0-9_]*(@[a-z_]+)?(#[a-z_]+)?$"
FORBIDDEN = (
    "^(members|registrations|registration|check_ins|checkins|applications|applicants|with_members|markets_suggested)"
    "|@with_members"
)


def may_judge(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(("metric__regex", SHAPE), models.Q(("metric__regex", FORBIDDEN), _negated=True)),
        name=name,
        violation_error_message="涉及党员、报到或签到的指标不能作为目标、权重或排名。",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0014_counts_in_one_pass"),
        ("members", "0009_event_digests_without_persons"),
        ("orgs", "0004_foundings_taken_back"),
        ("reports", "0008_kept_between_refreshes"),
        ("stations", "0003_check_in_tally"),
    ]

    operations = [
        migrations.RunSQL(EMPTY, EMPTY),
        *(
            migrations.AddField("knownbusiness", name, models.BooleanField(default=False), preserve_default=False)
            for name in FLAGS
        ),
        *(migrations.RemoveConstraint(model, name) for model, name in MAY_JUDGE.items()),
        *(migrations.AddConstraint(model, may_judge(name)) for model, name in MAY_JUDGE.items()),
    ]
