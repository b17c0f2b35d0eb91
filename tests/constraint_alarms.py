"""What the constraints of alarms forbid; read by test_constraints.py."""

from datetime import timedelta

from django.utils import timezone

from tests import factories as make
from tests.constraint_cases import Cases, again, changed
from tests.persona_alarms import alarm


def handled(**more) -> dict:
    return {"handled_at": timezone.now(), "handled_by": make.make_user(duty="audit"), "note": "查过了", **more}


ALARMS: Cases = {
    "alarm_open_once": lambda city: again(alarm("large_export", about="7"), {}),
    "alarm_happened_in_order": lambda city: changed(alarm("large_export"), last_at=timezone.now() - timedelta(days=1)),
    "alarm_handled_by_somebody_with_a_note": lambda city: changed(alarm("large_export"), **handled(note="")),
}
