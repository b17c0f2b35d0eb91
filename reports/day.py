"""The officer's day: what waits at the own guidance station, by counts. No person is named here."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q, Sum
from django.utils import timezone

from members.models import Pledge, Registration, RightsRequest
from stations.models import CheckIn, FootfallTally


@dataclass(frozen=True)
class Day:
    """Counts of one working day. `overdue` and the dues are of open registrations only; `consent_due`: registrations whose
    consent must be obtained anew (PIPL Art. 14(2)); `plaques`: of 三亮, ended and perhaps still hanging."""

    on: date
    submitted: int
    contacted: int
    overdue: int
    due_today: int
    due_soon: int
    verified_today: int
    check_ins: int
    footfall: int
    rights_requests: int
    consent_due: int
    plaques: int

    @property
    def waiting(self) -> int:
        return self.submitted + self.contacted


def day_of(user, on: date | None = None) -> Day:
    """What waits for `user` on a day (by default today, Asia/Shanghai): due soon means within the next three days."""
    on = on or timezone.localdate()
    begins = timezone.make_aware(datetime.combine(on, time.min))
    is_open = Q(state__in=Registration.OPEN)
    queue = Registration.objects.visible_to(user).aggregate(
        submitted=Count("pk", filter=Q(state=Registration.State.SUBMITTED)),
        contacted=Count("pk", filter=Q(state=Registration.State.CONTACTED)),
        overdue=Count("pk", filter=is_open & Q(due_on__lt=on)),
        due_today=Count("pk", filter=is_open & Q(due_on=on)),
        due_soon=Count("pk", filter=is_open & Q(due_on__gt=on, due_on__lte=on + timedelta(days=3))),
        verified_today=Count("pk", filter=Q(state=Registration.State.VERIFIED, decided_at__gte=begins)),
    )
    footfall = FootfallTally.objects.visible_to(user).filter(on=on).aggregate(total=Sum("count"))
    return Day(
        on=on,
        **queue,
        check_ins=CheckIn.objects.visible_to(user).filter(on=on).distinct().count(),
        footfall=footfall["total"] or 0,
        rights_requests=RightsRequest.objects.visible_to(user).filter(done_at__isnull=True).count(),
        consent_due=Registration.objects.visible_to(user).consent_due().count(),
        plaques=Pledge.objects.visible_to(user).to_take_off().count(),
    )
