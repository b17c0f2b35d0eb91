"""What the constraints of wall screens, and of who may be compared, forbid; read by test_constraints.py."""

from datetime import timedelta

from django.utils import timezone

from reports.models import ComparisonChoice, Screen
from tests import factories as make
from tests.constraint_cases import Cases, changed


def screen(city: make.City) -> Screen:
    now = timezone.now()
    return Screen.objects.create(
        organization=city.yuehai, name="一楼大厅", pages=["overview"], seconds=10, digest="0" * 64,
        created_by=make.make_user(), created_at=now, expires_at=now + timedelta(days=366),
    )  # fmt: skip


SCREENS: Cases = {
    "screen_of_exactly_one_unit": lambda city: changed(
        screen(city), {"organization": None}, {"division": city.divisions["yuehai"]}
    ),
    "screen_shows_a_page": lambda city: changed(screen(city), pages=[]),
    "screen_turns_in_time": lambda city: changed(screen(city), {"seconds": 9}, {"seconds": 601}),
    "screen_expires_within_a_year": lambda city: changed(
        (row := screen(city)),
        {"expires_at": row.created_at},
        {"expires_at": row.created_at + timedelta(days=366, seconds=1)},
    ),
    "screen_revoked_by_somebody": lambda city: changed(
        (row := screen(city)), {"revoked_at": timezone.now()}, {"revoked_by": row.created_by}
    ),
    "comparisonchoice_has_a_reason": lambda city: [
        lambda: ComparisonChoice.objects.create(
            organization=city.nanshan, is_open=True, reason="", decided_by=make.make_user()
        )
    ],
}
