"""What the constraints of self-checks forbid; read by test_constraints.py."""

from jobs.models import Job
from reports import printing
from tests import factories as make
from tests.constraint_cases import Cases, again
from tests.persona_printed import self_check


def twin(city: make.City, **columns):
    by = make.make_user(duty="security")
    row = self_check(by, make.make_user("officer", city.yuehai))
    job = Job.objects.create(kind="test", title="另一次", owner=by)
    return again(row, {"number": "ZJ2", "code": printing.new_code(), "job": job} | columns)


SELF_CHECKS: Cases = {
    "selfcheck_verdict_is_known": lambda city: twin(city, verdict="fine"),
    "selfcheck_has_a_reason": lambda city: twin(city, reason=""),
}
